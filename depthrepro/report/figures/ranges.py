"""Where the error lies: against the ground truth's depth, and over the test images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import style
from depthrepro.report.figures.series import (
    Reference,
    baselines,
    legend_below,
    look,
    many_seeds,
    our_lines,
    reference_handles,
    row_labels,
    scope,
    value_axis,
)
from depthrepro.report.paper import PaperTable

SPREAD = 0.7  # part of a range's width that its rows share
TOP = 1.4  # a baseline higher than so many times the rows' highest point is named at the edge
BOX_INCHES, BOX = 0.36, 0.5  # height of a row, and the box's part of it
WHISKERS = (0.05, 0.95)


def draw_error_by_range(table: PaperTable, block: Block, ranges: pd.DataFrame, path: Path) -> Path | None:
    """Write the figure of `build_error_by_range`; None if it has nothing to show."""
    fig = build_error_by_range(table, block, ranges)
    return None if fig is None else style.save(fig, path, dpi=style.SCREEN_DPI)


def build_error_by_range(table: PaperTable, block: Block, ranges: pd.DataFrame) -> Figure | None:
    """AbsRel by depth range of the ground truth: rows side by side with bars over seeds, baselines as lines across.

    Args:
        table: The published side.
        block: Our side.
        ranges: `sources.RANGE_COLUMNS`.

    Returns:
        None where no run of a row has kept ranges.
    """
    found = [(line, _over_seeds(ranges, line)) for line in our_lines(block)]
    found = [(line, values) for line, values in found if len(values)]
    if not found:
        return None
    edges = sorted({edge for _, values in found for edge in values.index})
    bars = "bars ± std over seeds. " if many_seeds([line for line, _ in found]) else "no spread. "
    said = f"AbsRel per image and range, then mean over the images that have it; {bars}{scope(block)}"
    with style.titled(3.15, f"Error against depth: {block.title}", said) as (fig, head):
        axes = fig.subplots()
        handles = []
        step = SPREAD / len(found)
        for index, (line, values) in enumerate(found):
            places = np.array([edges.index(edge) for edge in values.index]) + (index - (len(found) - 1) / 2) * step
            axes.plot(places, values["mean"], color=look(index)["color"], lw=0.9, alpha=0.35, zorder=2)
            bar: dict[str, Any] = {**look(index), "ms": 4.2, "ls": "", "capsize": 2, "elinewidth": 1.0, "zorder": 3}
            spread = None if values["std"].isna().all() else values["std"].fillna(0.0)
            axes.errorbar(places, values["mean"], yerr=spread, **bar)
            handles.append(Line2D([], [], **look(index), ms=4.5, lw=0.9, label=line.label))
        handles += _across(axes, block, ranges, edges)
        _range_axis(axes, edges, pd.concat([values["images"] for _, values in found]).groupby(level=[0, 1]).max())
        bottom = legend_below(fig, handles, 4)
        style.margins(fig, left=0.62, right=0.15, top=head + 0.12, bottom=bottom + 0.62)
    return fig


def _over_seeds(ranges: pd.DataFrame, line: Line) -> pd.DataFrame:
    """Mean and std over the line's runs, and the number of images, by (near_m, far_m)."""
    mine = ranges[ranges["run"].isin(line.runs) & (ranges["method"] == line.method) & (ranges["checkpoint"] != "best")]
    grouped = mine.groupby(["near_m", "far_m"])
    return grouped.agg(mean=("abs_rel", "mean"), std=("abs_rel", "std"), images=("images", "max"))


def _across(axes: Axes, block: Block, ranges: pd.DataFrame, edges: list[tuple[float, float]]) -> list[Line2D]:
    """Baselines as a line across each range; returns their legend entries."""
    axes.set_ylim(0, axes.dataLim.y1 * 1.08)
    highest, drawn, far = TOP * axes.dataLim.y1, [], []
    for line in baselines(block):
        means = _over_seeds(ranges, line)["mean"]
        dashes, name = style.BASELINES.get(line.method, ("-.", line.label))
        for edge, value in means.items():
            if edge not in edges:
                continue
            place = edges.index(edge)
            if value <= highest:
                axes.plot(
                    [place - 0.46, place + 0.46], [value] * 2, color=style.BASELINE_INK, lw=1.1, ls=dashes, zorder=1
                )
                axes.set_ylim(0, max(axes.get_ylim()[1], 1.06 * value))
            else:
                far.append((place, f"{style.SHORT.get(name, name)}\n{value:.2f} ↑"))
        if len(means):
            drawn.append(Reference(name, 0.0, dashes))
    axes.set_ylim(0, axes.get_ylim()[1] * (1.2 if far else 1.0))  # a strip for what lies above
    quiet: dict[str, Any] = {"fontsize": 7.5, "color": style.BASELINE_INK, "ha": "center", "va": "top"}
    for place, said in far:
        axes.text(place, 0.98, said, transform=axes.get_xaxis_transform(), **quiet)
    return reference_handles(drawn)


