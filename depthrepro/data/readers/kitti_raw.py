"""KITTI raw in its official tree, and the synthetic streets, which are written in the same layout."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.fingerprint import synthetic_fingerprint
from depthrepro.data.io.calibration import RawCalibration
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.io.images import check_size, mirror
from depthrepro.data.io.lidar import scan_depth
from depthrepro.data.io.splits import FrameRef, load_split
from depthrepro.data.readers.checks import FolderIndex, PairFiles, checked_folder
from depthrepro.data.readers.file_pairs import FilePairs
from depthrepro.data.stereo import StereoSplits

_LIDAR = (GroundTruth.raw_cam_z, GroundTruth.raw_lidar_x)
_CAMERAS = {"l": 2, "r": 3}  # the colour cameras


class KittiRaw(FilePairs):
    """Colour pairs of KITTI raw with lidar or improved ground truth.

    Files: <root>/<date>/<drive>/image_02/data/<frame>.png (or .jpg), image_03, velodyne_points/data/<frame>.bin, and
    the day's calibration in <root>/<date>. Frames of side "r" become mirrored records with mirrored ground truth.

    Args:
        root: Folder that holds the recording days.
        refs: Frames, such as from `load_split`.
        name: Data set and split for people.
        depth_root: Folder of the improved maps: (train|val)/<drive>/proj_depth/groundtruth/image_02/<frame>.png.
        allow_missing: Go on with the pairs that are there.

    Raises:
        UserError: If files are missing, damaged, or do not fit the calibration.
    """

    def __init__(
        self,
        root: str | Path,
        refs: Sequence[FrameRef],
        name: str,
        *,
        depth_root: str | Path | None = None,
        allow_missing: bool = False,
    ) -> None:
        self.root, self.depth_root = Path(root), Path(depth_root) if depth_root else None
        self._calibrations: dict[str, RawCalibration] = {}
        wanted, index = {_id(ref): ref for ref in refs}, FolderIndex()
        pairs = [self._files(ref, index) for ref in refs]
        super().__init__(name, pairs, index, lambda pair, _: self._calibration(wanted[pair.id]).stereo, allow_missing)
        self.refs = [wanted[record.id] for record in self.records]

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether the pair's scan or improved map is there."""
        if ground_truth in _LIDAR:
            return self.scan_file(index).is_file()
        return ground_truth is GroundTruth.improved and self._improved_file(index) is not None

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Ground-truth depth, float32 (H, W) in metres, 0 = none; see `StereoDataset.depth_gt`."""
        ref = self.refs[index]
        if ground_truth in _LIDAR:
            depth = scan_depth(self._calibration(ref), self.scan_file(index), _CAMERAS[ref.side], ground_truth)
        elif ground_truth is GroundTruth.improved:
            depth = self._read_improved(index)
        else:
            raise self.no_ground_truth(ground_truth, *_LIDAR, GroundTruth.improved)
        return mirror(depth) if self.records[index].mirrored else depth

    def scan_file(self, index: int) -> Path:
        """The lidar scan that belongs to pair `index`."""
        ref = self.refs[index]
        return sensor_folder(self.root, ref.drive, "velodyne_points") / f"{ref.frame:010d}.bin"

    def note_missing_scans(self) -> None:
        """Add a note if pairs have no scan; for test splits, whose evaluation will need them."""
        missing = [self.scan_file(i) for i in range(len(self)) if not self.scan_file(i).is_file()]
        if missing:
            self.notes.append(f"{self.name}: {len(missing)} of {len(self)} pairs have no scan, first: {missing[0]}")

    def _files(self, ref: FrameRef, index: FolderIndex) -> PairFiles:
        camera, other = (2, 3) if ref.side == "l" else (3, 2)
        left, right = (
            index.path(sensor_folder(self.root, ref.drive, f"image_0{c}"), f"{ref.frame:010d}") for c in (camera, other)
        )
        return PairFiles(_id(ref), left, right, mirrored=ref.side == "r")

    def _calibration(self, ref: FrameRef) -> RawCalibration:
        date = ref.drive[:10]
        if date not in self._calibrations:
            self._calibrations[date] = RawCalibration(self.root / date)
        return self._calibrations[date]

    def _improved_file(self, index: int) -> Path | None:
        if self.depth_root is None:
            return None
        ref = self.refs[index]
        tail = Path(ref.drive, "proj_depth", "groundtruth", f"image_0{_CAMERAS[ref.side]}", f"{ref.frame:010d}.png")
        return next((p for p in (self.depth_root / part / tail for part in ("train", "val")) if p.is_file()), None)

    def _read_improved(self, index: int) -> np.ndarray:
        if self.depth_root is None:
            raise UserError(
                "eval.ground_truth=improved needs data.depth_root: set KITTI_DEPTH to the folder of the improved maps"
            )
        path = self._improved_file(index)
        if path is None:
            raise UserError(
                f"{self.depth_root}: no improved depth map for {self.records[index].id}; 45 of Eigen's 697 test images "
                "have none, evaluate data.test_split=eigen_improved_test"
            )
        depth = read_map(path, Codec.png16)
        check_size(path, depth, self.records[index].size)
        return depth / 256


def read_split(root: Path, split: str, depth_root: str | None, allow_missing: bool, sides: str = "both") -> KittiRaw:
    """The pairs of one split; see `build`."""
    name, depth_folder = f"KITTI raw {Path(split).stem}", Path(depth_root).expanduser() if depth_root else None
    return KittiRaw(root, load_split(split, sides), name, depth_root=depth_folder, allow_missing=allow_missing)


def build(
    root: str | None,
    depth_root: str | None = None,
    train_split: str = "eigen_full_train",
    val_split: str = "eigen_full_val",
    test_split: str = "eigen_test",
    allow_missing: bool = False,
    synthetic: Mapping[str, Any] | None = None,
    cache_dir: str | None = None,
    sides: str = "both",
) -> StereoSplits:
    """KITTI raw as an experiment uses it; without a root, the synthetic streets.

    Args:
        root: Folder that holds the recording days, or None.
        depth_root: Folder of the improved depth maps, or None.
        train_split: Name of a split or path of a CSV file, see `load_split`.
        val_split: Like `train_split`.
        test_split: Like `train_split`.
        allow_missing: Go on with the pairs that are there; the notes say how many.
        synthetic: Settings of the synthetic streets, used only without a root.
        cache_dir: Where synthetic data is kept; None = the user's cache.
        sides: "both" trains on pairs as the splits list them; "l" takes the left camera's side alone, so that a pair
            listed from both sides comes once.

    Raises:
        UserError: If anything is missing, damaged or inconsistent, or no training pair is there.
    """
    if root is None:
        return synthetic_streets(synthetic, cache_dir)
    folder = checked_folder(root, "data.root")
    if depth_root is not None:
        checked_folder(depth_root, "data.depth_root")

    splits = (
        read_split(folder, train_split, depth_root, allow_missing, sides),
        read_split(folder, val_split, depth_root, allow_missing, sides),
        read_split(folder, test_split, depth_root, allow_missing),
    )
    if len(splits[0]) == 0:
        raise UserError(
            f"{splits[0].name}: none of its {splits[0].expected} pairs is under data.root={folder}; "
            "set KITTI_RAW to the folder that holds 2011_09_26 and the other days"
        )
    return _data_splits("KITTI raw", False, splits, [])


def synthetic_streets(
    synthetic: Mapping[str, Any] | None,
    cache_dir: str | None,
    *,
    reader: type[KittiRaw] = KittiRaw,
    variable: str = "KITTI_RAW",
) -> StereoSplits:
    """The synthetic streets, read like KITTI raw.

    Args:
        synthetic: Fields of `StreetsConfig` that differ from its defaults.
        cache_dir: Where synthetic data is kept; None = the user's cache.
        reader: Class that reads them.
        variable: Environment variable that leads to the real data, for the note.
    """
    # Embree and the scenes: 0.15 s that real data need not wait for.
    from depthrepro.config.schema import default_cache_dir
    from depthrepro.worlds.build import ensure_world
    from depthrepro.worlds.sets.streets import Streets, StreetsConfig

    unknown = set(synthetic or {}) - {field.name for field in dataclasses.fields(StreetsConfig)}
    if unknown:
        known = ", ".join(field.name for field in dataclasses.fields(StreetsConfig))
        raise UserError(f"data.synthetic has no setting '{min(unknown)}': choose from {known}")
    root = ensure_world(Streets(StreetsConfig(**(synthetic or {}))), default_cache_dir(cache_dir) / "worlds")
    train, val, test = (
        reader(root, load_split(root / "splits" / f"{split}.csv"), f"streets (synthetic) {split}")
        for split in ("train", "val", "test")
    )
    for part in (train, val, test):
        part.fingerprint = synthetic_fingerprint(part, root)
    note = f"{variable} is not set: using the synthetic streets; set {variable} to the folder of the real data"
    return _data_splits("streets (synthetic)", True, (train, val, test), [note])


def _data_splits(
    name: str, synthetic: bool, splits: tuple[KittiRaw, KittiRaw, KittiRaw], notes: list[str]
) -> StereoSplits:
    train, val, test = splits
    test.note_missing_scans()
    for split, loss in ((val, "checkpoints cannot be chosen by validation"), (test, "nothing can be evaluated")):
        if len(split) == 0:
            notes.append(f"{split.name}: no pair is there, so {loss}")
    return StereoSplits(name, synthetic, train, val, test, [*notes, *train.notes, *val.notes, *test.notes])


@lru_cache(maxsize=1024)  # a split asks for the same few folders 90,000 times
def sensor_folder(root: Path, drive: str, sensor: str) -> Path:
    """Where the files of a drive's sensor lie, such as those of "image_02"."""
    return root / drive[:10] / drive / sensor / "data"


def _id(ref: FrameRef) -> str:
    return f"{ref.drive}/{ref.side}/{ref.frame:010d}"
