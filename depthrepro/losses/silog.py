"""The scale-invariant logarithmic loss on metric depth.

Source: Eigen et al. 2014 (arXiv:1406.2283), equation 4.
"""

from __future__ import annotations

import torch
from torch import Tensor


def silog_loss(
    pred: Tensor, target: Tensor, *, mask: Tensor, variance_focus: float = 0.5, root: bool = True, factor: float = 1.0
) -> Tensor:
    """The scale-invariant logarithmic loss: factor * sqrt(mean(g^2) - variance_focus * mean(g)^2).

    g = ln pred - ln target, over all valid pixels.

    Args:
        pred: Depth in metres, positive, (B, 1, H, W) or (B, H, W).
        target: Like `pred`.
        mask: Like `pred`, bool; elsewhere neither map is looked at.
        variance_focus: 0 = plain log error, 1 = blind to a common factor. Depth Anything V2's metric training uses 0.5;
            ZoeDepth and BTS use 0.85.
        root: Whether the root is taken; Eigen's own loss has none.
        factor: ZoeDepth and BTS multiply by 10.

    Returns:
        Scalar; 0 without a valid pixel.

    Raises:
        ValueError: If the sizes differ.
    """
    if not pred.shape == target.shape == mask.shape:
        raise ValueError(
            f"pred {tuple(pred.shape)}, target {tuple(target.shape)} and mask {tuple(mask.shape)} must have one shape"
        )
    valid = mask.bool()
    dtype = torch.promote_types(pred.dtype, torch.float32)
    g = _known(pred, valid).to(dtype).log() - _known(target, valid).to(dtype).log()
    count = valid.sum().clamp(min=1)
    squared = (g**2).sum() / count - variance_focus * (g.sum() / count) ** 2
    # The root's slope is infinite at 0, which a perfect prediction reaches.
    return factor * (squared.clamp(min=1e-12).sqrt() if root else squared) * valid.any()


def _known(depth: Tensor, valid: Tensor) -> Tensor:
    """The valid pixels alone; on a GPU, which would have to be waited for to count them, 1 m at all others."""
    return depth[valid] if _picks(depth) else torch.where(valid, depth, 1.0)


def _picks(depth: Tensor) -> bool:
    return depth.device.type == "cpu"
