"""Training curves of a table's rows: how their losses fell."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import layout, series, style

COLUMNS, PANEL_INCHES, TITLE_CHARACTERS = 3, 1.5, 26
LOG_FROM = 10  # a loss that falls further than by this factor is drawn on a logarithmic axis
LOSSES = {"train/loss": ("training", style.OURS), "val/loss": ("validation", style.WARM)}


def draw_curves(block: Block, curves: pd.DataFrame) -> Figure | None:
    """Training and validation loss per epoch: mean over seeds, with a band from the lowest to the highest seed.

    `curves` has `sources.CURVE_COLUMNS`; None without curves of these rows.
    """
    drawn = series.of_lines(series.our_lines(block), lambda line: _by_epoch(line, curves))
    if not drawn:
        return None
    columns = min(len(drawn), COLUMNS)
    rows = -(-len(drawn) // columns)
    band = "Mean over seeds, band from lowest to highest. " if series.many_seeds([line for line, _ in drawn]) else ""
    note = f"{band}Scales differ: a row's loss is of its own kind, and steps where a stage trains a finer output."
    note = f"{note} {series.scope(block, test=False)}"
    titles = [textwrap.wrap(line.label, TITLE_CHARACTERS) for line, _ in drawn]
    wrapped = 0.15 * max(len(title) - 1 for title in titles)
    height = 0.75 + (PANEL_INCHES + wrapped) * rows
    with style.titled(height, f"Training curves: {block.title}", note) as (fig, head):
        panels = layout.panel_grid(fig, len(drawn), columns, sharex=True)
        for axes, title, (_, by_epoch) in zip(panels, titles, drawn, strict=True):
            axes.set_title("\n".join(title), loc="left", fontsize=9.0, pad=4)
            _draw_losses(axes, by_epoch)
        for axes in panels[-columns:]:  # the lowest panel of each column
            axes.set_xlabel("epoch", labelpad=2)
            axes.tick_params(labelbottom=True)
        shown = {name for _, by_epoch in drawn for name in by_epoch}
        losses = [LOSSES[name] for name in LOSSES if name in shown]
        entries = [layout.entry(f"{label} loss", color=color, lw=1.6) for label, color in losses]
        bottom = layout.legend_below(fig, entries, 2)
        gaps = {"wspace": 0.3, "hspace": 0.42 + wrapped}
        style.margins(fig, left=0.55, right=0.15, top=head + 0.3 + wrapped, bottom=bottom + 0.4, **gaps)
    return fig


def _by_epoch(line: Line, curves: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Mean, lowest and highest of the row's seeds per epoch, by the loss's name."""
    mine = curves[curves["run"].isin(line.runs) & np.isfinite(curves["value"].astype(float))]
    return {
        str(name): part.groupby("epoch")["value"].agg(["mean", "min", "max"])
        for name, part in mine.groupby("name")
        if name in LOSSES
    }


def _draw_losses(axes: Axes, losses: dict[str, pd.DataFrame]) -> None:
    for name, (_, color) in LOSSES.items():
        if name in losses:
            epochs, values = losses[name].index + 1, losses[name]
            alone: dict[str, Any] = {"marker": "o", "ms": 4} if len(epochs) == 1 else {}
            axes.plot(epochs, values["mean"], color=color, lw=1.5, **alone)
            axes.fill_between(epochs, values["min"], values["max"], color=color, alpha=0.18, lw=0)
    lowest = min(part["min"].min() for part in losses.values())
    if lowest > 0 and max(part["max"].max() for part in losses.values()) > LOG_FROM * lowest:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    layout.grid_lines(axes)
