"""Smoothness of a disparity map: what fills in where the images say nothing.

All take (disp, image) of one size and return a scalar, the mean over pixels and images.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Per cent of the width below which a map's mean no longer normalises it: a network that starts at zero disparity
# would otherwise divide by almost nothing in its first steps.
_SMALLEST_MEAN_PERCENT = 0.1


def l2_smoothness(disp: Tensor, image: Tensor | None = None) -> Tensor:
    """Squared L2 norm of the disparity gradient, mean over pixels: Horn and Schunck's prior.

    Args:
        disp: Disparity in pixels at the map's own width W, (B, 1, H, W). The unit counts, squared.
        image: Not read; every smoothness term is called with it.

    Returns:
        Scalar, dtype of `disp`.

    Source: Garg et al. 2016 (arXiv:1603.04992), smoothness term, by differences of neighbours. Differs: none.
    """
    return disp.diff(dim=-1).square().mean() + disp.diff(dim=-2).square().mean()


def edge_aware_smoothness(disp: Tensor, image: Tensor) -> Tensor:
    """First-order smoothness of mean-normalised disparity, relaxed across image edges.

    Args:
        disp: Disparity in pixels at the map's own width W, (B, 1, H, W). The per-image mean cancels its scale, as long
            as that mean is above 0.1 % of W.
        image: RGB in [0, 1], (B, 3, H, W).

    Returns:
        Scalar, dtype of `disp`.

    Raises:
        ValueError: If the spatial sizes differ.

    Source: Monodepth2 (arXiv:1806.01260), smoothness term. Differs: the smallest mean it divides by.
    """
    if disp.shape[-2:] != image.shape[-2:]:
        raise ValueError(f"disp and image sizes differ: {tuple(disp.shape)} vs {tuple(image.shape)}")
    smallest = disp.shape[-1] * _SMALLEST_MEAN_PERCENT / 100
    disp = disp / disp.mean(dim=(-2, -1), keepdim=True).clamp(min=smallest)
    loss = disp.new_zeros(())
    for dim in (-1, -2):  # x, then y
        edge = image.diff(dim=dim).abs().mean(dim=1, keepdim=True)
        loss = loss + (disp.diff(dim=dim).abs() * torch.exp(-edge)).mean()
    return loss


def edge_aware_tv(disp: Tensor, image: Tensor) -> Tensor:
    """Total variation of the disparity in pixels, relaxed across image edges: the authors' later prior.

    Args:
        disp: Disparity in pixels at the map's own width W, (B, 1, H, W), H and W at least 3. Its scale counts.
        image: RGB in [0, 1], (B, 3, H, W).

    Returns:
        Scalar: the mean over the pixels inside the border of w_x |∂x disp| + w_y |∂y disp|, ∂ by central differences.
        With J = 1.02 image, w_y = exp(-0.33 Σ |∂y J|) over the channels, w_x = exp(-0.33 |Σ ∂x J|).

    Source: Ravi-Garg/Unsupervised_Depth_Estimation, scripts/train_resnet50by2_pool_tvl1.prototxt, one of whose filters
    sums the channels before |.|, the other after it. Differs: none.
    """
    edge_x = _central_difference(image, -1).sum(dim=1, keepdim=True).abs()
    edge_y = _central_difference(image, -2).abs().sum(dim=1, keepdim=True)
    loss = disp.new_zeros(())
    for dim, edge in ((-1, edge_x), (-2, edge_y)):
        loss = loss + (_central_difference(disp, dim).abs() * torch.exp(-0.33 * 1.02 * edge)).mean()
    return loss


def _central_difference(x: Tensor, dim: int) -> Tensor:
    """Half the difference of both neighbours, (B, C, H - 2, W - 2)."""
    inner = x[..., 1:-1, :] if dim == -1 else x[..., 1:-1]
    return (inner.narrow(dim, 2, x.shape[dim] - 2) - inner.narrow(dim, 0, x.shape[dim] - 2)) / 2
