"""The part that all readers share: checked records, fingerprint and encodings of pairs that lie in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.fingerprint import count_encodings, portable_fingerprint
from depthrepro.data.io.calibration import StereoCamera
from depthrepro.data.io.images import ImageProbe
from depthrepro.data.readers.checks import (
    FolderIndex,
    PairFiles,
    check_calibration,
    check_same_size,
    check_unique,
    keep_present,
    misnamed_note,
    probe_images,
)
from depthrepro.data.readers.left_right import check_left_right
from depthrepro.data.stereo import StereoDataset, StereoRecord

CameraOf = Callable[[PairFiles, tuple[int, int]], StereoCamera]


class FilePairs(StereoDataset):
    """Stereo pairs in files, checked when they are put together; subclasses add their ground truth.

    Args:
        name: Data set and split for people.
        pairs: Files of the pairs that the split names.
        index: Knows which files there are.
        camera_of: Calibration of a pair whose images have the given (height, width). For a mirrored pair it describes
            the cameras as they are, not as seen in the mirror.
        allow_missing: Go on with the pairs that are there.
        grey: Read the images as grey.

    Attributes:
        notes: Lines for the start of a run.

    Raises:
        UserError: If a file is missing, an image is damaged, the images of a pair differ in size, an image does not fit
            its calibration, or left and right look swapped.
    """

    def __init__(
        self,
        name: str,
        pairs: Sequence[PairFiles],
        index: FolderIndex,
        camera_of: CameraOf,
        allow_missing: bool,
        *,
        grey: bool = False,
    ) -> None:
        self.name, self.expected = name, len(pairs)
        self.notes: list[str] = []
        check_unique(name, [pair.id for pair in pairs])
        present = keep_present(pairs, index, name, allow_missing, self.notes)
        probes = probe_images((path for pair in present for path in (pair.left, pair.right)), name)
        self.records = [replace(_record(pair, probes, camera_of), grey=grey) for pair in present]
        how = ", read as grey" if grey else ""
        self.encodings = {f"{encoding}{how}": count for encoding, count in count_encodings(probes.values()).items()}
        self.fingerprint = portable_fingerprint(self.records, probes)
        self.notes += misnamed_note(probes.values(), name)
        check_left_right(self)

    def no_ground_truth(self, ground_truth: GroundTruth, *known: GroundTruth) -> UserError:
        """The error for a kind of ground truth that this data set never has."""
        names = " or ".join(f"eval.ground_truth={kind.value}" for kind in known)
        return UserError(f"{self.name} has no ground truth '{ground_truth.value}': choose {names}")


def _record(pair: PairFiles, probes: dict[Path, ImageProbe], camera_of: CameraOf) -> StereoRecord:
    image = probes[pair.left]
    check_same_size(image, probes[pair.right])
    camera = camera_of(pair, image.size)
    check_calibration(image, camera)
    if pair.mirrored:
        camera = camera.mirrored(image.size[1])
    return StereoRecord(pair.id, image.size, pair.left, pair.right, camera.K, camera.baseline_m, pair.mirrored)
