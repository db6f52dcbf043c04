"""Photometric errors: how far a warped image is from the image it should match, pixel by pixel.

All take images (B, 3, H, W) in [0, 1] and return the error per pixel, (B, 1, H, W), not reduced: the caller knows
which pixels are in view.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PhotometricL2(nn.Module):
    """Squared L2 distance of the colours, summed over the channels.

    Source: Garg et al. 2016 (arXiv:1603.04992), eq. 1. Differs: none (the integral is left to the caller).
    """

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error per pixel, (B, 1, H, W), in [0, 3]."""
        return (pred - target).square().sum(dim=1, keepdim=True)


class PhotometricL1(nn.Module):
    """L1 distance of the colours, summed over the channels.

    Args:
        scale: Of the images, which lie in [0, 1]. The authors' later code has 0.004 times 0..255, which is 1.02.

    Source: Ravi-Garg/Unsupervised_Depth_Estimation, scripts/train_resnet50by2_pool_tvl1.prototxt. Differs: none.
    """

    def __init__(self, scale: float = 1.02) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error per pixel, (B, 1, H, W), in [0, 3 scale]."""
        return self.scale * (pred - target).abs().sum(dim=1, keepdim=True)


class PhotometricCharbonnier(nn.Module):
    """Smooth L1 distance √(d² + ε²) − ε, mean over the channels: quadratic below ε, linear above.

    Args:
        epsilon: Where the two meet, in units of the image range, > 0.

    Source: Charbonnier et al. 1994; Sun et al. 2010 (optical flow). Differs: − ε, so that equal images cost nothing.
    """

    def __init__(self, epsilon: float = 0.01) -> None:
        super().__init__()
        if epsilon <= 0:
            raise ValueError(f"epsilon must be > 0, got {epsilon}")
        self.epsilon = epsilon

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error per pixel, (B, 1, H, W), in [0, 1)."""
        error = ((pred - target).square() + self.epsilon**2).sqrt() - self.epsilon
        return error.mean(dim=1, keepdim=True)


class PhotometricLoss(nn.Module):
    """ssim_weight · (1 − SSIM) / 2 + (1 − ssim_weight) · L1, mean over the channels.

    Args:
        ssim_weight: In [0, 1]; 0 is pure L1.

    Source: Monodepth (arXiv:1609.03677), eq. 2. Differs: none.
    """

    def __init__(self, ssim_weight: float = 0.85) -> None:
        super().__init__()
        if not 0 <= ssim_weight <= 1:
            raise ValueError(f"ssim_weight must lie in [0, 1], got {ssim_weight}")
        self.ssim_weight = ssim_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error per pixel, (B, 1, H, W), in [0, 1]."""
        error = (pred - target).abs().mean(dim=1, keepdim=True)
        if self.ssim_weight > 0:
            distance = ((1 - ssim(pred, target)) / 2).mean(dim=1, keepdim=True)
            error = self.ssim_weight * distance + (1 - self.ssim_weight) * error
        return error


class PhotometricGradient(nn.Module):
    """L1 distance of the colours and of their differences between neighbours, mean over the channels.

    Differences between neighbours are the same under another exposure of one camera, which colours are not.

    Args:
        gradient_weight: Of the differences, in x and in y each, beside 1 for the colours, ≥ 0.

    Source: Brox et al. 2004, eq. 2 (gradient constancy), as an L1 distance. Differs: none.
    """

    def __init__(self, gradient_weight: float = 1.0) -> None:
        super().__init__()
        if gradient_weight < 0:
            raise ValueError(f"gradient_weight must not be negative, got {gradient_weight}")
        self.gradient_weight = gradient_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error per pixel, (B, 1, H, W), in [0, 1 + 4 gradient_weight]."""
        difference = pred - target  # of differences is the difference of the images' differences
        right = F.pad(difference.diff(dim=-1), (0, 1, 0, 0))
        down = F.pad(difference.diff(dim=-2), (0, 0, 0, 1))
        error = difference.abs() + self.gradient_weight * (right.abs() + down.abs())
        return error.mean(dim=1, keepdim=True)


class PhotometricCensus(nn.Module):
    """Distance of soft census transforms: how each pixel's grey value stands to its neighbours', not how bright it is.

    Args:
        radius: Of the square neighbourhood, in pixels, ≥ 1.
        noise: Differences of grey values well below it count as none; of the images' unit, > 0.

    Source: Zabih & Woodfill 1994 (the transform); Meister et al. 2018 (arXiv:1711.07837), its soft form.
    Differs: radius 1 by default, theirs is 3, for maps a quarter of their size; mean instead of sum over neighbours.
    """

    def __init__(self, radius: int = 1, noise: float = 0.03) -> None:
        super().__init__()
        if radius < 1 or noise <= 0:
            raise ValueError(f"radius must be 1 or more and noise above 0, got {radius} and {noise}")
        self.radius, self.noise = radius, noise

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Error per pixel, (B, 1, H, W), in [0, 1)."""
        distance = (self._transform(pred) - self._transform(target)).square()
        return (distance / (0.1 + distance)).mean(dim=1, keepdim=True)

    def _transform(self, image: Tensor) -> Tensor:
        """Each neighbour's grey value minus the pixel's, squashed to (−1, 1), (B, neighbours, H, W)."""
        grey, r = image.mean(dim=1, keepdim=True), self.radius
        height, width = grey.shape[-2:]
        around = F.pad(grey, (r, r, r, r), mode="replicate")
        views = [around[..., y : y + height, x : x + width] for y in range(2 * r + 1) for x in range(2 * r + 1)]
        del views[len(views) // 2]  # the pixel itself
        difference = (torch.cat(views, dim=1) - grey) / self.noise
        return difference / (0.81 + difference.square()).sqrt()


def ssim(pred: Tensor, target: Tensor) -> Tensor:
    """Structural similarity over 3×3 windows, which the image's border cuts off.

    Args:
        pred: Image in [0, 1], (B, C, H, W).
        target: Image in [0, 1], (B, C, H, W).

    Returns:
        (B, C, H, W) in [−1, 1], 1 where the windows are equal.

    Source: Wang et al. 2004, eq. 13. Differs: a box window of 3×3 (as Monodepth) instead of a Gaussian of 11×11.
    """
    c1, c2 = 0.01**2, 0.03**2
    mean_p, mean_t = _window_mean(pred), _window_mean(target)
    var_p = _window_mean(pred.square()) - mean_p.square()
    var_t = _window_mean(target.square()) - mean_t.square()
    covariance = _window_mean(pred * target) - mean_p * mean_t
    similarity = (2 * mean_p * mean_t + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_p.square() + mean_t.square() + c1) * (var_p + var_t + c2))
    return similarity.clamp(-1, 1)


def _window_mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)