def _range_axis(axes: Axes, edges: Sequence[tuple[float, float]], images: pd.Series) -> None:
    for place in range(0, len(edges), 2):
        axes.axvspan(place - 0.5, place + 0.5, color=style.BAND, lw=0, zorder=0)
    names = [f"{near:g}–{far:g} m\n{images[near, far]:.0f} images" for near, far in edges]
    axes.set_xticks(range(len(edges)), names, fontsize=8.0)
    axes.set_xlim(-0.5, len(edges) - 0.5)
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("depth of the ground truth", labelpad=3)
    axes.set_ylabel("AbsRel, lower is better")
    value_axis(axes, "y", 5)
    style.grid_y(axes)


def draw_distribution(table: PaperTable, block: Block, images: pd.DataFrame, path: Path) -> Path | None:
    """Write the figure of `build_distribution`; None if it has nothing to show."""
    fig = build_distribution(table, block, images)
    return None if fig is None else style.save(fig, path, dpi=style.SCREEN_DPI)


def build_distribution(table: PaperTable, block: Block, images: pd.DataFrame) -> Figure | None:
    """AbsRel over the test images, each image's mean over seeds: a box per row, baselines below them.

    Args:
        table: The published side.
        block: Our side.
        images: `sources.IMAGE_COLUMNS`.

    Returns:
        None where no row has per-image scores.
    """
    rows = [(line.label, _by_image(images, line)) for line in our_lines(block)]
    rows = [(label, values) for label, values in rows if len(values)]
    if not rows:
        return None
    names = {method: name for method, (_, name) in style.BASELINES.items()}
    others = [(names.get(line.method, line.label), _by_image(images, line)) for line in baselines(block)]
    others = [(label, values) for label, values in others if len(values)]
    said = "Dots: images, mean over seeds; +n →: beyond the axis. Box: middle half; line: median; "
    said += "whiskers: 5 to 95 %; diamond: mean."
    labels, left, row_inches = row_labels([label for label, _ in [*rows, *others]], BOX_INCHES)
    height = 0.72 + row_inches * len(labels)
    with style.titled(height, f"AbsRel over the test images: {block.title}", f"{said} {scope(block)}") as (fig, head):
        axes = fig.subplots()
        right = 1.15 * max(float(np.quantile(values, 0.95)) for _, values in [*rows, *others])
        axes.set_xlim(0, max(right, 1.05 * max(float(values.mean()) for _, values in [*rows, *others])))
        for place, (_, values) in enumerate([*rows, *others]):
            _box(axes, place, values, style.OURS if place < len(rows) else style.QUIET)
        if others:
            axes.axhline(len(rows) - 0.5, color=style.FAINT, lw=0.8)
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("AbsRel of an image, lower is better", labelpad=3)
        value_axis(axes, "x", 6)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        style.margins(fig, left=left, right=0.45, top=head + 0.1, bottom=0.48)
    return fig


def _by_image(images: pd.DataFrame, line: Line) -> np.ndarray:
    mine = images[images["run"].isin(line.runs) & (images["method"] == line.method) & (images["checkpoint"] != "best")]
    return np.sort(mine.groupby("id")["abs_rel"].mean().to_numpy())


def _box(axes: Axes, place: int, values: np.ndarray, color: str) -> None:
    """One row: its images as dots, quartiles, 5 to 95 %, and what lies beyond the axis as a number."""
    low, first, median, third, high = np.quantile(values, (WHISKERS[0], 0.25, 0.5, 0.75, WHISKERS[1]))
    shown = values[values <= axes.get_xlim()[1]]
    # Spread by rank along the golden ratio: no two neighbours at one height, and the same picture every time.
    heights = place + (np.arange(len(shown)) * 0.618034 % 1 - 0.5) * 0.62
    axes.plot(shown, heights, "o", color=color, ms=2.6, mew=0, alpha=0.4, zorder=2)
    axes.barh(place, third - first, BOX, first, facecolor=to_rgba(color, 0.12), edgecolor=color, lw=1.0, zorder=1)
    axes.hlines([place, place], [low, third], [first, high], color=color, lw=1.0, zorder=1)
    axes.vlines(median, place - BOX / 2, place + BOX / 2, color=color, lw=2.0, zorder=3)
    axes.plot(values.mean(), place, "D", color=color, mfc="white", ms=4.5, mew=1.2, zorder=4)
    if len(shown) < len(values):
        quiet: dict[str, Any] = {"fontsize": 7.5, "color": style.QUIET, "va": "center"}
        axes.text(1.01, place, f"+{len(values) - len(shown)} →", transform=axes.get_yaxis_transform(), **quiet)
