"""A run's training: loss per step and validation points, from its metrics.jsonl."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from depthrepro.core.errors import UserError
from depthrepro.report.figures import layout, style

Series = tuple[np.ndarray, np.ndarray]  # steps, values
POINTS: dict[str, Any] = {"marker": "o", "ms": 3.5}


def draw_training_curves(metrics_jsonl: Path, caption: str) -> Figure:
    """Loss per step (faint, and smoothed within each stage), validation points, stage changes as vertical lines.

    Args:
        metrics_jsonl: One JSON object a line: {"step": int, "metrics": {name: number or null, ...}, ...}. "train/loss"
            is drawn; "val/..." rows are points; a change of "train/stage" is a vertical line. Where a step occurs twice
            (a resumed run), the later row counts; a last line cut short by a kill is left out.
        caption: Data set and scale, for the title.

    Raises:
        UserError: If the file has no training loss or a damaged line.
    """
    series = _series(metrics_jsonl)
    if "train/loss" not in series:
        raise UserError(f"{metrics_jsonl}: has no row with train/loss; train for a few steps first")
    steps, loss = series["train/loss"]
    changes = _stage_changes(series)
    validation = _validation(series)
    note = "Faint: as logged. Bold: moving average within a stage."
    note += " Dashed lines: a new stage starts." if changes else ""
    with style.titled(2.875, f"Training: {caption}", note, dpi=style.PRINT_DPI) as (fig, head):
        panels = layout.panel_grid(fig, count := 2 if validation else 1, count)
        _draw_loss(panels[0], steps, loss, changes)
        if "val/loss" in series:
            panels[0].plot(*series["val/loss"], **POINTS, ls="", color=style.WARM, label="validation")
            panels[0].legend(loc="best")
        if validation:
            _draw_validation(panels[1], validation)
        for axes in panels:
            axes.set_xlabel("step")
            for step in changes:
                axes.axvline(step, color=style.PAPER, lw=0.7, ls=(0, (3, 3)), zorder=0)
            axes.set_xlim(0, max(values[0][-1] for values in [(steps,), *validation.values()]) * 1.01)
            layout.grid_lines(axes)
        style.margins(fig, left=0.612, right=0.108, top=head + 0.24525, bottom=0.48575, wspace=0.2)
    return fig


def _draw_loss(axes: Axes, steps: np.ndarray, loss: np.ndarray, changes: list[int]) -> None:
    for start, end in zip([-math.inf, *changes], [*changes, math.inf], strict=True):
        part = (steps >= start) & (steps < end)
        if part.any():
            axes.plot(steps[part], loss[part], color=style.OURS, lw=0.7, alpha=0.35)
            marker = "o" if part.sum() == 1 else ""  # a line through one point shows nothing
            axes.plot(steps[part], _smooth(loss[part]), color=style.OURS, lw=1.7, marker=marker, ms=4)
    finite = loss[np.isfinite(loss)]
    if finite.size and finite.min() > 0 and finite.max() > 20 * finite.min():
        axes.set_yscale("log")
    axes.set_title("Training loss", loc="left", fontsize=9.5)


def _draw_validation(axes: Axes, validation: dict[str, Series]) -> None:
    for index, (name, (steps, values)) in enumerate(validation.items()):
        axes.plot(steps, values, **POINTS, lw=1.3, color=style.SERIES[index % len(style.SERIES)], label=name)
    if len(validation) > 1:
        axes.legend(loc="best", ncols=2 if len(validation) > 3 else 1)
    axes.set_title(
        "Validation AbsRel" if len(validation) > 1 else f"Validation {next(iter(validation))}", loc="left", fontsize=9.5
    )


def _series(path: Path) -> dict[str, Series]:
    """(steps, values) of every metric in a metrics.jsonl, in step order; null is NaN."""
    found: dict[str, dict[int, float]] = {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            for name, value in row["metrics"].items():
                found.setdefault(name, {})[int(row["step"])] = math.nan if value is None else float(value)
        except Exception:  # whatever a damaged line leads to
            if number < len(lines):  # a killed run may leave its last line half written
                raise UserError(f"{path}: line {number} is damaged; delete that line") from None
    ordered = {name: sorted(values.items()) for name, values in found.items()}
    return {k: (np.array([s for s, _ in v]), np.array([y for _, y in v], dtype=float)) for k, v in ordered.items()}


def _stage_changes(series: dict[str, Series]) -> list[int]:
    """Steps at which "train/stage" takes a new value."""
    if "train/stage" not in series:
        return []
    steps, stage = series["train/stage"]
    return [int(step) for step in steps[1:][np.diff(stage) != 0]]


def _validation(series: dict[str, Series]) -> dict[str, Series]:
    """Validation AbsRel by output level ("L12"), or by "AbsRel" where there is one number."""
    keys = [key for key in series if key.startswith("val/") and "abs_rel" in key]
    return {key.removeprefix("val/").replace("abs_rel", "").strip("/_ ") or "AbsRel": series[key] for key in keys}


def _smooth(values: np.ndarray) -> np.ndarray:
    """Centred moving average over about a twentieth of the values; the window shrinks at the ends, NaN is left out."""
    window = 2 * max(1, len(values) // 40) + 1
    return pd.Series(values).rolling(window, center=True, min_periods=1).mean().to_numpy()
