"""From predictions to rows: invariances of the protocol, both sides of the clamp, and each refusal."""

import cv2
import numpy as np
import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.core.protocol import Alignment, Crop, GroundTruth, Protocol, Resize
from depthrepro.data.base import DepthDataset
from depthrepro.evaluation.alignment import align
from depthrepro.evaluation.scoring import (
    _INTERPOLATION,
    check_cameras,
    depth_map,
    evaluate_predictions,
    evaluated_mask,
    score,
    scored_indices,
)
from depthrepro.inference.predictions import (
    Kind,
    Prediction,
    prediction_path,
    save_prediction,
    to_depth,
    to_inv_depth,
)
from tests.evaluation.scenes import BASELINE, FOCAL, HEIGHT, WIDTH, Scenes, protocol, record

ROW = np.linspace(2.0, 40.0, WIDTH)
DEPTH = np.tile(ROW, (HEIGHT, 1))  # a wall that recedes from left to right
DISP_FRAC = FOCAL * BASELINE / DEPTH / WIDTH


def one(values, kind=Kind.depth, depth_gt=DEPTH, **changes):
    """The only row of a prediction with one level."""
    (row,) = score(Prediction("a", kind, {"L12": values}), record("a"), depth_gt, protocol(**changes))
    return row


def test_row_by_hand():
    row = one(DEPTH * 1.2)
    assert (row["method"], row["id"], row["n_valid"]) == ("L12", "a", HEIGHT * WIDTH)
    assert row["abs_rel"] == pytest.approx(0.2)
    assert (row["delta1"], row["silog"]) == (1.0, pytest.approx(0, abs=1e-3))  # float32 maps
    assert list(row) == ["method", "id", "n_valid", *DEPTH_METRICS, "ranges"]
    assert sum(part["n_valid"] for part in row["ranges"]) == row["n_valid"]


@pytest.mark.parametrize(
    ("values", "kind"), [(DEPTH, Kind.depth), (1 / DEPTH, Kind.inv_depth), (DISP_FRAC, Kind.disp_frac)]
)
def test_the_truth_scores_zero_in_every_metric_kind(values, kind):
    assert one(values, kind)["abs_rel"] == pytest.approx(0, abs=1e-6)


def test_an_affine_copy_of_inverse_depth_scores_zero_once_it_is_aligned():
    row = one(17 - 5 / DEPTH, Kind.affine_inv_depth, alignment=Alignment.lstsq_inv_depth)
    assert row["abs_rel"] < 1e-5
    for alignment in (Alignment.none, Alignment.median, Alignment.lstsq_depth):
        with pytest.raises(UserError, match=r"eval\.alignment=lstsq_inv_depth"):
            one(1 / DEPTH, Kind.affine_inv_depth, alignment=alignment)


@pytest.mark.parametrize("scale", [0.01, 3.0, 400.0])
def test_median_alignment_makes_the_score_ignore_scale(scale):
    wrong = DEPTH**1.2
    reference = one(wrong, alignment=Alignment.median)
    assert reference["abs_rel"] > 0.01
    scaled = one(scale * wrong, alignment=Alignment.median)
    for key in DEPTH_METRICS:
        assert scaled[key] == pytest.approx(reference[key], rel=1e-4), key
    assert one(wrong, alignment=Alignment.none)["abs_rel"] != pytest.approx(reference["abs_rel"], rel=0.1)


