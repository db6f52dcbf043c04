"""AbsRel by the ground truth's depth: where a method errs, near or far. Light on purpose: no torch."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.files import replacing

EDGES_M = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 65.0, 80.0)
_STEP_M = 5.0  # all edges are multiples of it, so a table tells the range of each step
_RANGE_OF_STEP = np.searchsorted(EDGES_M, np.arange(EDGES_M[-1] / _STEP_M + 1) * _STEP_M, side="right")
COLUMNS = ("checkpoint", "method", "id", "near_m", "far_m", "n_valid", "abs_rel")


def abs_rel_by_range(pred: NDArray[np.float64], target: NDArray[np.float64]) -> list[dict[str, float]]:
    """Mean of |p - t| / t over the pixels of each depth range that has any.

    Args:
        pred: Depth in metres, (N,).
        target: Ground truth in metres, (N,), > 0.

    Returns:
        `near_m` (the range includes it), `far_m` (it does not), `n_valid` and `abs_rel` of each range, near to far.
        What lies beyond the last edge is left out.
    """
    error = np.abs(pred - target) / target
    steps = (target / _STEP_M).astype(np.intp)
    which = _RANGE_OF_STEP.take(steps, mode="clip")  # 1 = from the first edge on
    count = np.bincount(which, minlength=len(EDGES_M))[1:]
    total = np.bincount(which, weights=error, minlength=len(EDGES_M))[1:]
    return [
        {"near_m": near, "far_m": far, "n_valid": int(count[k]), "abs_rel": float(total[k] / count[k])}
        for k, (near, far) in enumerate(pairwise(EDGES_M))
        if count[k]
    ]


def write_ranges(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the ranges of `score`'s rows as CSV: one line per image, method, checkpoint and depth range."""
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            own = {key: row[key] for key in ("checkpoint", "method", "id")}
            writer.writerows({**own, **part} for part in row["ranges"])
