"""Depth metrics, per image: pure functions, named and ordered as in `results.METRICS`."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
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
    given = {"pred": pred, "target": target} | ({} if mask is None else {"mask": mask})
    if len({values.shape for values in given.values()}) > 1:
        raise ValueError("shapes differ: " + ", ".join(f"{name} {_s(values)}" for name, values in given.items()))
    if mask is not None and mask.dtype != torch.bool:
        raise ValueError(f"mask must be bool, got {mask.dtype}")
    p, t = (_rows(values.detach().double().cpu()) for values in (pred, target))
    valid = [...] * len(p) if mask is None else _rows(mask.cpu())
    images: list[dict[str, float]] = []
    for b, pixels in enumerate(valid):
        try:
            images.append(pixel_metrics(p[b][pixels].numpy(), t[b][pixels].numpy()))
        except ValueError as error:
            raise ValueError(f"{error} in image {b} of {len(p)}") from None
    return {key: torch.tensor([image[key] for image in images], dtype=torch.float64) for key in images[0]}


def pixel_metrics(p: NDArray[np.float64], t: NDArray[np.float64]) -> dict[str, float]:
    """What `depth_metrics` computes, of the valid pixels of one image.

    Args:
        p: Predicted depth in metres, (N,).
        t: Ground truth, (N,).

    Raises:
        ValueError: If there is no pixel, or depth is not finite and positive.
    """
    if not p.size:
        raise ValueError("no valid pixel")
    for name, values in (("pred", p), ("target", t)):
        if not (values.min() > 0 and values.max() < math.inf):  # a NaN is the least and the largest
            bad = np.count_nonzero(~(np.isfinite(values) & (values > 0)))
            raise ValueError(f"{name} is not finite and positive on {bad} valid pixels")
    error, ratio = np.abs(p - t), p / t
    relative, log_error, worst = error / t, np.log(ratio), np.maximum(ratio, t / p)
    centred = log_error - log_error.mean()  # E[d²] − E[d]² would cancel digits and may fall below 0
    return {
        "abs_rel": float(relative.mean()),
        "sq_rel": float(error @ relative) / p.size,
        "rmse": math.sqrt(error @ error / p.size),
        "rmse_log": math.sqrt(log_error @ log_error / p.size),
        "log10": float(np.abs(log_error).mean()) / math.log(10),
        "silog": 100 * math.sqrt(centred @ centred / p.size),
        **{f"delta{n}": np.count_nonzero(worst < 1.25**n) / p.size for n in (1, 2, 3)},
    }


def _rows(values: Tensor) -> Tensor:
    """(B, pixels) on the CPU."""
    if values.ndim == 4 and values.shape[1] != 1:
        raise ValueError(f"depth has one channel, got shape {_s(values)}")
    if not 1 <= values.ndim <= 4:
        raise ValueError(f"expected (B, 1, H, W), (B, H, W), (H, W) or (N,), got {_s(values)}")
    values = values.cpu()
    return values.reshape(1, -1) if values.ndim <= 2 else values.flatten(1)


def _s(values: Tensor) -> tuple[int, ...]:
    return tuple(values.shape)
