"""From per-pixel errors to one number."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Mean over each image's valid pixels, then over the images.

    Every image weighs the same however many of its pixels are valid, so the mean over equal parts of a batch, on
    several devices or accumulated, is the value of the whole batch.

    Args:
        error: Per-pixel error, (B, 1, H, W).
        mask: Bool, True = valid, (B, 1, H, W).

    Returns:
        Scalar. An image without a valid pixel counts as 0 and has no gradient.
    """
    total = torch.where(mask, error, torch.zeros_like(error)).sum(dim=(1, 2, 3))
    return (total / mask.sum(dim=(1, 2, 3)).clamp(min=1)).mean()
