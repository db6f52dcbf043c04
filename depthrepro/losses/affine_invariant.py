"""The affine-invariant loss on inverse depth, its form for CutMix, and its gradient-matching term.

Source: Depth Anything (arXiv:2401.10891), equations 1-3 and 5-7; the normalisation is that of MiDaS (Ranftl et al.,
arXiv:1907.01341, equation 5). Maps are (B, 1, H, W) or (B, H, W); all is computed in float32 or finer, also under
autocast.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_SCALE = 1e-6  # a constant map has no scale; its normalised form is 0 everywhere, with a finite gradient


def normalise(values: Tensor, mask: Tensor) -> Tensor:
    """Each row minus its median, over its mean absolute deviation from it.

    Args:
        values: (B, N).
        mask: (B, N) bool, True = counts.

    Returns:
        (B, N), 0 where the mask is False. Of an even number of values the lower of the two middle ones is the median.

    Source: equation 3: t(d) = median(d), s(d) = mean |d - t(d)|.
    """
    shift = torch.where(mask, values, torch.nan).nanmedian(dim=1, keepdim=True).values
    centred = torch.where(mask, values - torch.nan_to_num(shift), 0.0)
    scale = centred.abs().sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    return centred / scale.clamp(min=_LEAST_SCALE)


def affine_invariant_loss(pred: Tensor, target: Tensor, *, mask: Tensor) -> Tensor:
    """Mean absolute difference after both maps are normalised over the valid pixels.

    Args:
        pred: Inverse depth up to scale and shift, (B, 1, H, W) or (B, H, W).
        target: Like `pred`.
        mask: Like `pred`, bool, True = valid.

    Returns:
        Scalar: the mean over the images that have a valid pixel, of each image's mean over its valid pixels; 0 if there
        is none.

    Raises:
        ValueError: If the sizes differ.

    Source: equations 1-3.
    """
    difference, valid = _difference(pred, target, mask)
    return _over_images(difference.abs().sum(1), valid.sum(1))


def cutmix_loss(
    pred: Tensor, target_inside: Tensor, target_outside: Tensor, inside: Tensor, *, mask: Tensor | None = None
) -> Tensor:
    """The affine-invariant loss of an image put together from two, each part aligned on its own.

    Args:
        pred: The student's map of the mixed image, (B, 1, H, W) or (B, H, W).
        target_inside: The label that holds where `inside` is True.
        target_outside: The label that holds elsewhere.
        inside: Bool, the box M; all True for an image that was not mixed.
        mask: Where the labels are known; None = everywhere.

    Returns:
        Scalar: the mean over images of the two parts' losses, weighted by their shares of the valid pixels.

    Raises:
        ValueError: If the sizes differ.

    Source: equations 5-7, with their sums over M and 1 - M divided by H x W.
    """
    known = torch.ones_like(inside) if mask is None else mask
    total = pred.new_zeros(len(pred), dtype=torch.promote_types(pred.dtype, torch.float32))
    for target, region in ((target_inside, inside), (target_outside, ~inside)):
        total = total + _difference(pred, target, region & known)[0].abs().sum(1)
    return _over_images(total, known.flatten(1).sum(1))


def gradient_matching_loss(pred: Tensor, target: Tensor, *, mask: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute gradient of the difference of the normalised maps, at several scales.

    Args:
        pred: Inverse depth up to scale and shift, (B, 1, H, W) or (B, H, W).
        target: Like `pred`.
        mask: Like `pred`, bool.
        scales: The k-th takes every 2^k-th pixel.

    Returns:
        Scalar: the sum over scales of |∂x| + |∂y| per valid pixel of that scale, the mean over images that have any.

    Raises:
        ValueError: If the sizes differ.

    Source: MiDaS (arXiv:1907.01341), equation 11, whose M is the valid pixels of each scale, as in the authors' code;
    Depth Anything V2 (arXiv:2406.09414) adds it with weight 2.
    """
    shape = pred.shape[0], pred.shape[-2], pred.shape[-1]
    error, known = (rows.reshape(shape) for rows in _difference(pred, target, mask))
    total = error.new_zeros(())
    for step in (2**scale for scale in range(scales)):
        total = total + _mean_gradient(error[:, ::step, ::step], known[:, ::step, ::step])
    return total


def _mean_gradient(error: Tensor, known: Tensor) -> Tensor:
    """|∂x| + |∂y| summed over pairs of valid neighbours, over the number of valid pixels: the mean over images."""
    across = torch.where(known[:, :, 1:] & known[:, :, :-1], error.diff(dim=2).abs(), 0.0)
    down = torch.where(known[:, 1:] & known[:, :-1], error.diff(dim=1).abs(), 0.0)
    return _over_images(across.flatten(1).sum(1) + down.flatten(1).sum(1), known.flatten(1).sum(1))


def _over_images(total: Tensor, count: Tensor) -> Tensor:
    """Each image's total over its count of valid pixels: the mean over the images that have any."""
    return (total / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)


def _difference(pred: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (B, N) of the difference of the normalised maps, in float32 or finer, and of the mask."""
    if not pred.shape == target.shape == mask.shape:
        raise ValueError(
            f"pred {tuple(pred.shape)}, target {tuple(target.shape)} and mask {tuple(mask.shape)} must have one shape"
        )
    dtype = torch.promote_types(pred.dtype, torch.float32)
    valid = mask.bool().flatten(1)
    return normalise(pred.to(dtype).flatten(1), valid) - normalise(target.to(dtype).flatten(1), valid), valid
