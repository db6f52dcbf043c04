"""What changing one thing does: the rows of an ablation beside each other, and how their losses fell."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

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
    row_labels,
    scope,
    value_axis,
)
from depthrepro.report.paper import PaperTable

ROW_INCHES, SEED_OFFSET = 0.34, 0.24  # height of a row; how far below its mean the single seeds lie, in rows
BAR: dict[str, Any] = {"color": style.OURS, "marker": "o", "ms": 5.5, "capsize": 3, "elinewidth": 1.3, "zorder": 3}
SEEDS: dict[str, Any] = {"color": style.INK, "marker": "o", "ms": 3.6, "mew": 0, "alpha": 0.25, "ls": "", "zorder": 2}
COLUMNS, PANEL_INCHES, TITLE_CHARACTERS = 3, 1.5, 26
GAP = 0.33  # inches between panels of effects: the last tick's label and the next panel's first one fit in
PUBLISHED_WIDTH, PUBLISHED_CHARACTERS = 0.65, 17  # of a published panel: width, ours being 1; a line of its title
LOG_FROM = 10  # a loss that falls further than by this factor is drawn on a logarithmic axis
LOSSES = (("train/loss", style.OURS, "training"), ("val/loss", style.WARM, "validation"))

PUBLISHED: dict[str, Any] = {"color": style.PAPER, "marker": "o", "mfc": "white", "ms": 5.5, "ls": "", "zorder": 2}


def draw_effects(table: PaperTable, block: Block, path: Path) -> Path | None:
    """Write the figure of `build_effects`; None if it has nothing to show."""
    fig = build_effects(table, block)
    return None if fig is None else style.save(fig, path, dpi=style.SCREEN_DPI)


def build_effects(table: PaperTable, block: Block) -> Figure | None:
    """Each row's metrics: mean ± std over seeds, and the single seeds as small dots below.

    The paper's values stand on the same axis only where ours are of the paper's data and scale; elsewhere they have
    panels with axes of their own, so that rows are compared and not single values.

    Args:
        table: The published side; `table.plot` names the metrics.
        block: Our side.

    Returns:
        None if fewer than two rows are measured.
    """
    lines = our_lines(block)
    if len(lines) < 2 or not table.plot:
        return None
    published = {row.label: row.published(block.test) for row in table.rows}
    together = same_data(table, block)
    alone = [] if together else [k for k in table.plot if sum(k in published[line.label] for line in lines) > 1]
    ratios = [1.0] * len(table.plot) + [PUBLISHED_WIDTH] * len(alone)
    characters, ticks = (30, 4) if len(ratios) < 4 else (21, 3)
    labels, left, row_inches = row_labels([line.label for line in lines], ROW_INCHES, characters)
    paper = textwrap.fill(f"paper, {table.data}", PUBLISHED_CHARACTERS)
    top = 0.48 + (0.155 * paper.count("\n") if alone else 0.0)
    height = 0.87 + top + row_inches * (len(lines) + 0.85)
    with style.titled(height, f"Effect of {table.effect_of}: {block.title}", _said(block, lines)) as (fig, head):
        panels = fig.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
        drawn: dict[str, Reference] = {}
        for axes, key in zip(panels, table.plot, strict=False):
            if together:
                _published(axes, lines, published, key)
            drawn |= {ref.name: ref for ref in _ours(axes, block, lines, key, ticks)}
        for axes, key in zip(panels[len(table.plot) :], alone, strict=True):
            _alone(axes, _published(axes, lines, published, key), key, paper)
        for axes in panels:
            _rows(axes, labels)
        bottom = legend_below(fig, _handles(lines, bool(alone) or together, list(drawn.values())), 5)
        mean_width = (style.WIDTH - left - 0.15 + GAP) / len(ratios) - GAP  # in which matplotlib counts gaps
        style.margins(fig, left=left, right=0.15, top=head + top, bottom=bottom + 0.3, wspace=GAP / mean_width)
    return fig


def same_data(table: PaperTable, block: Block) -> bool:
    """Whether our numbers and the paper's are of one kind: its data set at its scale."""
    return block.keys["scale"] == "paper" and not block.synthetic and block.keys["data"].startswith(f"{table.data} raw")


def _said(block: Block, lines: Sequence[Line]) -> str:
    absent = ", ".join(line.label for line in our_lines(block, missing=True) if line.missing)
    return f"Thin line: {lines[0].label}. {scope(block)}{f' No finished run: {absent}.' if absent else ''}"


def _ours(axes: Axes, block: Block, lines: Sequence[Line], key: str, ticks: int) -> list[Reference]:
    """One metric of ours; returns the baselines that are drawn as lines."""
    for place, line in enumerate(lines):
        value, seeds = line.values[key], line.seed_values.get(key, ())
        axes.errorbar([value.mean], [place], xerr=None if value.std is None else [value.std], **BAR)
        if len(seeds) > 1:
            axes.plot(seeds, [place + SEED_OFFSET] * len(seeds), **SEEDS)
    axes.axvline(lines[0].values[key].mean, color=style.OURS, lw=0.8, alpha=0.5, zorder=1)
    axes.margins(x=0.08)
    drawn, far = draw_references(axes, references(block, key), axis="x")
    _name_far(axes, far, len(lines), key)
    panel_title(axes, metric_name(key), f"ours, {direction(key)}")
    value_axis(axes, "x", ticks)
    return drawn


