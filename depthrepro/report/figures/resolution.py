"""Curves: error against the output's resolution, and a run's training."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import style
from depthrepro.report.figures.series import (
    Reference,
    direction,
    draw_references,
    legend_below,
    many_seeds,
    metric_name,
    our_lines,
    panel_title,
    reference_handles,
    references,
    scope,
    value_axis,
)
from depthrepro.report.paper import PaperTable


def draw_error_vs_resolution(table: PaperTable, block: Block, path: Path) -> Path:
    """Write the figure of `build_error_vs_resolution`."""
    return style.save(build_error_vs_resolution(table, block), path, dpi=style.SCREEN_DPI)


def build_error_vs_resolution(table: PaperTable, block: Block) -> Figure:
    """Ours with bars over seeds and the paper's curve beside it, one panel per metric.

    Colour says whose a number is, the mark says which row: round for the curve of the levels, another for each row off
    the curve ("L10 + skip"), beside its level. Baselines near the curves are lines; others are named at the edge.

    Args:
        table: The published side.
        block: Our side; the last checkpoint is drawn (the best, where a run kept no other).
    """
    levels = [row.label for row in table.rows if re.fullmatch(r"L\d+", row.label)]
    aside = [row.label for row in table.rows if row.label not in levels and _level(row.label) in levels]
    variants = dict(zip(aside, itertools.cycle("D*Ps"), strict=False))
    bars = "bars ± std over seeds. " if many_seeds(our_lines(block)) else ""
    said = (
        f"Ours: {bars or 'one seed. '}{scope(block)} Paper: {table.data}, its own protocol: compare slopes, not values."
    )
    with style.titled(3.75, f"Error against output resolution: {block.title}", said) as (fig, head):
        panels = fig.subplots(1, len(table.plot), squeeze=False)[0]
        drawn: dict[str, Reference] = {}
        for axes, key in zip(panels, table.plot, strict=True):
            drawn |= {ref.name: ref for ref in _resolution_panel(axes, block, levels, variants, key)}
        handles = [
            Line2D([], [], **OURS_LINE, label=f"ours, {block.keys['data']}"),
            Line2D([], [], **PAPER_LINE, label=f"paper, {table.data}"),
            *(Line2D([], [], color=style.INK, ls="", marker=m, ms=6, label=name) for name, m in variants.items()),
            *reference_handles(list(drawn.values())),
        ]
        bottom = legend_below(fig, handles, 3)
        style.margins(fig, left=0.5, right=0.15, top=head + 0.48, bottom=bottom + 0.62, wspace=0.2)
    return fig


OURS_LINE: dict[str, Any] = {"color": style.OURS, "lw": 1.7, "marker": "o", "ms": 5.5}
PAPER_LINE: dict[str, Any] = {"color": style.PAPER, "ls": "--", "lw": 1.2, "marker": "o", "mfc": "white", "ms": 5}
ASIDE = 0.24  # how far beside its level a row off the curve stands


def _level(label: str) -> str:
    """The level a label begins with: "L10 + skip" -> "L10"."""
    return label.replace(",", " ").split()[0]


def _resolution_panel(
    axes: Axes, block: Block, levels: list[str], variants: dict[str, str], key: str
) -> list[Reference]:
    """One metric; returns the baselines that are drawn as lines."""
    known = [line for line in next(iter(block.lines.values())) if key in line.values]
    paper, ours = ([ln for ln in known if ln.role == role and ln.label in levels] for role in ("paper", "level"))
    axes.plot(*_points(paper, levels, key), **PAPER_LINE, zorder=2)
    _with_bars(axes, *_points(ours, levels, key), ours, key, **OURS_LINE)
    for line in known:
        if line.label in variants and line.role != "baseline":
            place = [levels.index(_level(line.label)) + ASIDE]
            look: dict[str, Any] = {"marker": variants[line.label], "ms": 6, "ls": ""}
            if line.role == "paper":
                axes.plot(place, [line.values[key].mean], color=style.PAPER, mfc="white", zorder=2, **look)
            else:
                _with_bars(axes, place, [line.values[key].mean], [line], key, color=style.OURS, **look)
    sizes = {line.label: "{}×{}".format(*line.resolution) for line in ours if line.resolution}
    axes.set_xticks(range(len(levels)), [f"{level}\n{sizes.get(level, '')}" for level in levels])
    axes.set_xlim(-0.35, len(levels) - 0.5)
    axes.set_xlabel("output, height × width in pixels", labelpad=3)
    axes.margins(y=0.10)
    value_axis(axes, "y", 6)
    style.grid_y(axes)
    panel_title(axes, metric_name(key), direction(key))
    drawn, far = draw_references(axes, references(block, key), axis="y")
    _name_far(axes, far, key)
    return drawn


def _with_bars(axes: Axes, x: list[Any], y: list[float], lines: list[Line], key: str, **look: Any) -> None:
    spread = [line.values[key].std for line in lines]
    bars = None if all(std is None for std in spread) else [std or 0.0 for std in spread]
    axes.errorbar(x, y, yerr=bars, capsize=3, elinewidth=1.1, zorder=3, **look)


def _name_far(axes: Axes, far: list[tuple[str, Reference]], key: str) -> None:
    """Baselines off the axis, by name and value, in a free strip along that edge."""
    for side, mark in (("low", "↓"), ("high", "↑")):
        names = [ref.said(METRICS[key].digits) for where, ref in far if where == side]
        if names:
            low, high = axes.get_ylim()
            strip = 0.09 * (high - low)
            axes.set_ylim(low - strip * (side == "low"), high + strip * (side == "high"))
            place = (0.02, "bottom") if side == "low" else (0.98, "top")
            quiet: dict[str, Any] = {"fontsize": 8.0, "color": style.BASELINE_INK, "va": place[1]}
            axes.text(0.015, place[0], f"{mark} {', '.join(names)}", transform=axes.transAxes, **quiet)


def _points(lines: list[Line], levels: list[str], key: str) -> tuple[list[int], list[float]]:
    return [levels.index(line.label) for line in lines], [line.values[key].mean for line in lines]


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
