"""Smoothness terms by hand."""

import math

import pytest
import torch

from depthrepro.losses.smoothness import edge_aware_smoothness, edge_aware_tv, l2_smoothness

X = torch.arange(12.0).expand(2, 1, 8, 12)
Y = torch.arange(8.0)[:, None].expand(2, 1, 8, 12)
GREY = torch.full((2, 3, 8, 12), 0.5)


@pytest.mark.parametrize(("disp", "expected"), [(0 * X + 7, 0.0), (3 * X, 9.0), (2 * Y, 4.0), (3 * X - 2 * Y, 13.0)])
def test_horn_schunck_is_the_squared_slope_of_a_ramp(disp, expected):
    assert l2_smoothness(disp).item() == pytest.approx(expected)


def test_horn_schunck_gradient_is_the_laplacian():
    disp = torch.zeros(1, 1, 5, 5)
    disp[0, 0, 2, 2] = 1.0
    disp.requires_grad_()
    l2_smoothness(disp).backward()
    # d/dD of the squared differences over 20 pairs a direction: 2·(4·centre − neighbours) / 20
    assert disp.grad[0, 0, 2].tolist() == pytest.approx([0, -0.1, 0.4, -0.1, 0])


def test_edge_aware_on_a_ramp_by_hand():
    disp = X + 1  # mean 6.5, slope 1
    assert edge_aware_smoothness(disp, GREY).item() == pytest.approx(1 / 6.5)
    edges = (torch.arange(12) % 2).float().expand(2, 3, 8, 12)  # a step of 1 between all columns
    assert edge_aware_smoothness(disp, edges).item() == pytest.approx(math.exp(-1) / 6.5)


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_edge_aware_ignores_the_disparity_unit(scale):
    torch.manual_seed(0)
    disp, image = torch.rand(2, 1, 8, 12) + 0.2, torch.rand(2, 3, 8, 12)
    torch.testing.assert_close(edge_aware_smoothness(scale * disp, image), edge_aware_smoothness(disp, image))


def test_edge_aware_normalises_each_image_by_its_own_mean():
    torch.manual_seed(0)
    disp, image = torch.rand(2, 1, 8, 12) + 0.2, torch.rand(2, 3, 8, 12)
    uneven = disp * torch.tensor([1.0, 50.0]).reshape(2, 1, 1, 1)
    torch.testing.assert_close(edge_aware_smoothness(uneven, image), edge_aware_smoothness(disp, image))


@pytest.mark.parametrize("mean", [0.0, 1e-6, -1e-3])
def test_edge_aware_stays_calm_where_training_starts(mean):
    """Almost no disparity, noise of the same size: division by the mean would give values in the thousands."""
    torch.manual_seed(0)
    disp = (mean + 1e-3 * torch.randn(2, 1, 8, 12)).requires_grad_()
    loss = edge_aware_smoothness(disp, GREY)
    loss.backward()
    assert loss < 1 and disp.grad.abs().max() < 10


def test_edge_aware_refuses_an_image_of_another_size():
    with pytest.raises(ValueError, match="sizes differ"):
        edge_aware_smoothness(X, GREY[..., :-1])


def test_the_authors_prior_by_hand():
    """Slopes 2 across and 3 down; every colour rises by 0.1 across, one rises and one falls by 0.2 down."""
    disp = 2 * X + 3 * Y
    assert edge_aware_tv(disp, GREY).item() == pytest.approx(5)
    image = torch.cat([0.1 * X + 0.2 * Y, 0.1 * X - 0.2 * Y, 0.1 * X], dim=1)
    across, down = math.exp(-0.33 * 1.02 * 0.3), math.exp(-0.33 * 1.02 * 0.4)
    assert edge_aware_tv(disp, image).item() == pytest.approx(2 * across + 3 * down, rel=1e-5)


def test_the_authors_prior_counts_pixels_and_skips_one():
    disp = (torch.arange(12) % 2).float().expand(1, 1, 8, 12)  # central differences do not see a zigzag
    assert edge_aware_tv(disp, GREY[:1]).item() == 0
    assert edge_aware_tv(10 * (2 * X + 3 * Y), GREY).item() == pytest.approx(50)
