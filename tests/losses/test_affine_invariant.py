"""The affine-invariant loss, its CutMix form and gradient matching: worked by hand, and what must not change them."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from depthrepro.losses.affine_invariant import affine_invariant_loss, cutmix_loss, gradient_matching_loss, normalise


def maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def everywhere(values: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(values, dtype=torch.bool)


def test_normalised_by_hand():
    """1 2 3 10: the lower median is 2, the deviations 1 0 1 8 have the mean 2.5. The 99 does not count."""
    values, mask = torch.tensor([[1.0, 99.0, 2.0, 3.0, 10.0]]), torch.tensor([[True, False, True, True, True]])
    assert normalise(values, mask).tolist() == [[pytest.approx(v) for v in (-0.4, 0.0, 0.0, 0.4, 3.2)]]


def test_loss_by_hand():
    """0 1 2 against 0 1 4: normalised -1.5 0 1.5 and -0.75 0 2.25; differences 0.75 0 0.75."""
    pred, target = torch.tensor([[[0.0, 1.0, 2.0]]]), torch.tensor([[[0.0, 1.0, 4.0]]])
    assert affine_invariant_loss(pred, target, mask=everywhere(pred)).item() == pytest.approx(0.5)


@pytest.mark.parametrize("loss", [affine_invariant_loss, gradient_matching_loss])
@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (0.01, 5.0), (1.0, -40.0)])
def test_scale_and_shift_of_either_map_change_nothing(loss, scale, shift):
    pred, target = maps(2, 1, 8, 9), maps(2, 1, 8, 9, seed=1)
    mask = maps(2, 1, 8, 9, seed=2) > 0.3
    before = loss(pred, target, mask=mask)
    assert before > 0.1
    assert torch.allclose(loss(scale * pred + shift, target, mask=mask), before, atol=1e-9)
    assert torch.allclose(loss(pred, scale * target + shift, mask=mask), before, atol=1e-9)
    assert loss(scale * target + shift, target, mask=mask).item() == pytest.approx(0, abs=1e-9)


def test_the_sign_matters():
    target = maps(1, 1, 6, 6)
    assert affine_invariant_loss(-target, target, mask=everywhere(target)) > 1


@pytest.mark.parametrize("loss", [affine_invariant_loss, gradient_matching_loss])
def test_masked_pixels_have_no_say_and_no_gradient(loss):
    pred, target = maps(1, 1, 8, 8).requires_grad_(), maps(1, 1, 8, 8, seed=1)
    mask = maps(1, 1, 8, 8, seed=2) > 0.4
    value = loss(pred, target, mask=mask)
    value.backward()
    assert pred.grad is not None and (pred.grad[~mask] == 0).all() and (pred.grad[mask] != 0).any()
    other = torch.where(mask, target, 1e6)
    assert torch.allclose(loss(torch.where(mask, pred, -1e6), other, mask=mask), value)


@pytest.mark.parametrize("loss", [affine_invariant_loss, gradient_matching_loss])
def test_an_image_without_a_valid_pixel_is_left_out(loss):
    pred, target, mask = maps(2, 1, 6, 6).requires_grad_(), maps(2, 1, 6, 6, seed=1), everywhere(maps(2, 1, 6, 6))
    mask[1] = False
    alone = loss(pred[:1], target[:1], mask=mask[:1])
    together = loss(pred, target, mask=mask)
    assert torch.allclose(together, alone)
    together.backward()
    assert pred.grad is not None and torch.isfinite(pred.grad).all() and (pred.grad[1] == 0).all()
    assert loss(pred, target, mask=torch.zeros_like(mask)).item() == 0


@pytest.mark.parametrize("loss", [affine_invariant_loss, gradient_matching_loss])
def test_constant_maps_give_finite_numbers(loss):
    flat, target = torch.full((1, 1, 5, 5), 0.3, dtype=torch.float64).requires_grad_(), maps(1, 1, 5, 5)
    value = loss(flat, target, mask=everywhere(target))
    value.backward()
    assert torch.isfinite(value) and flat.grad is not None and torch.isfinite(flat.grad).all()
    if loss is affine_invariant_loss:
        assert value.item() == pytest.approx(1), "a normalised map's mean absolute value"
    assert torch.isfinite(loss(target, flat.detach(), mask=everywhere(target)))


def test_gradients_by_finite_differences():
    pred, target = maps(2, 5, 5).requires_grad_(), maps(2, 5, 5, seed=1)
    mask, box = maps(2, 5, 5, seed=2) > 0.2, torch.zeros(2, 5, 5, dtype=torch.bool)
    box[:, 1:4, 2:5] = True
    assert gradcheck(lambda p: affine_invariant_loss(p, target, mask=mask), (pred,))
    assert gradcheck(lambda p: cutmix_loss(p, target, target.flip(0), box), (pred,))
    assert gradcheck(lambda p: gradient_matching_loss(p, target, mask=mask, scales=2), (pred,))


def box(shape: tuple[int, ...]) -> torch.Tensor:
    inside = torch.zeros(shape, dtype=torch.bool)
    inside[..., 2:6, 3:9] = True
    return inside


def test_each_region_is_aligned_on_its_own():
    """The prediction is the one label in the box and the other outside, each with its own scale and shift."""
    a, b = maps(2, 1, 8, 12), maps(2, 1, 8, 12, seed=1)
    inside = box(a.shape)
    pred = torch.where(inside, 5 * a + 2, 0.1 * b - 7)
    assert cutmix_loss(pred, a, b, inside).item() == pytest.approx(0, abs=1e-9)
    assert affine_invariant_loss(pred, torch.where(inside, a, b), mask=everywhere(a)) > 0.1, "together it is not"


def test_regions_count_by_their_area():
    """Right in the box and a flat map outside: the error there is 1 for each pixel."""
    a, b = maps(1, 1, 8, 12), maps(1, 1, 8, 12, seed=1)
    inside = box(a.shape)
    pred = torch.where(inside, a, 0.5)
    assert cutmix_loss(pred, a, b, inside).item() == pytest.approx(1 - inside.double().mean().item())


def test_an_unmixed_image_is_the_plain_loss():
    pred, label = maps(2, 1, 6, 6), maps(2, 1, 6, 6, seed=1)
    plain = affine_invariant_loss(pred, label, mask=everywhere(pred))
    assert torch.allclose(cutmix_loss(pred, label, label.flip(0), everywhere(pred)), plain)


def test_unknown_labels_in_a_mixed_image():
    pred, a, b = maps(1, 1, 8, 12), maps(1, 1, 8, 12, seed=1), maps(1, 1, 8, 12, seed=2)
    known = maps(1, 1, 8, 12, seed=3) > 0.3
    value = cutmix_loss(pred, a, b, box(a.shape), mask=known)
    changed = cutmix_loss(torch.where(known, pred, 99.0), a, torch.where(known, b, -99.0), box(a.shape), mask=known)
    assert torch.allclose(value, changed)
    assert cutmix_loss(pred, a, b, box(a.shape), mask=torch.zeros_like(known)).item() == 0


def test_gradient_matching_by_hand():
    """Normalised by lower medians 0 and scales 1/2 and 1/6, the maps differ by 0 0 0 over 2 2 -4."""
    pred = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])
    target = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    mask = everywhere(pred)
    # |∂x|: 0 + 6. |∂y|: 2 + 2 + 4. Six valid pixels, and seven pairs of neighbours, which do not count.
    assert gradient_matching_loss(pred, target, mask=mask, scales=1).item() == pytest.approx(14 / 6)
    # Without the last column the maps differ by 0 0 over 2 -2 after normalising by 1/2 and 1/4.
    target[0, 1, 1], mask[..., 2] = 1.0, False
    assert gradient_matching_loss(pred, target, mask=mask, scales=1).item() == pytest.approx((4 + 2 + 2) / 4)


@pytest.mark.parametrize("loss", [affine_invariant_loss, gradient_matching_loss])
def test_shapes_with_and_without_a_channel_and_low_precision(loss):
    pred, target = maps(2, 1, 8, 8).float(), maps(2, 1, 8, 8, seed=1).float()
    mask = everywhere(pred)
    value = loss(pred, target, mask=mask)
    assert torch.allclose(loss(pred[:, 0], target[:, 0], mask=mask[:, 0]), value)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = loss(pred.bfloat16(), target, mask=mask)
    assert low.dtype == torch.float32 and low.item() == pytest.approx(value.item(), rel=0.02)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        affine_invariant_loss(maps(1, 1, 4, 4), maps(1, 1, 4, 5), mask=everywhere(maps(1, 1, 4, 4)))
