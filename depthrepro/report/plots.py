"""Curves: error against the output's resolution, and a run's training."""

from __future__ import annotations

import itertools
import json
import math
import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from depthrepro.errors import UserError
from depthrepro.report import style
from depthrepro.report.blocks import Block, Line
from depthrepro.report.paper import PaperTable
from depthrepro.results import METRICS


def draw_error_vs_resolution(table: PaperTable, block: Block, out_png: Path) -> Path:
    """Ours with error bars over seeds, the paper's curve, baselines as horizontal lines; one panel per metric.

    Args:
        table: The published side; its rows that stand beside a level of ours form the paper's curve, rows without a
            counterpart are single marks at their place.
        block: Our side; the last checkpoint is drawn (the best, where a run kept no other).
        out_png: File to write.
    """
    n = len(block.seeds)
    spread = f"mean ± std over {n} seeds" if n > 1 else f"seed {block.seeds[0]}"
    checkpoint, images = next(iter(block.lines)), block.keys["images"]
    said = "Rendered data, not KITTI. " if block.embedded else ""
    said += f"Ours: {checkpoint} checkpoint, {spread}, {images} test images. Paper: {table.data}, its own protocol."
    with style.figure(7.2, 4.2) as fig:
        style.heading(fig, f"Error against output resolution: {block.title}", textwrap.fill(said, 125), left=0.12)
        panels = fig.subplots(1, len(table.plot), squeeze=False)[0]
        for axes, key in zip(panels, table.plot, strict=True):
            _resolution_panel(axes, table, block, key)
        handles, labels = panels[0].get_legend_handles_labels()
        order = sorted(range(len(labels)), key=lambda i: (not labels[i].startswith("ours"), i))  # ours first
        entries = [handles[i] for i in order], [labels[i] for i in order]
        fig.legend(*entries, loc="lower center", ncols=3, bbox_to_anchor=(0.5, 0.0), columnspacing=2.5)
        fig.subplots_adjust(left=0.075, right=0.985, top=0.80, bottom=0.245, wspace=0.2)
        return style.save(fig, out_png)


def _resolution_panel(axes: Axes, table: PaperTable, block: Block, key: str) -> None:
    levels = [row.label for row in table.rows if re.fullmatch(r"L\d+", row.label)]
    known = [line for line in next(iter(block.lines.values())) if key in line.values]
    paper, ours = ([ln for ln in known if ln.role == role and ln.label in levels] for role in ("paper", "level"))
    dashed: dict[str, Any] = {"color": style.PAPER, "ls": "--", "lw": 1.2, "marker": "o", "mfc": "white", "ms": 4.5}
    solid: dict[str, Any] = {"color": style.OURS, "lw": 1.8, "marker": "o", "ms": 5, "capsize": 3, "elinewidth": 1.0}
    axes.plot(*_points(paper, levels, key), label=f"paper, {table.data}", zorder=2, **dashed)
    spread = [line.values[key].std or 0.0 for line in ours]
    axes.errorbar(*_points(ours, levels, key), yerr=spread, label=f"ours, {block.keys['data']}", zorder=3, **solid)
    _variants(axes, levels, [line for line in known if line.role != "baseline" and line.label not in levels], key)
    for line in known:
        if line.role == "baseline":
            color, name = style.BASELINES.get(line.method, (style.QUIET, line.label))
            axes.axhline(line.values[key].mean, color=color, lw=1.1, ls=(0, (1, 1.6)), label=name, zorder=1)
    sizes = {line.label: "{}×{}".format(*line.resolution) for line in ours if line.resolution}
    axes.set_xticks(range(len(levels)), [f"{level}\n{sizes.get(level, '')}" for level in levels])
    axes.set_xlim(-0.35, len(levels) - 0.65)
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    unit = " (m)" if key == "rmse" else ""
    better = "higher" if METRICS[key].higher_is_better else "lower"
    axes.set_title(f"{METRICS[key].label}{unit}, {better} is better", loc="left", fontsize=9.5)
    style.grid_y(axes)


def _points(lines: list[Line], levels: list[str], key: str) -> tuple[list[int], list[float]]:
    return [levels.index(line.label) for line in lines], [line.values[key].mean for line in lines]


def _variants(axes: Axes, levels: list[str], lines: list[Line], key: str) -> None:
    """Rows off the curve ("L10 + skip"): a mark of its own beside their level, named in the legend."""
    for line, marker in zip(lines, itertools.cycle("x+1*")):
        level = line.label.replace(",", " ").split()[0]
        if level in levels:
            color, who = (style.PAPER, "paper") if line.role == "paper" else (style.OURS, "ours")
            place = levels.index(level) + (-0.14 if level == levels[-1] else 0.14)  # clear of the curve's own mark
            marks: dict[str, Any] = {"marker": marker, "ms": 6.5, "mew": 1.4, "ls": "", "color": color}
            axes.plot(place, line.values[key].mean, label=f"{who}, {line.label}", **marks)


