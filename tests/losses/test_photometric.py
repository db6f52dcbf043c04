"""Photometric errors by hand."""

import pytest
import torch

from depthrepro.losses.photometric import (
    PhotometricCensus,
    PhotometricCharbonnier,
    PhotometricGradient,
    PhotometricL1,
    PhotometricL2,
    PhotometricLoss,
    ssim,
)

ALL = pytest.mark.parametrize(
    "loss",
    [
        PhotometricL1(),
        PhotometricL2(),
        PhotometricCharbonnier(),
        PhotometricGradient(),
        PhotometricCensus(),
        PhotometricLoss(0.0),
        PhotometricLoss(0.85),
        PhotometricLoss(1.0),
    ],
)


def flat(*rgb):
    """A 4×5 image of one colour."""
    return torch.tensor(rgb).reshape(1, 3, 1, 1).expand(1, 3, 4, 5)


@ALL
def test_equal_images_cost_nothing(loss):
    image = torch.rand(2, 3, 6, 8)
    torch.testing.assert_close(loss(image, image), torch.zeros(2, 1, 6, 8), atol=1e-6, rtol=0)


@ALL
def test_error_stands_at_its_pixel(loss):
    target = torch.full((1, 3, 9, 9), 0.5)
    pred = target.clone()
    pred[..., 4, 4] = 1.0
    error = loss(pred, target)
    assert error[0, 0, 4, 4] > 0.01 and error[0, 0, 4, 4] > 0.999 * error.max()
    assert error[..., :3, :].max() < 1e-6  # nothing beyond SSIM's 3×3 window


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (PhotometricL2(), 0.1**2 + 0.2**2 + 0.2**2),
        (PhotometricLoss(0.0), (0.1 + 0.2 + 0.2) / 3),
        (PhotometricCharbonnier(0.1), (0.02**0.5 + 2 * 0.05**0.5) / 3 - 0.1),
    ],
)
def test_flat_images_by_hand(loss, expected):
    error = loss(flat(0.5, 0.5, 0.5), flat(0.4, 0.7, 0.3))
    torch.testing.assert_close(error, torch.full((1, 1, 4, 5), expected))


def test_ssim_of_flat_images_compares_their_means():
    p, t = 0.2, 0.6
    similarity = (2 * p * t + 1e-4) / (p * p + t * t + 1e-4)  # no variance: the second factor is 1
    got = ssim(flat(p, p, p), flat(t, t, t))
    torch.testing.assert_close(got, torch.full((1, 3, 4, 5), similarity), atol=1e-4, rtol=0)
    error = PhotometricLoss(0.85)(flat(p, p, p), flat(t, t, t))
    torch.testing.assert_close(
        error, torch.full((1, 1, 4, 5), 0.85 * (1 - similarity) / 2 + 0.15 * 0.4), atol=1e-4, rtol=0
    )


def test_ssim_of_a_negative_is_negative():
    image = torch.rand(1, 3, 8, 8)
    assert ssim(image, 1 - image).mean() < 0 < ssim(image, 0.5 * image).mean()


@ALL
def test_gradients_are_finite_at_equal_images(loss):
    image = torch.rand(1, 3, 6, 8)
    pred = image.clone().requires_grad_()
    loss(pred, image).sum().backward()
    assert pred.grad.isfinite().all()


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="epsilon"):
        PhotometricCharbonnier(0.0)
    with pytest.raises(ValueError, match="ssim_weight"):
        PhotometricLoss(1.5)


def test_the_authors_l1_sums_the_channels_of_images_times_0004():
    """Bytes 10, 20 and 30 apart: (10 + 20 + 30) times 0.004."""
    error = PhotometricL1()(flat(0.5, 0.5, 0.5), flat(0.5 + 10 / 255, 0.5 - 20 / 255, 0.5 + 30 / 255))
    torch.testing.assert_close(error, torch.full((1, 1, 4, 5), 0.24))


def test_gradient_term_by_hand():
    pred, target = torch.zeros(1, 3, 3, 3), torch.zeros(1, 3, 3, 3)
    pred[..., 1, 1] = 0.6
    error = PhotometricGradient(gradient_weight=0.5)(pred, target)[0, 0]
    # At the pixel: 0.6 and its steps to the right and down; the neighbours above and to the left have a step each.
    expected = torch.tensor([[0, 0.3, 0], [0.3, 0.6 + 0.3 + 0.3, 0], [0, 0, 0]])
    torch.testing.assert_close(error, expected)


def test_another_exposure_costs_the_gradient_term_nothing_more_and_the_census_nothing():
    torch.manual_seed(0)
    image = torch.rand(1, 3, 8, 9) * 0.8
    brighter = image + 0.1
    plain, with_steps = PhotometricGradient(0.0)(brighter, image), PhotometricGradient(1.0)(brighter, image)
    torch.testing.assert_close(with_steps, plain)
    assert PhotometricCensus()(brighter, image).max() < 1e-6


def test_census_by_hand():
    # One row of grey values 0, s, 0: the neighbours of the middle are darker by s, in six of eight places.
    s = 0.03
    pred = torch.tensor([0.0, s, 0.0]).expand(1, 3, 3, 3)
    target = torch.zeros(1, 3, 3, 3)
    squashed = (-1 / 1.81**0.5) ** 2
    error = PhotometricCensus(radius=1, noise=s)(pred, target)[0, 0, 1, 1]
    assert error.item() == pytest.approx(6 / 8 * squashed / (0.1 + squashed))


@pytest.mark.parametrize("wrong", [{"radius": 0}, {"noise": 0.0}])
def test_census_refuses_what_has_no_meaning(wrong):
    with pytest.raises(ValueError, match="radius must be 1 or more"):
        PhotometricCensus(**wrong)
