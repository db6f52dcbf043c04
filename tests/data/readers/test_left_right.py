from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.readers.left_right import check_left_right, swap_evidence
from depthrepro.data.stereo import StereoRecord
from tests.data.helpers import textured_pair, write_image

K = ((100.0, 0.0, 50.0), (0.0, 100.0, 20.0), (0.0, 0.0, 1.0))


def dataset(pairs: list[tuple[Path, Path]], swapped: bool = False, mirrored: bool = False) -> SimpleNamespace:
    """What the check needs of a data set."""

    class Pairs(SimpleNamespace):
        def __len__(self):
            return len(self.records)

    pairs = [pair[::-1] if swapped else pair for pair in pairs]
    records = [StereoRecord(str(i), (1, 1), left, right, K, 0.5, mirrored) for i, (left, right) in enumerate(pairs)]
    return Pairs(name="set", records=records)


def folders(root: Path, left: str, right: str, count: int) -> list[tuple[Path, Path]]:
    names = sorted(path.name for path in (root / left).iterdir())[:count]
    return [(root / left / name, root / right / name) for name in names]


def real_pairs(root: Path, which: str) -> list[tuple[Path, Path]]:
    if which == "kitti_raw_mini":
        return folders(root / which / "2011_09_26" / "2011_09_26_drive_0001_sync", "image_02/data", "image_03/data", 10)
    if which == "kitti2012_half":
        return folders(root / which / "training", "image_0", "image_1", 24)
    return [(root / which / "motorcycle_left.png", root / which / "motorcycle_right.png")]


@pytest.mark.parametrize("which", ["kitti_raw_mini", "kitti2012_half", "middlebury_motorcycle"])
def test_real_pairs_pass_and_swapped_ones_do_not(real_data, which):
    pairs = real_pairs(real_data, which)
    check_left_right(dataset(pairs))
    with pytest.raises(UserError, match="matching works only the other way round; swap the folders left and right"):
        check_left_right(dataset(pairs, swapped=True))


def test_every_half_size_pair_is_far_from_the_threshold(real_data):
    for left, right in real_pairs(real_data, "kitti2012_half"):
        evidence = swap_evidence(*(cv2.imread(str(path)) for path in (left, right)))
        assert evidence < 0.8


@pytest.mark.parametrize("shift", [1, 6, 18])
def test_evidence_is_the_inverse_for_swapped_images(shift):
    left, right = textured_pair(0, shift=shift)
    assert swap_evidence(left, right) < 0.5
    assert swap_evidence(right, left) == pytest.approx(1 / swap_evidence(left, right), rel=0.3)


def test_exposure_does_not_matter():
    left, right = textured_pair(1)
    darker = (right * 0.6).astype(np.uint8)
    assert swap_evidence(left, darker) < 0.7 < 1.4 < swap_evidence(darker, left)


def test_equal_or_tiny_images_say_nothing():
    left, _ = textured_pair(2)
    assert swap_evidence(left, left) == pytest.approx(1.0, abs=0.1)
    assert swap_evidence(left[:, :6], left[:, 1:7]) == 1.0


def test_mirrored_records_are_judged_as_they_are_read(tmp_path):
    pair = [write_image(tmp_path / f"{side}.png", im) for side, im in zip("lr", textured_pair(3), strict=True)]
    as_listed = [(pair[1], pair[0])]  # the right camera's image is `left` of a mirrored record
    check_left_right(dataset(as_listed, mirrored=True))
    with pytest.raises(UserError, match="look swapped in 1 of 1"):
        check_left_right(dataset(as_listed, mirrored=True, swapped=True))


def test_one_odd_pair_among_many_is_no_swap(tmp_path):
    pairs = []
    for i in range(4):
        images = textured_pair(i)[:: -1 if i == 0 else 1]
        pairs.append(tuple(write_image(tmp_path / f"{i}{s}.png", im) for s, im in zip("lr", images, strict=True)))
    check_left_right(dataset(pairs))
    check_left_right(dataset([]))
