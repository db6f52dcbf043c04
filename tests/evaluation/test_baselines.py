"""The two baselines on cases whose answer is known."""

import dataclasses

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.evaluation.baselines import (
    evenly_spread,
    fill_from_background,
    fill_smoothly,
    mean_depth_map,
    sgbm_disparity,
    sgbm_prediction,
)
from depthrepro.evaluation.scoring import score
from depthrepro.inference.predictions import Kind
from tests.evaluation.scenes import HEIGHT, PROTOCOL, WIDTH, Scenes, protocol


class Maps(Scenes):
    """Given ground-truth maps instead of scenes; None = an item without."""

    def __init__(self, tmp_path, maps):
        super().__init__(tmp_path, len(maps))
        self.maps, self.read = maps, []

    def has_depth(self, index, ground_truth):
        return self.maps[index] is not None

    def depth_gt(self, index, ground_truth):
        self.read.append(index)
        return np.asarray(self.maps[index], np.float32)


def test_mean_map_by_hand_with_missing_depth_and_depth_out_of_range(tmp_path):
    data = Maps(tmp_path, [[[2, 4], [0, 8]], None, [[6, 0], [0, 900]]])
    mean = mean_depth_map(data, PROTOCOL, grid=(2, 2))
    np.testing.assert_allclose(mean.depth[[0, 0, 1], [0, 1, 1]], [4, 4, 8])  # (2 + 6) / 2, 4 alone, 8 alone
    assert 4 <= mean.depth[1, 0] <= 8, "the hole is filled from its neighbours"
    assert (mean.used, mean.available, mean.total) == (2, 2, 3)
    assert mean.describe() == "mean of 2 ground-truth maps; 1 of 3 training items have no ground truth"


def test_mean_map_sorts_maps_of_any_size_into_cells_by_position(tmp_path):
    small = np.array([[10.0, 20.0]])
    large = np.repeat(np.array([[30.0, 30.0, 40.0, 40.0]]), 4, axis=0)
    mean = mean_depth_map(Maps(tmp_path, [small, large]), PROTOCOL, grid=(1, 2))
    np.testing.assert_allclose(mean.depth, [[(10 + 8 * 30) / 9, (20 + 8 * 40) / 9]])  # a mean over pixels


def test_mean_map_is_of_the_ground_truth_that_was_learnt_from(tmp_path):
    """On another set's protocol the training images keep their own: lidar here, a dense map there."""
    data = Maps(tmp_path, [[[2.0, 4.0]]])
    asked = []
    data.has_depth = lambda index, ground_truth: asked.append(ground_truth) or True
    data.learnt_from = GroundTruth.raw_cam_z
    assert mean_depth_map(data, PROTOCOL, grid=(1, 2)).depth.tolist() == [[2.0, 4.0]]
    assert asked == [GroundTruth.raw_cam_z] and PROTOCOL.ground_truth is GroundTruth.dense


def test_mean_map_reads_an_evenly_spread_part_of_a_large_training_set(tmp_path):
    data = Maps(tmp_path, [[[2.0 + i]] for i in range(9)])
    mean = mean_depth_map(data, PROTOCOL, limit=3, grid=(1, 1))
    assert data.read == [0, 4, 8]
    assert mean.depth[0, 0] == pytest.approx(6)
    assert mean.describe() == "mean of 3 ground-truth maps, evenly spread over 9"


@pytest.mark.parametrize("maps", [[None, None], [[[0.0]], [[900.0]]]])
def test_without_any_ground_truth_there_is_no_mean_map(tmp_path, maps):
    with pytest.raises(UserError, match="scenes: no ground truth dense between 1 and 50 m"):
        mean_depth_map(Maps(tmp_path, maps), PROTOCOL)


def test_mean_map_is_scored_like_any_prediction(tmp_path):
    near, far = np.full((HEIGHT, WIDTH), 4.0), np.full((HEIGHT, WIDTH), 10.0)
    near[0], far[0] = 5.0, 11.0  # a map that is constant is an error
    data = Maps(tmp_path, [near, far])
    mean = mean_depth_map(data, PROTOCOL, grid=(HEIGHT, WIDTH))
    (row,) = score(mean.prediction("scene/00"), data.records[0], near, PROTOCOL)
    assert row["method"] == "mean_map"
    assert row["abs_rel"] == pytest.approx((3 / 4 * (HEIGHT - 1) + 3 / 5) / HEIGHT, rel=1e-5)  # 7 for 4, 8 for 5


