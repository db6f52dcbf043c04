"""The error's distribution over the test images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import layout, series, style

ROW_INCHES, BOX = 0.36, 0.5  # height of a row, and the box's part of it
WHISKERS = (0.05, 0.95)


def draw_distribution(block: Block, images: pd.DataFrame) -> Figure | None:
    """AbsRel over the test images, each image's mean over seeds: a box per row, baselines below them.

    `images` has `sources.IMAGE_COLUMNS`; None where no row has per-image scores.
    """

    def by_image(line: Line) -> np.ndarray:
        return np.sort(series.scores_of(images, line).groupby("id")["abs_rel"].mean().to_numpy())

    ours, others = (series.of_lines(lines, by_image) for lines in (series.our_lines(block), series.baselines(block)))
    if not ours:
        return None
    names = [line.label for line, _ in ours] + [series.reference(line, 0.0).name for line, _ in others]
    rows = [values for _, values in [*ours, *others]]
    note = "Dots: images, mean over seeds; +n →: beyond the axis. Box: middle half; line: median; "
    note += f"whiskers: 5 to 95 %; diamond: mean. {series.scope(block)}"
    labels, left, row_inches = layout.row_labels(names, ROW_INCHES)
    title = f"AbsRel over the test images: {block.title}"
    with style.titled(0.72 + row_inches * len(labels), title, note) as (fig, head):
        axes = fig.subplots()
        high, mean = max(float(np.quantile(v, WHISKERS[1])) for v in rows), max(float(v.mean()) for v in rows)
        axes.set_xlim(0, max(1.15 * high, 1.05 * mean))
        for place, values in enumerate(rows):
            _draw_box(axes, place, values, style.OURS if place < len(ours) else style.QUIET)
        if others:
            axes.axhline(len(ours) - 0.5, color=style.FAINT, lw=0.8)
        layout.row_axis(axes, labels)
        axes.set_xlabel("AbsRel of an image, lower is better", labelpad=3)
        layout.value_axis(axes, "x", 6)
        style.margins(fig, left=left, right=0.45, top=head + 0.1, bottom=0.48)
    return fig


def _draw_box(axes: Axes, place: int, values: np.ndarray, color: str) -> None:
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
