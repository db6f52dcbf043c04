"""Per-image fits of a prediction to the ground truth, for predictions that lack scale or shift.

Every fit uses the evaluated pixels only, in double precision, before the prediction is clamped to the depth range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.protocol import Alignment

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]


def align(
    pred: Floats, target: Floats, *, mask: Mask, method: Alignment | str, cap_m: float = float("inf")
) -> NDArray[np.floating]:
    """Fit a prediction to the ground truth; what every score of this package goes through.

    Args:
        pred: (H, W): depth or, for `lstsq_inv_depth`, inverse depth up to scale and shift, large where near.
        target: Ground-truth depth in metres, (H, W), > 0 where `mask`.
        mask: True on the evaluated pixels, (H, W), bool.
        method: `none`, `median`, `lstsq_depth` or `lstsq_inv_depth`; see `align_depth` and `align_inv_depth`.
        cap_m: Largest depth in metres that `lstsq_inv_depth` may give.

    Returns:
        Depth in metres, (H, W).

    Raises:
        ValueError: If the fit is not determined, the method is unknown, or the sizes differ.
    """
    if not pred.shape == target.shape == mask.shape:
        raise ValueError(f"pred {pred.shape}, target {target.shape} and mask {mask.shape} must have one shape")
    alignment = Alignment(method)
    if alignment is Alignment.lstsq_inv_depth:
        return align_inv_depth(pred, target, mask, cap_m)
    return align_depth(pred, target, mask, alignment)


def align_depth(depth: Floats, target: Floats, mask: Mask, alignment: Alignment) -> Floats:
    """Fit predicted depth to the ground truth in depth.

    Args:
        depth: Predicted depth, (H, W); inf = infinitely far.
        target: Ground-truth depth in metres, (H, W), > 0 where `mask`.
        mask: True on the evaluated pixels, (H, W), bool.
        alignment: `none`; `median`: times the ratio of medians (target over prediction); `lstsq_depth`: scale and shift
            by least squares, where pixels at infinity take no part in the fit and stay there.

    Returns:
        Depth in metres, (H, W); not clamped, so it may leave the depth range.

    Raises:
        ValueError: If the fit is not determined, or the alignment is not one in depth.
    """
    if alignment is Alignment.none:
        return depth
    if alignment is Alignment.median:
        median = float(np.median(depth[mask]))
        if not 0 < median < np.inf:
            raise ValueError(f"the prediction's median depth is {median}: no ratio of medians")
        return depth * (float(np.median(target[mask])) / median)
    if alignment is Alignment.lstsq_depth:
        finite = np.isfinite(depth)
        scale, shift = fit_scale_shift(depth[mask & finite], target[mask & finite])
        return np.where(finite, scale * np.where(finite, depth, 0.0) + shift, np.inf)
    raise ValueError(f"{alignment.value} is not a fit in depth")


def align_inv_depth(inv_depth: Floats, target: Floats, mask: Mask, cap_m: float) -> Floats:
    """Fit predicted inverse depth to the ground truth's inverse depth by scale and shift, least squares.

    Args:
        inv_depth: Predicted inverse depth up to scale and shift, (H, W).
        target: Ground-truth depth in metres, (H, W), > 0 where `mask`.
        mask: True on the evaluated pixels, (H, W), bool.
        cap_m: Largest depth in metres: the aligned inverse depth is raised to 1 / cap before it is inverted, since it
            may cross zero, where a slightly smaller value would turn from very far to behind the camera.

    Returns:
        Depth in metres, (H, W), in (0, cap_m].

    Raises:
        ValueError: If the fit is not determined.

    Source: MiDaS (arXiv:1907.01341), evaluation. Differs: none.
    """
    scale, shift = fit_scale_shift(inv_depth[mask], 1.0 / target[mask].astype(np.float64))
    with np.errstate(divide="ignore"):  # without a cap, 1 / 0 is infinitely far
        return 1.0 / np.maximum(scale * inv_depth + shift, 1.0 / cap_m)


def fit_scale_shift(values: Floats, target: Floats) -> tuple[float, float]:
    """Least-squares (scale, shift) with scale · values + shift ≈ target; both (N,).

    Raises:
        ValueError: If fewer than two different values are given.
    """
    if values.size < 2 or not np.ptp(values) > 0:
        raise ValueError(f"{values.size} evaluated pixels with one value: scale and shift are not determined")
    x, y = values.astype(np.float64), target.astype(np.float64)
    dx = x - x.mean()
    scale = float(np.dot(dx, y - y.mean()) / np.dot(dx, dx))
    return scale, float(y.mean() - scale * x.mean())