def test_lstsq_depth_ignores_scale_and_shift():
    assert one(DEPTH / 9 + 4, alignment=Alignment.lstsq_depth)["abs_rel"] < 1e-5


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_the_networks_width_leaves_metres_unchanged(factor):
    """The same scene predicted at another width: the share of the width stays, pixels would not."""
    size = round(WIDTH * factor), round(HEIGHT * factor)
    resized = cv2.resize(DISP_FRAC.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    depth = depth_map(resized, Kind.disp_frac, record("a"), DEPTH, protocol())
    inner = slice(WIDTH // 4, -WIDTH // 8)
    np.testing.assert_allclose(depth[:, inner], DEPTH[:, inner], rtol=0.02)


def test_the_cameras_focal_length_follows_the_ground_truths_width():
    half = DEPTH[::2, ::2]
    depth = depth_map(DISP_FRAC, Kind.disp_frac, record("a"), half, protocol())
    np.testing.assert_allclose(depth[:, 8:], half[:, 8:], rtol=0.06)  # half a pixel of the ramp, no factor of two


def test_disparity_is_resized_before_it_is_inverted():
    disp = np.array([[0.5, 1.0]], np.float32)
    target = np.full((1, 3), 10.0)
    middle = depth_map(disp, Kind.disp_frac, record("a", (1, 3)), target, protocol())[0, 1]
    assert middle == pytest.approx(FOCAL / 3 * BASELINE / 0.75)  # not the mean of the two depths


def test_resizing_keeps_pixel_centres():
    values, target = np.array([[2.0, 4.0]]), np.full((1, 4), 3.0)
    wide = record("a", (1, 4))
    bilinear = depth_map(values, Kind.depth, wide, target, protocol())
    np.testing.assert_allclose(bilinear, [[2, 2.5, 3.5, 4]])  # align_corners=True would give 2, 2.67, 3.33, 4
    nearest = depth_map(values, Kind.depth, wide, target, protocol(resize=Resize.nearest))
    np.testing.assert_allclose(nearest, [[2, 2, 4, 4]])
    expected = torch.nn.functional.interpolate(
        torch.tensor([[[[2.0, 4.0]]]]), size=(1, 4), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(bilinear, expected[0, 0])


def test_both_sides_of_the_range_are_clamped_and_ground_truth_outside_it_is_masked():
    target = np.array([[0.5, 1.0, 10.0, 50.0, 50.1, 0.0]])
    pred = np.array([[9.0, 0.01, 10.0, 900.0, 9.0, 9.0]])
    case = protocol(min_depth_m=1.0, cap_m=50.0)
    np.testing.assert_array_equal(evaluated_mask(target, case), [[False, True, True, True, False, False]])
    depth = depth_map(pred, Kind.depth, record("a", (1, 6)), target, case)
    np.testing.assert_allclose(depth, [[9, 1, 10, 50, 9, 9]])
    (row,) = score(Prediction("a", Kind.depth, {"L9": pred}), record("a", (1, 6)), target, case)
    assert (row["n_valid"], row["abs_rel"]) == (3, 0.0)


def whole_map(values, kind, depth_gt, case):
    """The plain way to a score: every pixel resized, converted, aligned and clamped, then the mask."""
    mask = evaluated_mask(depth_gt, case)
    full = cv2.resize(values.astype(np.float32), depth_gt.shape[::-1], interpolation=_INTERPOLATION[case.resize])
    convert = to_inv_depth if case.alignment is Alignment.lstsq_inv_depth else to_depth
    depth = convert(full, kind, FOCAL * BASELINE / WIDTH)
    depth = align(depth, depth_gt, mask=mask, method=case.alignment, cap_m=case.cap_m)
    p, t = np.clip(depth, case.min_depth_m, case.cap_m)[mask], depth_gt[mask].astype(np.float64)
    log, worst = np.log(p) - np.log(t), np.maximum(p / t, t / p)
    deltas = {f"delta{n}": (worst < 1.25**n).mean() for n in (1, 2, 3)}
    squares = {"sq_rel": ((p - t) ** 2 / t).mean(), "rmse": ((p - t) ** 2).mean() ** 0.5}
    logs = {"rmse_log": (log**2).mean() ** 0.5, "log10": abs(log / np.log(10)).mean(), "silog": 100 * log.std()}
    return {"n_valid": mask.sum(), "abs_rel": (abs(p - t) / t).mean(), **squares, **logs, **deltas}


@pytest.mark.parametrize("resize", Resize)
@pytest.mark.parametrize(
    ("kind", "alignment"),
    [
        (Kind.depth, Alignment.none),
        (Kind.depth, Alignment.lstsq_depth),
        (Kind.disp_frac, Alignment.median),
        (Kind.inv_depth, Alignment.median),
        (Kind.affine_inv_depth, Alignment.lstsq_inv_depth),
    ],
)
@pytest.mark.parametrize("share", [0.05, 1.0])
def test_scored_pixels_alone_give_what_whole_maps_give(kind, alignment, resize, share):
    rng = np.random.default_rng(0)
    depth_gt = np.where(rng.random(DEPTH.shape) < share, DEPTH * rng.uniform(0.8, 1.6, DEPTH.shape), 0)
    depth_gt = depth_gt.astype(np.float32)
    values = cv2.resize(DEPTH, (WIDTH // 3, HEIGHT // 2)) * rng.uniform(0.7, 1.4, (HEIGHT // 2, WIDTH // 3))
    if kind is not Kind.depth:
        values = 3 / values
    case = protocol(crop=Crop.garg, alignment=alignment, resize=resize)
    row = one(values, kind, depth_gt, crop=Crop.garg, alignment=alignment, resize=resize)
    for key, value in whole_map(values, kind, depth_gt, case).items():
        assert row[key] == pytest.approx(value, rel=1e-7), key  # the median of float32 was itself rounded


def test_scored_pixels_may_all_be_clamped_where_the_map_is_not():
    only_far = np.where(DEPTH > 39, DEPTH, 0)
    row = one(np.where(DEPTH > 35, 900.0, DEPTH), depth_gt=only_far)
    assert row["abs_rel"] == pytest.approx((50 / only_far[only_far > 0] - 1).mean())


def test_nothing_outside_the_crop_is_scored():
    case = protocol(crop=Crop.garg)
    mask = evaluated_mask(DEPTH, case)
    spoilt = np.where(mask, DEPTH, 3.0)
    assert one(spoilt, crop=Crop.garg, resize=Resize.nearest)["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert one(spoilt)["abs_rel"] > 0.1


def test_caps_of_50_and_80_metres_come_from_one_set_of_predictions(tmp_path):
    far = np.tile(np.linspace(5, 75, WIDTH), (HEIGHT, 1))

    class Far(Scenes):
        def depth_gt(self, index, ground_truth):
            return far

    data = Far(tmp_path, 1)
    path = prediction_path(tmp_path, data.records[0].id)
    save_prediction(path, Prediction(data.records[0].id, Kind.depth, {"L9": np.minimum(far, 60)}))
    before = path.read_bytes()
    (row50,) = evaluate_predictions(tmp_path, data, [0], protocol(cap_m=50))
    (row80,) = evaluate_predictions(tmp_path, data, [0], protocol(cap_m=80))
    assert row50["abs_rel"] == pytest.approx(0, abs=1e-6) and row50["n_valid"] == (far <= 50).sum()
    beyond = far[far > 60]
    assert row80["abs_rel"] == pytest.approx(((beyond - 60) / beyond).sum() / far.size, rel=1e-5)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (
            np.full((4, 8), 0.07),
            Kind.disp_frac,
            r"a, L12: the prediction is constant \(about 0.07 everywhere\).*collapsed",
        ),
        (np.zeros((4, 8)), Kind.disp_frac, "constant"),
        (np.where(DEPTH > 5, np.nan, DEPTH), Kind.depth, "a, L12: the prediction is not finite: training diverged"),
        (-DISP_FRAC, Kind.disp_frac, "a, L12: every pixel was clamped to 50 m: .*untrained"),
        (DEPTH * 1000, Kind.depth, "every pixel was clamped to 50 m: .*kind"),
        (DEPTH / 1000, Kind.depth, "every pixel was clamped to 1 m"),
    ],
)
def test_rubbish_is_an_error_that_names_image_level_and_cause(values, kind, message):
    with pytest.raises(UserError, match=message):
        one(values, kind)


def test_a_depth_without_an_inverse_is_refused_also_where_nothing_is_scored():
    """The figures show the whole map."""
    values, truth = DEPTH.copy(), DEPTH.copy()
    values[:, -2:], truth[:, -4:] = -1, 0
    with pytest.raises(UserError, match="a, L12: predicted depth is not positive everywhere: it has no inverse to fit"):
        one(values, depth_gt=truth, alignment=Alignment.lstsq_inv_depth)


def test_a_fit_that_is_not_determined_names_the_image():
    with pytest.raises(UserError, match="a, L12: 1 evaluated pixels"):
        one(DEPTH, depth_gt=np.where(np.arange(DEPTH.size) == 90, DEPTH.ravel(), 0.0).reshape(DEPTH.shape),
            alignment=Alignment.lstsq_depth)  # fmt: skip


def test_an_image_without_a_valid_pixel_is_an_error():
    with pytest.raises(UserError, match=r"a: no ground truth between 1 and 50 m inside crop none; .*eval\.cap_m"):
        one(DEPTH, depth_gt=np.zeros_like(DEPTH))


def test_a_prediction_of_another_image_is_refused():
    with pytest.raises(UserError, match="a: the prediction is of b"):
        score(Prediction("b", Kind.depth, {"L9": DEPTH}), record("a"), DEPTH, protocol())


def test_ground_truth_of_another_size_than_its_image_is_refused():
    with pytest.raises(UserError, match="a: ground truth of 80x24 pixels, but its image has 160x48; give both at one"):
        one(DEPTH, depth_gt=DEPTH[::2, ::2])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"crop": "foo"}, r"eval\.crop: unknown 'foo', choose from none, garg, eigen"),
        ({"alignment": "affine"}, r"eval\.alignment: unknown 'affine', choose from none, median"),
        ({"resize": None}, r"eval\.resize: unknown None, choose from bilinear, nearest"),
        ({"ground_truth": Crop.garg}, r"eval\.ground_truth: unknown .*garg"),
        ({"flip_average": "false"}, r"eval\.flip_average must be true or false, got 'false'"),
        ({"cap_m": "80"}, r"got min_depth_m=1\.0 and cap_m='80'"),
        ({"cap_m": float("nan")}, "need 0 < min_depth_m < cap_m"),
    ],
)
def test_a_protocol_takes_no_value_that_it_does_not_know(setting, message):
    with pytest.raises(UserError, match=message):
        Protocol(**setting)


