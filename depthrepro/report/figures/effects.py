"""The effect of one thing: the rows of an ablation beside each other, metric by metric."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import layout, series, style
from depthrepro.report.figures.series import Reference
from depthrepro.report.paper import PaperTable

ROW_INCHES, SEED_OFFSET = 0.34, 0.24  # height of a row; how far below its mean the single seeds lie, in rows
MEAN: dict[str, Any] = {"color": style.OURS, "marker": "o", "ms": 5.5}
SEEDS: dict[str, Any] = {"color": style.INK, "marker": "o", "ms": 3.6, "mew": 0, "alpha": 0.25, "ls": "", "zorder": 2}
PUBLISHED: dict[str, Any] = {"color": style.PAPER, "marker": "o", "mfc": "white", "ms": 5.5, "ls": "", "zorder": 2}
WHITE = {"facecolor": "white", "lw": 0, "pad": 1.5}  # behind a note that crosses lines
GAP = 0.33  # inches between panels: the last tick's label and the next panel's first one fit in
PUBLISHED_WIDTH, PUBLISHED_CHARACTERS = 0.65, 17  # of a published panel: width, ours being 1; a line of its title


def draw_effects(table: PaperTable, block: Block) -> Figure | None:
    """Each row's metrics: mean ± std over seeds, and the single seeds as small dots below.

    The paper's values stand on the same axis only where ours are of the paper's data and scale; elsewhere they have
    panels with axes of their own, so that rows are compared and not single values. None if fewer than two rows are
    measured.
    """
    lines = series.our_lines(block)
    if len(lines) < 2 or not table.plot:
        return None
    published = {row.label: row.published(block.test) for row in table.rows}
    together = same_data(table, block)
    alone = [] if together else [k for k in table.plot if sum(k in published[line.label] for line in lines) > 1]
    ratios = [1.0] * len(table.plot) + [PUBLISHED_WIDTH] * len(alone)
    characters, ticks = (30, 4) if len(ratios) < 4 else (21, 3)
    labels, left, row_inches = layout.row_labels([line.label for line in lines], ROW_INCHES, characters)
    paper = textwrap.fill(f"paper, {table.data}", PUBLISHED_CHARACTERS)
    top = 0.48 + (0.155 * paper.count("\n") if alone else 0.0)
    height = 0.87 + top + row_inches * (len(lines) + 0.85)
    with style.titled(height, f"Effect of {table.effect_of}: {block.title}", _note(block, lines)) as (fig, head):
        panels = fig.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
        drawn: list[Reference] = []
        for axes, key in zip(panels, table.plot, strict=False):
            if together:
                _draw_published(axes, lines, published, key)
            drawn += _draw_ours(axes, block, lines, key, ticks)
        for axes, key in zip(panels[len(table.plot) :], alone, strict=True):
            _title_published(axes, _draw_published(axes, lines, published, key), key, paper)
        for axes in panels:
            across: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "lw": 0.6, "zorder": 0}
            axes.hlines(range(len(lines)), 0, 1, color=style.FAINT, **across)
            layout.row_axis(axes, labels, below=0.85)
        bottom = layout.legend_below(fig, _entries(lines, bool(alone) or together) + layout.reference_entries(drawn), 5)
        mean_width = (style.WIDTH - left - 0.15 + GAP) / len(ratios) - GAP  # in which matplotlib counts gaps
        style.margins(fig, left=left, right=0.15, top=head + top, bottom=bottom + 0.3, wspace=GAP / mean_width)
    return fig


def same_data(table: PaperTable, block: Block) -> bool:
    """Whether our numbers and the paper's are of one kind: its data set at its scale."""
    return block.keys["scale"] == "paper" and not block.synthetic and block.keys["data"].startswith(f"{table.data} raw")


def _note(block: Block, lines: Sequence[Line]) -> str:
    absent = ", ".join(line.label for line in series.our_lines(block, missing=True) if line.missing)
    return f"Thin line: {lines[0].label}. {series.scope(block)}{f' No finished run: {absent}.' if absent else ''}"


def _draw_ours(axes: Axes, block: Block, lines: Sequence[Line], key: str, ticks: int) -> list[Reference]:
    """One metric of ours; returns the baselines that are drawn as lines."""
    for place, line in enumerate(lines):
        value, seeds = line.values[key], line.seed_values.get(key, ())
        layout.error_bars(axes, [value.mean], [place], [value.std], "x", capsize=3, elinewidth=1.3, **MEAN)
        if len(seeds) > 1:
            axes.plot(seeds, [place + SEED_OFFSET] * len(seeds), **SEEDS)
    axes.axvline(lines[0].values[key].mean, color=style.OURS, lw=0.8, alpha=0.5, zorder=1)
    axes.margins(x=0.08)
    drawn, far = layout.draw_references(axes, block, key, axis="x")
    # Baselines off the axis, by name and value, below the rows: a line for either side, so that they never meet.
    for side, mark, below, x, align in (("low", "← {}", 0.7, 0.0, "left"), ("high", "{} →", 1.1, 1.0, "right")):
        if side in far:
            look = {**layout.EDGE_NOTE, "va": "center", "ha": align, "bbox": WHITE}
            axes.text(x, len(lines) - 1 + below, mark.format(far[side]), transform=axes.get_yaxis_transform(), **look)
    layout.panel_title(axes, series.metric_name(key), f"ours, {series.direction(key)}")
    layout.value_axis(axes, "x", ticks, grid=False)
    return drawn


def _draw_published(axes: Axes, lines: Sequence[Line], published: dict[str, dict[str, float]], key: str) -> list[float]:
    """The paper's values of one metric, as far as there are any; returns them."""
    known = [(published[line.label][key], place) for place, line in enumerate(lines) if key in published[line.label]]
    axes.plot([value for value, _ in known], [place for _, place in known], **PUBLISHED)
    axes.margins(x=0.25)
    return [value for value, _ in known]


def _title_published(axes: Axes, values: Sequence[float], key: str, title: str) -> None:
    """Title and ticks of a panel of published values only: the lowest and the highest, as round numbers would meet."""
    layout.panel_title(axes, series.metric_name(key), title)
    ends = sorted({min(values), max(values)})
    axes.set_xticks(ends, [f"{value:.{METRICS[key].digits}f}" for value in ends], fontsize=7.5)


def _entries(lines: Sequence[Line], paper: bool) -> list[Line2D]:
    many = series.many_seeds(lines)
    entries = [layout.entry("mean ± std over seeds" if many else "one seed", **MEAN, lw=1.3)]
    if many:
        entries.append(layout.entry("single seeds", **SEEDS))
    return [*entries, layout.entry("paper", **PUBLISHED)] if paper else entries
