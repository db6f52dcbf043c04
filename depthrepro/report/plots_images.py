"""Where the error lies: against the ground truth's depth, and over the test images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from depthrepro.report import style
from depthrepro.report.blocks import Block, Line
from depthrepro.report.paper import PaperTable
from depthrepro.report.plots_effects import our_lines, scope


def draw_error_by_range(table: PaperTable, block: Block, ranges: pd.DataFrame, path: Path) -> Path | None:
    """AbsRel against the ground truth's depth: a line per row with bars over seeds, baselines dotted.

    Args:
        table: The published side.
        block: Our side.
        ranges: `sources.RANGE_COLUMNS`.
        path: File to write.

    Returns:
        `path`; None where no run has kept ranges.
    """
    lines = [(line, _range_table(line, ranges, "last")) for line in our_lines(block)]
    lines = [(line, found) for line, found in lines if len(found)]
    if not lines:
        return None
    with style.figure(7.2, 3.4) as fig:
        said = f"{scope(block)} AbsRel per image and range, then mean over the images."
        style.heading(fig, f"Error against depth: {block.title}", said, left=0.12)
        axes = fig.subplots()
        edges = sorted({*ranges["near_m"], *ranges["far_m"]})
        for index, (line, found) in enumerate(lines):
            offset = (index - (len(lines) - 1) / 2) * 0.08
            grouped = found.groupby("near_m")["abs_rel"]
            places = [edges.index(near) + offset for near in grouped.mean().index]
            spread = grouped.std().fillna(0.0)
            color = style.SERIES[index % len(style.SERIES)]
            marks: dict[str, Any] = {"marker": "o", "ms": 3.5, "lw": 1.4, "capsize": 2, "elinewidth": 0.9}
            axes.errorbar(places, grouped.mean(), yerr=spread, color=color, label=line.label, **marks)
        _baseline_ranges(axes, block, ranges, edges)
        counts = lines[0][1].groupby("near_m")["images"].first()
        ticks = [edges.index(near) for near in counts.index]
        far = dict(zip(ranges["near_m"], ranges["far_m"], strict=True))
        names = [f"{near:g}–{far[near]:g} m\n{count} images" for near, count in counts.items()]
        axes.set_xticks(ticks, names)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("AbsRel")
        handles, labels = axes.get_legend_handles_labels()
        order = sorted(range(len(labels)), key=lambda i: labels[i] in {name for _, name in style.BASELINES.values()})
        entries = [handles[i] for i in order], [labels[i] for i in order]
        axes.legend(*entries, loc="center left", bbox_to_anchor=(1.0, 0.5))
        style.grid_y(axes)
        fig.subplots_adjust(left=0.075, right=0.745, top=0.80, bottom=0.14)
        return style.save(fig, path, dpi=style.SCREEN_DPI)


def _range_table(line: Line, ranges: pd.DataFrame, checkpoint: str) -> pd.DataFrame:
    mine = ranges["run"].isin(line.runs) & (ranges["method"] == line.method) & (ranges["checkpoint"] == checkpoint)
    return ranges[mine]


def _baseline_ranges(axes: Axes, block: Block, ranges: pd.DataFrame, edges: list[float]) -> None:
    for method, (color, name) in style.BASELINES.items():
        mine = ranges[ranges["run"].isin(block.runs["run"]) & (ranges["method"] == method)]
        if len(mine):
            means = mine.groupby("near_m")["abs_rel"].mean()
            axes.plot([edges.index(n) for n in means.index], means, color=color, lw=1.2, ls=(0, (1, 1.6)), label=name)


def draw_distribution(table: PaperTable, block: Block, images: pd.DataFrame, path: Path) -> Path | None:
    """AbsRel over the test images, mean over seeds: each row's images from best to worst, baselines dotted.

    Args:
        table: The published side.
        block: Our side.
        images: `sources.IMAGE_COLUMNS`.
        path: File to write.

    Returns:
        `path`; None without per-image scores.
    """
    curves = [(line.label, _by_image(images, line.runs, line.method)) for line in our_lines(block)]
    curves = [(label, values) for label, values in curves if len(values)]
    if not curves:
        return None
    with style.figure(7.2, 3.2) as fig:
        said = f"{scope(block)} Share of the images whose AbsRel is at most the value below; further left is better."
        style.heading(fig, f"AbsRel over the test images: {block.title}", said, left=0.12)
        axes = fig.subplots()
        for index, (label, values) in enumerate(curves):
            _steps(axes, values, color=style.SERIES[index % len(style.SERIES)], lw=1.5, label=label)
        for method, (color, name) in style.BASELINES.items():
            values = _by_image(images, tuple(block.runs["run"]), method)
            if len(values):
                _steps(axes, values, color=color, lw=1.1, ls=(0, (1, 1.6)), label=name)
        highest = max(float(np.quantile(values, 0.98)) for _, values in curves)
        axes.set_xlim(0, 1.25 * highest)
        axes.set_ylim(0, 1)
        axes.set_xlabel("AbsRel of an image")
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        style.grid_y(axes)
        fig.subplots_adjust(left=0.075, right=0.745, top=0.785, bottom=0.15)
        return style.save(fig, path, dpi=style.SCREEN_DPI)


def _by_image(images: pd.DataFrame, runs: tuple[str, ...], method: str) -> np.ndarray:
    mine = images[images["run"].isin(runs) & (images["method"] == method) & (images["checkpoint"] != "best")]
    return np.sort(mine.groupby("id")["abs_rel"].mean().to_numpy())


def _steps(axes: Axes, values: np.ndarray, **look: Any) -> None:
    axes.step([0, *values], [0, *np.arange(1, len(values) + 1) / len(values)], where="post", **look)