def test_a_protocol_knows_its_values_by_name():
    named = Protocol(crop="nyu_pixels", ground_truth="dense", alignment="median", resize="nearest")
    assert named == Protocol("test", GroundTruth.dense, Crop.nyu_pixels, 1, 50, Alignment.median, Resize.nearest)


def test_only_images_with_the_asked_ground_truth_are_scored(tmp_path):
    data = Scenes(tmp_path, 4, without_depth=(1, 2))
    assert scored_indices(data, GroundTruth.dense) == [0, 3]
    with pytest.raises(UserError, match="scenes: none of 4 images has ground truth improved"):
        scored_indices(data, GroundTruth.improved)
    data.records[3] = data.records[0]
    with pytest.raises(UserError, match="scene/00 and scene/00 share one name"):
        scored_indices(data, GroundTruth.dense)


def test_a_missing_prediction_is_named(tmp_path):
    with pytest.raises(UserError, match=r"scene__00\.npz: no such prediction"):
        evaluate_predictions(tmp_path, Scenes(tmp_path, 1), [0], protocol())


def test_disparities_are_not_scored_on_single_images(tmp_path):
    class Single(DepthDataset):
        read_image = depth_gt = has_depth = None

    check_cameras(Kind.depth, Single(), "halls", "Net")
    check_cameras(Kind.disp_frac, Scenes(tmp_path, 1), "streets", "Net")
    with pytest.raises(UserError, match=r"Net predicts disparities.* test set halls has single images"):
        check_cameras(Kind.disp_frac, Single(), "halls", "Net")
