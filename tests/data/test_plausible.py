"""Units that are wrong by a factor are doubted aloud; real cameras and depths are not."""

import numpy as np
import pytest

from depthrepro.core.protocol import GroundTruth
from depthrepro.data.plausible import doubts
from depthrepro.data.stereo import StereoDataset, StereoRecord


class Pairs(StereoDataset):
    name = "pairs"

    def __init__(self, *, focal=721.5, baseline=0.54, depth=10.0):
        K = ((focal, 0.0, 600.0), (0.0, focal, 180.0), (0.0, 0.0, 1.0))
        self.records = [StereoRecord(f"p{i}", (375, 1242), None, None, K, baseline) for i in range(3)]
        self.depth = depth

    def has_depth(self, index, ground_truth):
        return index > 0 and ground_truth is GroundTruth.dense

    def depth_gt(self, index, ground_truth):
        return np.array([[0.0, 1.0, 2.0]], np.float32) * self.depth


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"baseline": 5.0, "focal": 0.3 * 1242 + 1}, []),
        ({"baseline": 540.0}, ["p0 has a baseline of 540 m: is the calibration in metres? (3 of 3 images)"]),
        ({"focal": 0.58}, ["p0 has a focal length of 0.00047 image widths: is it in pixels"]),
        ({"focal": 7215.0}, ["p0 has a focal length of 5.8 image widths"]),
        ({"depth": 5000.0}, ["depth of p1 is 5e+03 to 1e+04 m: are they metres?"]),
        ({"depth": 0.01}, ["depth of p1 is 0.01 to 0.02 m: are they metres?"]),
    ],
)
def test_what_can_hardly_be_is_told(changes, told):
    lines = doubts(Pairs(**changes), GroundTruth.dense)
    assert len(lines) == len(told)
    for line, expected in zip(lines, told, strict=True):
        assert line.startswith("pairs: ") and expected in line and "\n" not in line
    assert doubts(Pairs(depth=1e9), GroundTruth.improved) == doubts(Pairs(depth=1e9)) == []
