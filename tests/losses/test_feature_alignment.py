"""Feature alignment: the direction of its tolerance, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from depthrepro.losses.feature_alignment import feature_alignment_loss


def at_angles(*cosines: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(student, frozen), (1, 2, 1, N): unit vectors with these cosines between them."""
    cosine = torch.tensor(cosines, dtype=torch.float64)
    student = torch.stack([cosine, (1 - cosine**2).sqrt()])[None, :, None]
    frozen = torch.stack([torch.ones_like(cosine), torch.zeros_like(cosine)])[None, :, None]
    return student, frozen


def test_pixels_that_agree_well_are_skipped():
    """Of cosines 0.9, 0.5 and -1, the first exceeds 0.85: (0.5 + 2) / 2."""
    assert feature_alignment_loss(*at_angles(0.9, 0.5, -1.0)).item() == pytest.approx(1.25)
    assert feature_alignment_loss(*at_angles(0.9, 0.5, -1.0), tolerance=0.95).item() == pytest.approx(2.6 / 3)
    assert feature_alignment_loss(*at_angles(0.9, 0.5, -1.0), tolerance=0.3).item() == pytest.approx(2)


def test_a_tolerance_of_one_keeps_every_pixel():
    assert feature_alignment_loss(*at_angles(1.0, 0.9, 0.5), tolerance=1.0).item() == pytest.approx(0.2)


def test_all_skipped_is_zero_with_zero_gradient():
    student, frozen = at_angles(0.99, 0.9)
    student.requires_grad_()
    loss = feature_alignment_loss(student, frozen)
    loss.backward()
    assert loss.item() == 0 and student.grad is not None and (student.grad == 0).all()


def test_lengths_do_not_matter_and_the_frozen_side_learns_nothing():
    student, frozen = at_angles(0.4, -0.2)
    frozen.requires_grad_()
    loss = feature_alignment_loss((7 * student).requires_grad_(), 0.1 * frozen)
    loss.backward()
    assert loss.item() == pytest.approx((0.6 + 1.2) / 2)
    assert frozen.grad is None


def test_skipped_pixels_get_no_gradient():
    student, frozen = at_angles(0.95, 0.2)
    student.requires_grad_()
    feature_alignment_loss(student, frozen).backward()
    assert student.grad is not None
    assert (student.grad[..., 0] == 0).all() and (student.grad[..., 1] != 0).any()


def test_gradients_by_finite_differences():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(2, 4, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    frozen = torch.randn(2, 4, 3, 3, generator=generator, dtype=torch.float64)
    assert gradcheck(lambda s: feature_alignment_loss(s, frozen), (student,))


def test_low_precision_and_other_sizes():
    student, frozen = at_angles(0.4, -0.2)
    assert feature_alignment_loss(student.bfloat16(), frozen.bfloat16()).dtype == torch.float32
    with pytest.raises(ValueError, match="one shape"):
        feature_alignment_loss(student, frozen[..., :1])
