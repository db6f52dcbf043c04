"""Photometric errors by hand."""

import pytest
import torch

from depthrepro.losses.photometric import PhotometricCharbonnier, PhotometricL1, PhotometricL2, PhotometricLoss, ssim

ALL = pytest.mark.parametrize(
    "loss",
    [
        PhotometricL1(),
        PhotometricL2(),
        PhotometricCharbonnier(),
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