def draw_training_curves(metrics_jsonl: Path, out_png: Path, caption: str) -> Path:
    """Loss per step (faint, and smoothed within each stage), validation points, stage changes as vertical lines.

    Args:
        metrics_jsonl: One JSON object a line: {"step": int, "metrics": {name: number or null, ...}, ...}. "train/loss"
            is drawn; "val/..." rows are points; a change of "train/stage" is a vertical line. Where a step occurs twice
            (a resumed run), the later row counts; a last line cut short by a kill is left out.
        out_png: File to write.
        caption: Data set and scale, for the title.

    Raises:
        UserError: If the file has no training loss or a damaged line.
    """
    series = _series(metrics_jsonl)
    if "train/loss" not in series:
        raise UserError(f"{metrics_jsonl}: has no row with train/loss; train for a few steps first")
    steps, loss = series.pop("train/loss")
    changes = _stage_changes(series)
    validation = _validation(series)
    with style.figure(7.2, 3.35) as fig:
        said = "Faint: as logged. Bold: moving average within a stage."
        said += " Dashed lines: a new stage starts." if changes else ""
        style.heading(fig, f"Training: {caption}", said, left=0.12)
        panels = fig.subplots(1, 2 if validation else 1, squeeze=False)[0]
        _loss_panel(panels[0], steps, loss, changes)
        if "val/loss" in series:
            panels[0].plot(*series["val/loss"], **{**_POINTS, "ls": ""}, color=style.WARM, label="validation")
            panels[0].legend(loc="best")
        if validation:
            _validation_panel(panels[1], validation)
        for axes in panels:
            axes.set_xlabel("step")
            for step in changes:
                axes.axvline(step, color=style.PAPER, lw=0.7, ls=(0, (3, 3)), zorder=0)
            axes.set_xlim(0, max(values[0][-1] for values in [(steps,), *validation.values()]) * 1.01)
        fig.subplots_adjust(left=0.085, right=0.985, top=0.785, bottom=0.145, wspace=0.2)
        return style.save(fig, out_png)


_POINTS: dict[str, Any] = {"ls": "-", "lw": 1.3, "marker": "o", "ms": 3.5}


def _loss_panel(axes: Axes, steps: np.ndarray, loss: np.ndarray, changes: list[int]) -> None:
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
    style.grid_y(axes)


def _validation_panel(axes: Axes, validation: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for index, (name, (steps, values)) in enumerate(validation.items()):
        axes.plot(steps, values, **_POINTS, color=style.SERIES[index % len(style.SERIES)], label=name)
    if len(validation) > 1:
        axes.legend(loc="best", ncols=2 if len(validation) > 3 else 1)
    axes.set_title(
        "Validation AbsRel" if len(validation) > 1 else f"Validation {next(iter(validation))}", loc="left", fontsize=9.5
    )
    style.grid_y(axes)


def _series(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(steps, values) of every metric in a metrics.jsonl, in step order; null is NaN."""
    found: dict[str, dict[int, float]] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            for name, value in row["metrics"].items():
                found.setdefault(name, {})[int(row["step"])] = math.nan if value is None else float(value)
        except (ValueError, KeyError, TypeError, AttributeError):
            if number < len(lines):  # a killed run may leave its last line half written
                raise UserError(f"{path}: line {number} is damaged; delete that line") from None
    ordered = {name: sorted(values.items()) for name, values in found.items()}
    return {k: (np.array([s for s, _ in v]), np.array([y for _, y in v], dtype=float)) for k, v in ordered.items()}


def _stage_changes(series: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """Steps at which "train/stage" takes a new value."""
    if "train/stage" not in series:
        return []
    steps, stage = series["train/stage"]
    return [int(step) for step in steps[1:][np.diff(stage) != 0]]


def _validation(series: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Validation AbsRel by output level ("L12"), or by "AbsRel" where there is one number."""
    keys = [key for key in series if key.startswith("val/") and "abs_rel" in key]
    return {key.removeprefix("val/").replace("abs_rel", "").strip("/_ ") or "AbsRel": series[key] for key in keys}


def _smooth(values: np.ndarray) -> np.ndarray:
    """Centred moving average over about a twentieth of the values; the window shrinks at the ends, NaN is left out."""
    half = max(1, len(values) // 40)
    known, filled = np.isfinite(values), np.nan_to_num(values)
    kernel = np.ones(2 * half + 1)
    count = np.convolve(known, kernel, mode="full")[half:-half]
    total = np.convolve(filled, kernel, mode="full")[half:-half]
    return np.divide(total, count, out=np.full(len(values), math.nan), where=count > 0)
