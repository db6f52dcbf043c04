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
    pred: Floats, target: Floats, *, mask: Mask | None = None, method: Alignment | str, cap_m: float = float("inf")
) -> Floats:
    """Fit a prediction to the ground truth; what every score of this package goes through.

    Args:
        pred: (H, W), or (N,) of chosen pixels: depth, inf = infinitely far; or, for `lstsq_inv_depth`, inverse depth up
            to scale and shift, large where near.
        target: Ground-truth depth in metres, shaped like `pred`, > 0 where `mask`.
        mask: True on the evaluated pixels, bool, shaped like `pred`; None = every pixel.
        method: `none`; `median`: times the ratio of medians (target over prediction); `lstsq_depth`: scale and shift by
            least squares, where pixels at infinity take no part in the fit and stay there; `lstsq_inv_depth`: scale and
            shift by least squares between inverse depths.
        cap_m: Largest depth in metres that `lstsq_inv_depth` gives: the aligned inverse depth is raised to 1 / cap
            before it is inverted, since it may cross zero, where a slightly smaller value would turn from very far to
            behind the camera.

    Returns:
        Depth in metres, shaped like `pred`; `lstsq_inv_depth` in (0, cap_m], the others not clamped, so they may leave
        the depth range.

    Raises:
        ValueError: If the fit is not determined, the method is unknown, or the sizes differ.

    Source: `lstsq_inv_depth` as MiDaS (arXiv:1907.01341), evaluation. Differs: none.
    """
    if not pred.shape == target.shape == (target if mask is None else mask).shape:
        sizes = f"pred {pred.shape}, target {target.shape} and mask {None if mask is None else mask.shape}"
        raise ValueError(f"{sizes} must have one shape")
    scored = ... if mask is None else mask
    alignment = Alignment(method)
    if alignment is Alignment.none:
        return pred
    if alignment is Alignment.median:
        median = _median(pred[scored])
        if not 0 < median < np.inf:
            raise ValueError(f"the prediction's median depth is {median}: no ratio of medians")
        return pred * (_median(target[scored]) / median)
    if alignment is Alignment.lstsq_depth:
        finite = np.isfinite(pred)
        fitted = finite if mask is None else mask & finite
        scale, shift = fit_scale_shift(pred[fitted], target[fitted])
        return np.where(finite, scale * np.where(finite, pred, 0.0) + shift, np.inf)
    scale, shift = fit_scale_shift(pred[scored], 1.0 / target[scored].astype(np.float64))
    with np.errstate(divide="ignore"):  # without a cap, 1 / 0 is infinitely far
        return 1.0 / np.maximum(scale * pred + shift, 1.0 / cap_m)


def _median(values: Floats) -> float:
    """`numpy.median` in half of its time; NaN of no values, and where one is NaN."""
    if not values.size or np.isnan(values).any():
        return float("nan")
    middle = [(values.size - 1) // 2, values.size // 2]
    return float(np.partition(values, middle, axis=None)[middle].mean())


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
