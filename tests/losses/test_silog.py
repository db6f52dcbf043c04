"""The scale-invariant logarithmic loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch.autograd import gradcheck

from depthrepro.losses.silog import silog_loss


def depths(seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 20 + 1


ALL = torch.ones(2, 1, 5, 5, dtype=torch.bool)


def test_by_hand():
    """g = ln 2 and 0: mean of squares ln(2)^2 / 2, squared mean ln(2)^2 / 4; less half of it: 3/8 ln(2)^2."""
    pred, target = torch.tensor([[2.0, 3.0]]), torch.tensor([[1.0, 3.0]])
    mask = torch.ones(1, 2, dtype=torch.bool)
    squared = 3 / 8 * math.log(2) ** 2
    assert silog_loss(pred, target, mask=mask).item() == pytest.approx(math.sqrt(squared))
    assert silog_loss(pred, target, mask=mask, root=False).item() == pytest.approx(squared)
    assert silog_loss(pred, target, mask=mask, factor=10.0).item() == pytest.approx(10 * math.sqrt(squared))


def test_variance_focus_of_one_is_blind_to_a_common_factor():
    assert silog_loss(3 * depths(), depths(), mask=ALL, variance_focus=1.0).item() == pytest.approx(0, abs=1e-5)
    assert silog_loss(3 * depths(), depths(), mask=ALL, variance_focus=0.0).item() == pytest.approx(math.log(3))
    half, most = (silog_loss(3 * depths(), depths(), mask=ALL, variance_focus=v).item() for v in (0.5, 0.85))
    assert half == pytest.approx(math.log(3) * math.sqrt(0.5)) and most == pytest.approx(math.log(3) * math.sqrt(0.15))


def test_invalid_pixels_may_hold_anything():
    pred, target, mask = depths(), depths(1), ALL.clone()
    mask[0, 0, 0] = False
    value = silog_loss(pred, target, mask=mask)
    target[~mask], pred[~mask] = 0.0, -5.0
    assert torch.equal(silog_loss(pred, target, mask=mask), value)


def test_nothing_valid_and_a_perfect_prediction_have_finite_gradients():
    pred = depths().requires_grad_()
    for target, mask in ((depths(1), torch.zeros_like(ALL)), (depths(), ALL)):
        loss = silog_loss(pred, target, mask=mask)
        (gradient,) = torch.autograd.grad(loss, pred)
        assert loss.item() == pytest.approx(0, abs=1e-5) and torch.isfinite(gradient).all()


def test_gradients_by_finite_differences():
    assert gradcheck(lambda p: silog_loss(p, depths(1), mask=ALL), (depths().requires_grad_(),))


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        silog_loss(depths(), depths()[:1], mask=ALL)