def test_holes_are_filled_smoothly_and_known_values_kept():
    values, known = np.zeros((40, 60)), np.zeros((40, 60), bool)
    values[:, 0], values[:, -1], known[:, [0, -1]] = 10.0, 20.0, True
    filled = fill_smoothly(values, known)
    assert (filled[:, 0] == 10).all() and (filled[:, -1] == 20).all()
    assert ((filled >= 10 - 1e-9) & (filled <= 20 + 1e-9)).all()
    assert filled[20, 5] < 12 and filled[20, 54] > 18, "holes follow the nearer side"


def test_a_single_known_value_fills_everything():
    known = np.zeros((30, 200), bool)
    known[0, 0] = True
    np.testing.assert_allclose(fill_smoothly(np.full((30, 200), 7.0), known), 7.0)


def test_evenly_spread_keeps_both_ends():
    assert evenly_spread(list(range(10)), 4) == [0, 3, 6, 9]
    assert evenly_spread([5, 6], 4) == [5, 6]
    assert evenly_spread(list(range(10)), 1) == [5]


def test_background_fill_takes_the_farther_neighbour_of_each_hole():
    disp = np.array([[0, 8, 0, 0, 3, 0], [0, 0, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5]], np.float32)
    filled = fill_from_background(disp, disp > 0)
    np.testing.assert_array_equal(filled, [[8, 8, 3, 3, 3, 3], [8, 8, 3, 3, 3, 3], [5] * 6])
    assert not fill_from_background(disp, np.zeros_like(disp, bool)).any()


def test_matcher_recovers_a_shifted_texture(tmp_path):
    data = Scenes(tmp_path, 3)
    for i in range(3):
        prediction = sgbm_prediction(data.records[i])
        assert (prediction.kind, list(prediction.levels)) == (Kind.disp_frac, ["sgbm"])
        disp = prediction.levels["sgbm"] * WIDTH
        away_from_the_step = cv2.erode((np.diff(data.disparities[i], axis=0, prepend=0)[:, :] == 0).astype(np.uint8),
                                       np.ones((7, 1), np.uint8)).astype(bool)  # fmt: skip
        error = np.abs(disp - data.disparities[i])[away_from_the_step]
        assert np.median(error) < 0.1 and (error < 0.5).mean() > 0.98
        (row,) = score(prediction, data.records[i], data.depth_gt(i, GroundTruth.dense), protocol())
        assert row["abs_rel"] < 0.05


def test_matcher_covers_the_left_margin_too():
    texture = np.random.default_rng(0).integers(0, 256, (40, 180, 3), dtype=np.uint8)
    left, right = texture[:, 10:170], texture[:, 14:174]
    disp = sgbm_disparity(np.ascontiguousarray(left), np.ascontiguousarray(right))
    assert disp.shape == (40, 160) and disp.dtype == np.float32
    assert (np.abs(disp[:, 8:] - 4) < 0.5).mean() > 0.98, "OpenCV itself leaves the first 32 columns empty"


def test_mirrored_records_match_like_their_twins(tmp_path):
    record = Scenes(tmp_path, 1).records[0]
    flipped = tmp_path / "l.png", tmp_path / "r.png"
    for source, target in zip((record.left, record.right), flipped, strict=True):
        cv2.imwrite(str(target), cv2.imread(str(source))[:, ::-1])
    equivalent = dataclasses.replace(record, left=flipped[0], right=flipped[1], mirrored=True)
    np.testing.assert_array_equal(sgbm_prediction(equivalent).levels["sgbm"], sgbm_prediction(record).levels["sgbm"])


def test_a_pair_that_matches_nowhere_is_named(tmp_path):
    record = Scenes(tmp_path, 1).records[0]
    cv2.imwrite(str(record.right), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    cv2.imwrite(str(record.left), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(UserError, match=r"scene/00: .*left\.png and .*right\.png match nowhere"):
        sgbm_prediction(record)
