"""Digests of a data set: portable ones that name it in results, and a local one that keys the frame cache."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.data.base import ImageDataset
from depthrepro.data.io.images import ImageProbe
from depthrepro.data.stereo import StereoRecord


def portable_fingerprint(records: Sequence[StereoRecord], probes: Mapping[Path, ImageProbe]) -> str:
    """Hex digest of ids, image sizes, byte sizes, encodings, calibration and what the images are read as.

    Folders and times stay out, so that copies of a data set on two machines have one fingerprint.

    Args:
        records: The pairs, in order.
        probes: What is known of each of their files.
    """
    digest = hashlib.sha256()
    for record in records:
        files = [f"{probe.n_bytes} {probe.encoding}" for probe in (probes[record.left], probes[record.right])]
        # Nine digits: more than any calibration file has, fewer than the last bits of a division.
        camera = " ".join(f"{value:.9g}" for row in record.K for value in row) + f" {record.baseline_m:.9g}"
        parts = [record.id, str(record.size), *files, camera, str(record.mirrored), *(["grey"] if record.grey else [])]
        digest.update("|".join(parts).encode() + b"\n")
    return digest.hexdigest()


def synthetic_fingerprint(data: ImageDataset, root: Path) -> str:
    """Hex digest of a synthetic set's name, version and settings, and of the images that are taken from it.

    The bytes stay out: processors that round otherwise write files that differ in a last bit, and the rendering checks
    its files by itself.

    Args:
        data: The images.
        root: The set's folder, whose name tells name, version and settings.
    """
    return hashlib.sha256("\n".join([root.name, *(record.id for record in data.records)]).encode()).hexdigest()


def count_encodings(probes: Iterable[ImageProbe]) -> dict[str, int]:
    """Number of images in each encoding, the commonest first."""
    return dict(Counter(probe.encoding for probe in probes).most_common())


def local_cache_key(records: Sequence[StereoRecord], size: tuple[int, int]) -> str:
    """Hex digest that changes when an image is changed, added or removed on this machine, or another size is wanted.

    Args:
        records: The pairs.
        size: (height, width) that the frames are resized to.

    Raises:
        UserError: If a file is gone.
    """
    digest = hashlib.sha256(f"frames 1 {size[0]}x{size[1]}\n".encode())
    for record in records:
        for path in (record.left, record.right):
            try:
                stat = path.stat()
            except OSError:
                raise UserError(f"{path}: no such image any more; restore it or start again") from None
            grey = "|grey" if record.grey else ""
            digest.update(f"{record.id}|{path}|{stat.st_size}|{stat.st_mtime_ns}{grey}\n".encode())
    return digest.hexdigest()
