"""The KITTI stereo benchmarks of 2012 and 2015 in their official folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reading import reading
from depthrepro.data.concat import ConcatPairs
from depthrepro.data.io.calibration import StereoCamera, as_matrix3, read_benchmark_calib
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.io.images import check_size
from depthrepro.data.readers.checks import FolderIndex, PairFiles, check_unique, checked_folder
from depthrepro.data.readers.file_pairs import FilePairs
from depthrepro.data.readers.kitti_raw import KittiRaw, synthetic_streets
from depthrepro.data.readers.kitti_stereo_layout import DISPARITY_KINDS, Layout, find_layout
from depthrepro.data.stereo import StereoSplits

# Nominal calibration where a copy of the data set came without its own: that of the recording day 2011_09_26.
NOMINAL_WIDTH, NOMINAL_FOCAL_PX, NOMINAL_BASELINE_M = 1242, 721.5377, 0.54


class KittiStereo(FilePairs):
    """Pairs of a KITTI stereo benchmark; ground truth `disparity`, which only frames "<scene>_10" have.

    Args:
        root: Folder that holds `training`.
        layout: Names of the folders in it.
        frames: Frames such as "000012_10".
        name: Data set and split for people.
        disparity: Kind of disparity map, `noc` or `occ`.
        allow_missing: Go on with the pairs that are there.
        grey: Read the images as grey.

    Raises:
        UserError: If files are missing, damaged, or do not fit their calibration.
    """

    def __init__(
        self,
        root: Path,
        layout: Layout,
        frames: Sequence[str],
        name: str,
        *,
        disparity: str = "noc",
        allow_missing: bool = False,
        grey: bool = False,
    ) -> None:
        self.folder, self.layout = root / "training", layout
        self.disparity_folder = self.folder / layout.disparity.replace("*", disparity)
        index, self.nominal = FolderIndex(), 0
        left, right = self.folder / layout.left, self.folder / layout.right
        pairs = [PairFiles(frame, index.path(left, frame), index.path(right, frame)) for frame in frames]
        super().__init__(name, pairs, index, self._camera, allow_missing, grey=grey)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether the frame has a disparity map."""
        return ground_truth is GroundTruth.disparity and self._disparity_file(index).is_file()

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Depth from the disparity map (uint16, pixels · 256, 0 = none); see `StereoDataset.depth_gt`."""
        if ground_truth is not GroundTruth.disparity:
            raise self.no_ground_truth(ground_truth, GroundTruth.disparity)
        record, path = self.records[index], self._disparity_file(index)
        disp = read_map(path, Codec.png16) / 256
        check_size(path, disp, record.size)
        return np.divide(record.focal_px * record.baseline_m, disp, out=np.zeros_like(disp), where=disp > 0)

    def _disparity_file(self, index: int) -> Path:
        return self.disparity_folder / f"{self.records[index].id}.png"

    def _camera(self, pair: PairFiles, size: tuple[int, int]) -> StereoCamera:
        folder = self.folder / self.layout.calibration
        # 2012 names the file by the scene, 2015 by the scene as well; copies exist that name it by the frame.
        for stem in (pair.id, pair.id.split("_")[0]):
            if (folder / f"{stem}.txt").is_file():
                return read_benchmark_calib(folder / f"{stem}.txt", self.layout.colour)
        self.nominal += 1
        return nominal_camera(size)


def nominal_camera(size: tuple[int, int]) -> StereoCamera:
    """KITTI's usual calibration, in proportion to the width; focal · baseline is 389.6304 px·m at width 1242.

    Args:
        size: (height, width) of the images in pixels.
    """
    height, width = size
    focal_px = NOMINAL_FOCAL_PX * width / NOMINAL_WIDTH
    K = np.array([[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1]])
    return StereoCamera(as_matrix3(K), NOMINAL_BASELINE_M)


def build(
    root: str | None,
    allow_missing: bool = False,
    cache_dir: str | None = None,
    val_every: int = 17,
    test_every: int = 5,
    disparity: str = "noc",
    also: str | None = None,
    synthetic: Mapping[str, Any] | None = None,
) -> StereoSplits:
    """A KITTI stereo benchmark's training folder, divided for an experiment; without a root, the synthetic streets.

    The frames come from `train.txt` and `test.txt` in the root, one name such as 000012_10 a line. Without them every
    `test_every`-th scene is a test scene, seen through its frame _10, and the others train with both frames. Every
    `val_every`-th training scene, with all its frames, is held out for validation.

    Args:
        root: Folder that holds `training`, or None.
        allow_missing: Go on with the pairs that are there; the notes say how many.
        cache_dir: Where synthetic data is kept; None = the user's cache.
        val_every: One training scene of so many is held out.
        test_every: One scene of so many is a test scene, where no list files say so.
        disparity: Ground truth `noc` (only pixels that both images see) or `occ` (all pixels).
        also: Folder of the other year, all of whose pairs train as well (its ground truth is `occ`); as grey images if
            those of `root` are.
        synthetic: Settings of the synthetic streets, used only without a root.

    Raises:
        UserError: If anything is missing, damaged or inconsistent.
    """
    if also is not None and not (root and also):
        raise UserError("data.also: both years' pairs need both folders: set KITTI_STEREO and KITTI_2015")
    if root is None:
        splits = synthetic_streets(synthetic, cache_dir, reader=_StreetsAsBenchmark, variable="KITTI_STEREO")
        splits.notes.append("streets (synthetic): simulated lidar scans stand in for the benchmark's disparity maps")
        return splits
    if disparity not in DISPARITY_KINDS or min(val_every, test_every) < 2:
        raise UserError("data: disparity must be noc or occ, val_every and test_every at least 2")
    folder = checked_folder(root, "data.root")
    layout = find_layout(folder)
    train_frames, test_frames, notes = _divide(folder, layout, test_every)
    scenes = sorted({_scene(frame) for frame in train_frames})
    held_out = set(scenes[::val_every])

    parts = {
        "train": [frame for frame in train_frames if _scene(frame) not in held_out],
        "val": [frame for frame in train_frames if _scene(frame) in held_out],
        "test": test_frames,
    }
    train, val, test = (
        KittiStereo(folder, layout, frames, f"{layout.title} {name}", disparity=disparity, allow_missing=allow_missing)
        for name, frames in parts.items()
    )
    if len(train) == 0:
        raise UserError(f"data.root={folder}: no training pair is there; fetch the images or correct train.txt")
    splits = StereoSplits(layout.title, False, train, val, test, notes + _notes(train, val, test))
    return (
        splits if also is None else _with_other_year(splits, layout, checked_folder(also, "data.also"), allow_missing)
    )


def _with_other_year(splits: StereoSplits, layout: Layout, also: Path, allow_missing: bool) -> StereoSplits:
    other = find_layout(also)
    if other.title == layout.title:
        raise UserError(f"data.also={also}: it holds {other.title} like data.root; name the folder of the other year")
    grey = other.colour and not layout.colour
    frames = all_frames(also, other)
    pairs = KittiStereo(also, other, frames, other.title, disparity="occ", allow_missing=allow_missing, grey=grey)
    train = ConcatPairs({layout.title: splits.train, other.title: pairs})
    read = ", read as grey" if grey else ""
    notes = [*splits.notes, *pairs.notes, f"all {len(pairs)} pairs of {other.title} train as well{read}"]
    return replace(splits, name=f"{layout.title}, trained with {other.title}", train=train, notes=notes)


class _StreetsAsBenchmark(KittiRaw):
    """Synthetic streets that answer for `disparity` with their simulated scans."""

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        return super().has_depth(index, _as_scan(ground_truth))

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        return super().depth_gt(index, _as_scan(ground_truth))


def _as_scan(ground_truth: GroundTruth) -> GroundTruth:
    return GroundTruth.raw_cam_z if ground_truth is GroundTruth.disparity else ground_truth


def _divide(root: Path, layout: Layout, test_every: int) -> tuple[list[str], list[str], list[str]]:
    """(training frames, test frames, notes)."""
    lists = root / "train.txt", root / "test.txt"
    if all(path.is_file() for path in lists):
        train, test = (_listed(path) for path in lists)
        notes = []
    elif any(path.is_file() for path in lists):
        raise UserError(f"{root}: has only one of train.txt and test.txt; add the other or remove it")
    else:
        frames = all_frames(root, layout)
        test_scenes = set(sorted({_scene(frame) for frame in frames})[::test_every])
        train = [frame for frame in frames if _scene(frame) not in test_scenes]
        test = [frame for frame in frames if _scene(frame) in test_scenes and frame.endswith("_10")]
        notes = [f"{layout.title}: no train.txt and test.txt, so every {test_every}th scene is a test scene"]
    shared = {_scene(frame) for frame in train} & {_scene(frame) for frame in test}
    if shared:
        raise UserError(f"{lists[1]}: scene {min(shared)} is also in train.txt; a scene must not train and test")
    return train, test, notes


def all_frames(root: Path, layout: Layout) -> list[str]:
    """Every frame that has a left image, sorted."""
    return list(FolderIndex().images(root / "training" / layout.left))


def _listed(path: Path) -> list[str]:
    with reading(path, "the list of frames", fix="write one frame a line"):
        frames = path.read_text(encoding="utf-8").split()
    check_unique(path, frames)
    return frames


def _notes(train: KittiStereo, val: KittiStereo, test: KittiStereo) -> list[str]:
    notes = [note for split in (train, val, test) for note in split.notes]
    nominal = train.nominal + val.nominal + test.nominal
    if nominal:
        notes.append(
            f"{train.layout.title}: {nominal} of {len(train) + len(val) + len(test)} pairs have no calibration; they "
            f"get a nominal focal length of {NOMINAL_FOCAL_PX} px at width {NOMINAL_WIDTH}, in proportion to the "
            f"width, and a baseline of {NOMINAL_BASELINE_M} m"
        )
    blind = [i for i in range(len(test)) if not test.has_depth(i, GroundTruth.disparity)]
    if blind:
        first = test.records[blind[0]].id
        notes.append(f"{test.name}: {len(blind)} of {len(test)} pairs have no disparity map, first: {first}")
    return notes


def _scene(frame: str) -> str:
    return frame.split("_")[0]
