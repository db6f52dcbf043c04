"""Anybody's rectified stereo pairs: two folders of images and one calibration file.

<root>/left/<name>.png      and <root>/right/<name>.png (or .jpg), paired by name
<root>/calibration.yaml     fx, fy, cx, cy in pixels, baseline_m, width, height
<root>/depth/<name>.png     optional ground truth of left images: 16-bit, millimetres, 0 or 65535 = none;
<root>/depth/<name>.npy     or metres along the optical axis, 0 or not finite = none
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reading import reading
from depthrepro.data.io.calibration import StereoCamera
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.io.images import check_size
from depthrepro.data.readers.checks import FolderIndex, PairFiles, checked_folder
from depthrepro.data.readers.file_pairs import FilePairs
from depthrepro.data.stereo import StereoSplits

CALIBRATION_KEYS = ("fx", "fy", "cx", "cy", "baseline_m", "width", "height")


class StereoFolder(FilePairs):
    """Pairs of a left/right folder with one calibration; ground truth `dense` where `depth/` has it.

    Args:
        root: Folder that holds `left` and `right`.
        stems: File names without extension.
        name: Data set and split for people.
        camera: Calibration of all pairs.
        allow_missing: Go on with the pairs that are there.

    Raises:
        UserError: If files are missing, damaged, or do not fit the calibration.
    """

    def __init__(
        self, root: Path, stems: Sequence[str], name: str, camera: StereoCamera, *, allow_missing: bool = False
    ) -> None:
        self.root = root
        index = FolderIndex()
        pairs = [PairFiles(s, index.path(root / "left", s), index.path(root / "right", s)) for s in stems]
        super().__init__(name, pairs, index, lambda pair, size: camera, allow_missing)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `depth/` has a map for the pair."""
        return ground_truth is GroundTruth.dense and depth_file(self.root, self.records[index].id) is not None

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Ground-truth depth, float32 (H, W) in metres, 0 = none; see `StereoDataset.depth_gt`."""
        if ground_truth is not GroundTruth.dense:
            raise self.no_ground_truth(ground_truth, GroundTruth.dense)
        record = self.records[index]
        path = depth_file(self.root, record.id)
        if path is None:
            raise UserError(f"{self.root / 'depth' / record.id}.png: no such depth map (16-bit millimetres, or .npy)")
        metres = path.suffix == ".npy"
        depth = read_map(path, Codec.npy) if metres else read_map(path, Codec.png16, invalid=(65535,)) / 1000
        check_size(path, depth, record.size)
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def read_calibration(path: Path) -> StereoCamera:
    """Read calibration.yaml.

    Raises:
        UserError: If the file is missing or unreadable, or a key is missing, unknown or out of range.
    """
    keys = ", ".join(CALIBRATION_KEYS)
    write = f"write one with the keys {keys}"
    with reading(path, "the calibration", missing=f"the calibration is missing; {write}", fix=write):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or set(values) != set(CALIBRATION_KEYS):
            raise UserError(f"{path}: the calibration must have exactly the keys {keys}")
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
                raise UserError(f"{path}: {key} must be a positive number, not {value!r}")
        fx, fy, cx, cy, baseline_m, width, height = (float(values[key]) for key in CALIBRATION_KEYS)
        K = ((fx, 0.0, cx), (0.0, fy, cy), (0.0, 0.0, 1.0))
        return StereoCamera(K, baseline_m, (round(height), round(width)), path)


def divide(
    stems: Sequence[str], with_depth: Sequence[str], test_every: int, val_every: int, seed: int | None
) -> tuple[list[str], list[str], list[str]]:
    """(train, val, test): every `test_every`-th pair tests, of the others every `val_every`-th validates.

    Args:
        stems: All pairs.
        with_depth: Those with ground truth; if there are any, the test pairs are chosen among them.
        test_every: See above.
        val_every: See above.
        seed: Shuffles first; None = in order of the names, for sets in which neighbours show one scene.
    """
    order = list(stems)
    if seed is not None:
        order = [order[i] for i in np.random.default_rng(seed).permutation(len(order))]
    candidates = set(with_depth) or set(order)
    test = [stem for stem in order if stem in candidates][::test_every]
    rest = [stem for stem in order if stem not in set(test)]
    val = rest[::val_every]
    return [stem for stem in rest if stem not in set(val)], val, test


def build(
    root: str | None,
    test_every: int = 5,
    val_every: int = 17,
    seed: int | None = None,
    allow_missing: bool = False,
    cache_dir: str | None = None,
) -> StereoSplits:
    """A left/right folder as an experiment uses it.

    Args:
        root: Folder that holds `left`, `right` and `calibration.yaml`.
        test_every: One pair of so many is a test pair; with `depth/`, one of those that have a depth map.
        val_every: One of the other pairs of so many is held out for validation.
        seed: Shuffles the pairs before they are divided; None = in order of their names.
        allow_missing: Go on with the pairs that are there; the notes say how many.
        cache_dir: Accepted like every reader's; nothing is rendered here.

    Raises:
        UserError: If anything is missing, damaged or inconsistent.
    """
    if root is None:
        raise UserError(
            "STEREO_FOLDER is not set: set it, or data.root, to the folder of left/, right/ and calibration.yaml"
        )
    if min(test_every, val_every) < 2:
        raise UserError(f"data.test_every={test_every} and data.val_every={val_every} must be at least 2")
    folder, index = checked_folder(root, "data.root"), FolderIndex()
    camera = read_calibration(folder / "calibration.yaml")
    sides = [index.images(folder / side) for side in ("left", "right")]
    for side, images in zip(("left", "right"), sides, strict=True):
        if not images:
            raise UserError(f"{folder / side}: no PNG or JPEG images; put the {side} camera's images there")
    stems = sorted(set().union(*sides))
    with_depth = [stem for stem in stems if depth_file(folder, stem)]
    parts = divide(stems, with_depth, test_every, val_every, seed)
    if not parts[0]:
        raise UserError(f"{folder}: {len(stems)} pairs are too few to train, validate and test; add pairs")
    train, val, test = (
        StereoFolder(folder, part, f"{folder.name} {split}", camera, allow_missing=allow_missing)
        for split, part in zip(("train", "val", "test"), parts, strict=True)
    )
    notes = [*train.notes, *val.notes, *test.notes]
    if not with_depth:
        notes.append(f"{folder.name}: no depth/ folder, so nothing can be evaluated")
    return StereoSplits(folder.name, False, train, val, test, notes)


def depth_file(root: Path, stem: str) -> Path | None:
    """The depth map of a pair, if there is one."""
    return next((p for p in (root / "depth" / f"{stem}{suffix}" for suffix in (".png", ".npy")) if p.is_file()), None)