def _name_far(axes: Axes, far: Sequence[tuple[str, Reference]], rows: int, key: str) -> None:
    """Baselines off the axis, by name and value, below the rows: a line for either side, so that they never meet."""
    digits = METRICS[key].digits
    for side, mark, below in (("low", "← {}", 0.7), ("high", "{} →", 1.1)):
        said = ", ".join(ref.said(digits) for where, ref in far if where == side)
        if said:
            place = (0.0, "left") if side == "low" else (1.0, "right")
            quiet: dict[str, Any] = {"fontsize": 7.5, "color": style.BASELINE_INK, "va": "center", "ha": place[1]}
            quiet["bbox"] = {"facecolor": "white", "lw": 0, "pad": 1.5}
            axes.text(place[0], rows - 1 + below, mark.format(said), transform=axes.get_yaxis_transform(), **quiet)


def _published(axes: Axes, lines: Sequence[Line], published: dict[str, dict[str, float]], key: str) -> list[float]:
    """The paper's values of one metric, as far as there are any; returns them."""
    known = [(published[line.label][key], place) for place, line in enumerate(lines) if key in published[line.label]]
    axes.plot([value for value, _ in known], [place for _, place in known], **PUBLISHED)
    axes.margins(x=0.25)
    return [value for value, _ in known]


def _alone(axes: Axes, values: Sequence[float], key: str, title: str) -> None:
    """A panel of published values only. Ticks: the lowest and the highest; round numbers would meet in its width."""
    panel_title(axes, metric_name(key), title)
    ends = sorted({min(values), max(values)})
    axes.set_xticks(ends, [f"{value:.{METRICS[key].digits}f}" for value in ends], fontsize=7.5)


def _rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.hlines(range(len(labels)), 0, 1, transform=axes.get_yaxis_transform(), color=style.FAINT, lw=0.6, zorder=0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) + 0.35, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _handles(lines: Sequence[Line], paper: bool, drawn: Sequence[Reference]) -> list[Any]:
    many = many_seeds(lines)
    mean: dict[str, Any] = {key: BAR[key] for key in ("color", "marker", "ms")}
    handles = [Line2D([], [], **mean, lw=1.3, label="mean ± std over seeds" if many else "one seed")]
    if many:
        handles.append(Line2D([], [], **SEEDS, label="single seeds"))
    if paper:
        handles.append(Line2D([], [], **PUBLISHED, label="paper"))
    return handles + reference_handles(drawn)


def draw_curves(table: PaperTable, block: Block, curves: pd.DataFrame, path: Path) -> Path | None:
    """Write the figure of `build_curves`; None if it has nothing to show."""
    fig = build_curves(table, block, curves)
    return None if fig is None else style.save(fig, path, dpi=style.SCREEN_DPI)


def build_curves(table: PaperTable, block: Block, curves: pd.DataFrame) -> Figure | None:
    """Training and validation loss per epoch: mean over seeds, with a band from the lowest to the highest seed.

    Args:
        table: The published side.
        block: Our side.
        curves: `sources.CURVE_COLUMNS`.

    Returns:
        None without curves.
    """
    drawn = [(line, _by_epoch(line, curves)) for line in our_lines(block)]
    drawn = [(line, found) for line, found in drawn if found]
    if not drawn:
        return None
    columns = min(len(drawn), COLUMNS)
    rows = -(-len(drawn) // columns)
    band = "Mean over seeds, band from lowest to highest. " if many_seeds([line for line, _ in drawn]) else ""
    said = f"{band}Scales differ: a row's loss is of its own kind, and steps where a stage trains a finer output."
    said = f"{said} {scope(block, test=False)}"
    wrapped = 0.15 * max(len(textwrap.wrap(line.label, TITLE_CHARACTERS)) - 1 for line, _ in drawn)
    height = 0.75 + (PANEL_INCHES + wrapped) * rows
    with style.titled(height, f"Training curves: {block.title}", said) as (fig, head):
        panels = fig.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for axes, (line, found) in zip(panels, drawn, strict=False):
            _panel(axes, line, found)
        for axes in panels[len(drawn) :]:
            axes.set_visible(False)
        for axes in panels[len(drawn) - columns : len(drawn)]:  # the lowest panel of each column
            axes.set_xlabel("epoch", labelpad=2)
            axes.tick_params(labelbottom=True)
        shown = {name for _, found in drawn for name in found}
        handles = [
            Line2D([], [], color=color, lw=1.6, label=f"{label} loss") for n, color, label in LOSSES if n in shown
        ]
        bottom = legend_below(fig, handles, 2)
        style.margins(
            fig, left=0.55, right=0.15, top=head + 0.3 + wrapped, bottom=bottom + 0.4, wspace=0.3, hspace=0.42 + wrapped
        )
    return fig


def _by_epoch(line: Line, curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Mean, lowest and highest of the row's seeds per epoch, by the loss's name."""
    mine = curves[curves["run"].isin(line.runs) & np.isfinite(curves["value"].astype(float))]
    return {
        str(name): part.groupby("epoch")["value"].agg(["mean", "min", "max"])
        for name, part in mine.groupby("name")
        if name in {known for known, _, _ in LOSSES}
    }


def _panel(axes: Axes, line: Line, found: dict[str, pd.DataFrame]) -> None:
    for name, color, label in LOSSES:
        if name in found:
            epochs, values = found[name].index + 1, found[name]
            alone: dict[str, Any] = {"marker": "o", "ms": 4} if len(epochs) == 1 else {}
            axes.plot(epochs, values["mean"], color=color, lw=1.5, label=label, **alone)
            axes.fill_between(epochs, values["min"], values["max"], color=color, alpha=0.18, lw=0)
    lowest = min(part["min"].min() for part in found.values())
    if lowest > 0 and max(part["max"].max() for part in found.values()) > LOG_FROM * lowest:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_title(textwrap.fill(line.label, TITLE_CHARACTERS), loc="left", fontsize=9.0, pad=4)
    style.grid_y(axes)
