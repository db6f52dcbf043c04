"""Every metric against a value worked out by hand, and the ways a metric must refuse."""

import math

import pytest
import torch

from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.evaluation.metrics import depth_metrics

LN2 = math.log(2)


def test_every_metric_matches_hand_computed_values():
    got = depth_metrics(torch.tensor([2.0, 5.0]), torch.tensor([4.0, 5.0]))
    assert got["abs_rel"] == pytest.approx(0.25)  # (2/4 + 0) / 2
    assert got["sq_rel"] == pytest.approx(0.5)  # (4/4 + 0) / 2
    assert got["rmse"] == pytest.approx(math.sqrt(2))  # sqrt((4 + 0) / 2)
    assert got["rmse_log"] == pytest.approx(LN2 / math.sqrt(2))  # sqrt((ln² 2 + 0) / 2)
    assert got["log10"] == pytest.approx(math.log10(2) / 2)
    assert got["silog"] == pytest.approx(100 * LN2 / 2)  # d = -ln 2, 0: sqrt(ln² 2 / 2 - ln² 2 / 4)
    assert got["delta1"] == got["delta2"] == got["delta3"] == pytest.approx(0.5)  # ratios 2 and 1


def test_thresholds_are_powers_of_a_quarter_more_and_exclude_their_own_value():
    target = torch.ones(1, 1, 1, 5)
    pred = torch.tensor([1.2, 1.25, 1.5, 1.9, 1 / 1.2]).reshape(1, 1, 1, 5)
    got = depth_metrics(pred.double(), target.double(), mask=torch.ones_like(target, dtype=torch.bool))
    assert got["delta1"] == pytest.approx(2 / 5)
    pred[..., 1] = 1.25  # exact in binary
    assert depth_metrics(pred[..., 1:2], target[..., 1:2])["delta1"] == 0
    assert got["delta2"] == pytest.approx(4 / 5)  # 1.5 < 1.5625
    assert got["delta3"] == pytest.approx(1.0)  # 1.9 < 1.953125


def test_a_prediction_that_is_being_trained_is_measured_too():
    pred, target = torch.tensor([[2.0, 5.0]], requires_grad=True), torch.tensor([[4.0, 5.0]])
    got = depth_metrics(pred.half(), target, mask=target > 4)
    assert got["abs_rel"] == 0 and not got["abs_rel"].requires_grad


def test_keys_are_those_of_the_metrics_table_in_its_order():
    assert list(depth_metrics(torch.ones(3), torch.ones(3))) == list(DEPTH_METRICS)


@pytest.mark.parametrize("shape", [(2, 1, 4, 6), (2, 4, 6)])
def test_images_are_scored_one_by_one_and_only_under_their_mask(shape):
    generator = torch.Generator().manual_seed(0)
    pred, target = (torch.rand(shape, generator=generator) + 0.5 for _ in range(2))
    mask = torch.rand(shape, generator=generator) > 0.4
    both = depth_metrics(pred, target, mask=mask)
    for b in range(2):
        alone = depth_metrics(pred[b][mask[b]], target[b][mask[b]])
        for key in DEPTH_METRICS:
            assert both[key].shape == (2,)
            assert both[key][b].item() == pytest.approx(alone[key].item(), rel=1e-12)


def test_what_is_masked_cannot_matter():
    pred, target = torch.tensor([[2.0, 3.0]]), torch.tensor([[4.0, 3.0]])
    mask = torch.tensor([[True, False]])
    clean = depth_metrics(pred, target, mask=mask)
    pred[0, 1], target[0, 1] = float("nan"), 0.0
    assert all(torch.equal(clean[key], value) for key, value in depth_metrics(pred, target, mask=mask).items())


def test_silog_ignores_scale_and_a_perfect_prediction_scores_perfectly():
    target = torch.rand(50, generator=torch.Generator().manual_seed(1)) + 1
    other = target.flip(0)
    assert depth_metrics(3 * other, target)["silog"] == pytest.approx(depth_metrics(other, target)["silog"].item())
    perfect = depth_metrics(target, target)
    assert all(perfect[key] == (1 if DEPTH_METRICS[key].higher_is_better else 0) for key in DEPTH_METRICS)


def test_sums_are_taken_in_double_precision():
    target = torch.full((300_000,), 10.0)
    pred = torch.full((300_000,), 10.1)
    exact = (float(torch.tensor(10.1)) - 10) / 10
    assert depth_metrics(pred, target)["abs_rel"].item() == pytest.approx(exact, rel=1e-12)


ONES = torch.ones(2, 1, 2, 2)
ALL = torch.ones(2, 1, 2, 2, dtype=torch.bool)


@pytest.mark.parametrize(
    ("pred", "target", "mask", "message"),
    [
        (ONES, ONES[:1], ALL, "shapes differ"),
        (ONES, ONES, ALL[:, 0], "shapes differ"),
        (ONES, ONES, ALL & torch.tensor([True, False])[:, None, None, None], "no valid pixel in image 1 of 2"),
        (-ONES, ONES, ALL, "pred is not finite and positive on 4 valid pixels in image 0 of 2"),
        (ONES * float("nan"), ONES, ALL, "pred is not finite"),
        (ONES * float("inf"), ONES, ALL, "pred is not finite"),
        (ONES, 0 * ONES, ALL, "target is not finite and positive"),
        (ONES, ONES, ALL.float(), "mask must be bool"),
        (ONES.expand(2, 3, 2, 2), ONES.expand(2, 3, 2, 2), ALL.expand(2, 3, 2, 2), "one channel"),
    ],
)
def test_what_cannot_be_scored_is_refused(pred, target, mask, message):
    with pytest.raises(ValueError, match=message):
        depth_metrics(pred, target, mask=mask)
