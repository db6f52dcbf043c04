"""Error against the ground truth's depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from depthrepro.report.blocks import Block
from depthrepro.report.figures import layout, series, style
from depthrepro.report.figures.series import Reference

SPREAD = 0.7  # part of a range's width that its rows share
BARS: dict[str, Any] = {"ms": 4.2, "ls": "", "capsize": 2, "elinewidth": 1.0}
TOP = 1.4  # a baseline higher than so many times the rows' highest point is named at the edge


def draw_error_by_range(block: Block, ranges: pd.DataFrame) -> Figure | None:
    """AbsRel by depth range of the ground truth: rows side by side with bars over seeds, baselines as lines across.

    `ranges` has `sources.RANGE_COLUMNS`; None where no run of a row has kept any.
    """
    found = series.of_lines(series.our_lines(block), lambda line: _over_seeds(series.scores_of(ranges, line)))
    if not found:
        return None
    edges = sorted({edge for _, values in found for edge in values.index})
    bars = "bars ± std over seeds. " if series.many_seeds([line for line, _ in found]) else "no spread. "
    note = f"AbsRel per image and range, then mean over the images that have it; {bars}{series.scope(block)}"
    with style.titled(3.15, f"Error against depth: {block.title}", note) as (fig, head):
        axes = fig.subplots()
        entries = []
        step = SPREAD / len(found)
        for index, (line, values) in enumerate(found):
            look = style.row_look(index)
            places = np.array([edges.index(edge) for edge in values.index]) + (index - (len(found) - 1) / 2) * step
            axes.plot(places, values["mean"], color=look["color"], lw=0.9, alpha=0.35, zorder=2)
            layout.error_bars(axes, places, values["mean"], values["std"], **BARS, **look)
            entries.append(layout.entry(line.label, ms=4.5, lw=0.9, **look))
        entries += layout.reference_entries(_draw_baselines(axes, block, ranges, edges))
        _range_axis(axes, edges, pd.concat([values["images"] for _, values in found]).groupby(level=[0, 1]).max())
        bottom = layout.legend_below(fig, entries, 4)
        style.margins(fig, left=0.62, right=0.15, top=head + 0.12, bottom=bottom + 0.62)
    return fig


def _over_seeds(ranges: pd.DataFrame) -> pd.DataFrame:
    """Mean and std over a row's runs, and the number of images, by (near_m, far_m)."""
    grouped = ranges.groupby(["near_m", "far_m"])
    return grouped.agg(mean=("abs_rel", "mean"), std=("abs_rel", "std"), images=("images", "max"))


def _draw_baselines(
    axes: Axes, block: Block, ranges: pd.DataFrame, edges: list[tuple[float, float]]
) -> list[Reference]:
    """Baselines as a line across each range, or named above it; returns those that have any range."""
    axes.set_ylim(0, axes.dataLim.y1 * 1.08)
    highest, far = TOP * axes.dataLim.y1, []
    found = series.of_lines(series.baselines(block), lambda line: _over_seeds(series.scores_of(ranges, line)))
    drawn = [(series.reference(line, 0.0), values["mean"]) for line, values in found]
    for ref, means in drawn:
        for place, value in ((edges.index(edge), value) for edge, value in means.items() if edge in edges):
            if value <= highest:
                ends = [place - 0.46, place + 0.46]
                axes.plot(ends, [value] * 2, color=style.BASELINE_INK, lw=1.1, ls=ref.dashes, zorder=1)
                axes.set_ylim(0, max(axes.get_ylim()[1], 1.06 * value))
            else:
                far.append((place, f"{style.SHORT.get(ref.name, ref.name)}\n{value:.2f} ↑"))
    axes.set_ylim(0, axes.get_ylim()[1] * (1.2 if far else 1.0))  # a strip for what lies above
    for place, note in far:
        axes.text(place, 0.98, note, transform=axes.get_xaxis_transform(), ha="center", va="top", **layout.EDGE_NOTE)
    return [ref for ref, _ in drawn]


def _range_axis(axes: Axes, edges: Sequence[tuple[float, float]], images: pd.Series) -> None:
    for place in range(0, len(edges), 2):
        axes.axvspan(place - 0.5, place + 0.5, color=style.BAND, lw=0, zorder=0)
    names = [f"{near:g}–{far:g} m\n{images[near, far]:.0f} images" for near, far in edges]
    axes.set_xticks(range(len(edges)), names, fontsize=8.0)
    axes.set_xlim(-0.5, len(edges) - 0.5)
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("depth of the ground truth", labelpad=3)
    axes.set_ylabel("AbsRel, lower is better")
    layout.value_axis(axes, "y", 5)
