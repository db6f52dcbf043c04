"""Depth metrics, per image: pure functions, named and ordered as in `results.METRICS`."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def depth_metrics(pred: Tensor, target: Tensor, *, mask: Tensor | None = None) -> dict[str, Tensor]:
    """Errors and accuracies of predicted depth, one value per image, computed in double precision.

    With p the prediction, t the ground truth, d = ln p − ln t and E the mean over an image's valid pixels:
    `abs_rel` E[|p − t| / t], `sq_rel` E[(p − t)² / t], `rmse` √E[(p − t)²], `rmse_log` √E[d²],
    `log10` E[|log₁₀ p − log₁₀ t|], `silog` 100 √(E[d²] − E[d]²), and `delta1`, `delta2`, `delta3` the shares of pixels
    with max(p/t, t/p) < 1.25, 1.25², 1.25³.

    Args:
        pred: Depth in metres, > 0 where valid: (B, 1, H, W) or (B, H, W), or one image as (H, W) or (N,).
        target: Ground-truth depth in metres, > 0 where valid, shaped like `pred`.
        mask: True where valid, bool, shaped like `pred`; None = every pixel.

    Returns:
        Metric → (B,) float64 on the CPU, B = 1 for one image. The average over images is the caller's.

    Raises:
        ValueError: If shapes differ, `mask` is not bool, an image has no valid pixel, or depth is not finite and
            positive on a valid pixel.

    Source: Eigen et al. 2014 (arXiv:1406.2283), section 4; `silog` as the KITTI depth benchmark. Differs: none.
    """
    mask = torch.ones(pred.shape, dtype=torch.bool) if mask is None else mask
    if not pred.shape == target.shape == mask.shape:
        raise ValueError(f"shapes differ: pred {_s(pred)}, target {_s(target)}, mask {_s(mask)}")
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be bool, got {mask.dtype}")
    valid = _rows(mask)
    count = valid.sum(dim=1)
    if (count == 0).any():
        raise ValueError(f"no valid pixel in image {int((count == 0).nonzero()[0])} of {len(count)}")
    p, t = _valid_depth("pred", pred, valid), _valid_depth("target", target, valid)

    def mean(values: Tensor) -> Tensor:
        return torch.where(valid, values, 0.0).sum(dim=1) / count

    error, log_error, ratio = p - t, p.log() - t.log(), torch.maximum(p / t, t / p)
    centred = log_error - mean(log_error)[:, None]  # E[d²] − E[d]² would cancel digits and may fall below 0
    return {
        "abs_rel": mean(error.abs() / t),
        "sq_rel": mean(error.square() / t),
        "rmse": mean(error.square()).sqrt(),
        "rmse_log": mean(log_error.square()).sqrt(),
        "log10": mean((p.log10() - t.log10()).abs()),
        "silog": 100 * mean(centred.square()).sqrt(),
        "delta1": mean((ratio < 1.25).double()),
        "delta2": mean((ratio < 1.25**2).double()),
        "delta3": mean((ratio < 1.25**3).double()),
    }


def _rows(values: Tensor) -> Tensor:
    """(B, pixels) on the CPU."""
    if values.ndim == 4 and values.shape[1] != 1:
        raise ValueError(f"depth has one channel, got shape {_s(values)}")
    if not 1 <= values.ndim <= 4:
        raise ValueError(f"expected (B, 1, H, W), (B, H, W), (H, W) or (N,), got {_s(values)}")
    values = values.cpu()
    return values.reshape(1, -1) if values.ndim <= 2 else values.flatten(1)


def _valid_depth(name: str, values: Tensor, valid: Tensor) -> Tensor:
    """(B, pixels) in float64 with 1 where not valid, so that no logarithm or ratio there can fail."""
    rows = _rows(values).double().where(valid, torch.ones((), dtype=torch.float64))
    bad = ~(torch.isfinite(rows) & (rows > 0))
    if bad.any():
        image = int(bad.any(dim=1).nonzero()[0])
        raise ValueError(f"{name} is not finite and positive on {int(bad[image].sum())} valid pixels of image {image}")
    return rows


def _s(values: Tensor) -> tuple[int, ...]:
    return tuple(values.shape)
