"""Error against the output's resolution: the curve over a network's levels, beside the paper's."""

from __future__ import annotations

import itertools
import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import layout, series, style
from depthrepro.report.figures.series import Reference
from depthrepro.report.paper import PaperTable

OURS_LINE: dict[str, Any] = {"color": style.OURS, "lw": 1.7, "marker": "o", "ms": 5.5}
PAPER_LINE: dict[str, Any] = {"color": style.PAPER, "ls": "--", "lw": 1.2, "marker": "o", "mfc": "white", "ms": 5}
ASIDE = 0.24  # how far beside its level a row off the curve stands
STRIP = 0.09  # of the axis, free for the names of baselines that lie off it


def draw_error_vs_resolution(table: PaperTable, block: Block) -> Figure:
    """Ours with bars over seeds and the paper's curve beside it, one panel per metric.

    Colour says whose a number is, the mark says which row: round for the curve of the levels, another for each row off
    the curve ("L10 + skip"), beside its level. Baselines near the curves are lines; others are named at the edge.
    """
    levels = [row.label for row in table.rows if re.fullmatch(r"L\d+", row.label)]
    aside = [row.label for row in table.rows if row.label not in levels and _level(row.label) in levels]
    variants = dict(zip(aside, itertools.cycle("D*Ps"), strict=False))
    bars = "bars ± std over seeds. " if series.many_seeds(series.our_lines(block)) else ""
    note = f"Ours: {bars or 'one seed. '}{series.scope(block)} "
    note += f"Paper: {table.data}, its own protocol: compare slopes, not values."
    with style.titled(3.75, f"Error against output resolution: {block.title}", note) as (fig, head):
        panels = layout.panel_grid(fig, len(table.plot), len(table.plot))
        drawn = [_draw_metric(axes, block, levels, variants, key) for axes, key in zip(panels, table.plot, strict=True)]
        entries = [
            layout.entry(f"ours, {block.keys['data']}", **OURS_LINE),
            layout.entry(f"paper, {table.data}", **PAPER_LINE),
            *(layout.entry(name, color=style.INK, ls="", marker=mark, ms=6) for name, mark in variants.items()),
            *layout.reference_entries(itertools.chain(*drawn)),
        ]
        bottom = layout.legend_below(fig, entries, 3)
        style.margins(fig, left=0.5, right=0.15, top=head + 0.48, bottom=bottom + 0.62, wspace=0.2)
    return fig


def _level(label: str) -> str:
    """The level a label begins with: "L10 + skip" -> "L10"."""
    return label.replace(",", " ").split()[0]


def _draw_metric(axes: Axes, block: Block, levels: list[str], variants: dict[str, str], key: str) -> list[Reference]:
    """One panel; returns the baselines that are drawn as lines."""
    known = [line for line in block.shown if key in line.values]
    paper, ours = ([ln for ln in known if ln.role == role and ln.label in levels] for role in ("paper", "level"))
    axes.plot(*_points(paper, levels, key), **PAPER_LINE, zorder=2)
    _draw_ours(axes, *_points(ours, levels, key), ours, key, **OURS_LINE)
    for line in known:
        if line.label in variants and line.role != "baseline":
            place = [levels.index(_level(line.label)) + ASIDE]
            look: dict[str, Any] = {"marker": variants[line.label], "ms": 6, "ls": ""}
            if line.role == "paper":
                axes.plot(place, [line.values[key].mean], color=style.PAPER, mfc="white", zorder=2, **look)
            else:
                _draw_ours(axes, place, [line.values[key].mean], [line], key, color=style.OURS, **look)
    sizes = {line.label: "{}×{}".format(*line.resolution) for line in ours if line.resolution}
    axes.set_xticks(range(len(levels)), [f"{level}\n{sizes.get(level, '')}" for level in levels])
    axes.set_xlim(-0.35, len(levels) - 0.5)
    axes.set_xlabel("output, height × width in pixels", labelpad=3)
    axes.margins(y=0.10)
    layout.value_axis(axes, "y", 6)
    layout.panel_title(axes, series.metric_name(key), series.direction(key))
    drawn, far = layout.draw_references(axes, block, key, axis="y")
    _name_far(axes, far)
    return drawn


def _points(lines: list[Line], levels: list[str], key: str) -> tuple[list[int], list[float]]:
    return [levels.index(line.label) for line in lines], [line.values[key].mean for line in lines]


def _draw_ours(axes: Axes, x: list[Any], y: list[float], lines: list[Line], key: str, **look: Any) -> None:
    layout.error_bars(axes, x, y, [line.values[key].std for line in lines], capsize=3, elinewidth=1.1, **look)


def _name_far(axes: Axes, far: dict[str, str]) -> None:
    """Baselines off the axis, by name and value, in a free strip along that edge."""
    for side, mark, height, align in (("low", "↓", 0.02, "bottom"), ("high", "↑", 0.98, "top")):
        if side in far:
            low, high = axes.get_ylim()
            strip = STRIP * (high - low)
            axes.set_ylim(low - strip * (side == "low"), high + strip * (side == "high"))
            look: dict[str, Any] = {**layout.EDGE_NOTE, "fontsize": 8.0, "va": align}
            axes.text(0.015, height, f"{mark} {far[side]}", transform=axes.transAxes, **look)
