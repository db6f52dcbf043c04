"""Axes, error bars, reference lines and legends as every figure has them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block
from depthrepro.report.figures import style
from depthrepro.report.figures.series import Reference, references

REACH = 0.45  # a reference further from the data than so much of their span is named at the edge instead of drawn
LABEL_CHARACTERS, CHARACTER_INCHES, LINE_INCHES = 30, 0.068, 0.145  # of a row's label beside its panel
LEGEND_EDGE = 0.1  # inches between a legend and the figure's edge
EDGE_NOTE: dict[str, Any] = {"fontsize": 7.5, "color": style.BASELINE_INK}


def panel_grid(fig: Figure, count: int, columns: int, **options: Any) -> list[Axes]:
    """So many panels in rows of `columns`; the last row may be shorter."""
    panels = fig.subplots(-(-count // columns), columns, squeeze=False, **options).ravel()
    for axes in panels[count:]:
        axes.set_visible(False)
    return list(panels[:count])


def panel_title(axes: Axes, first: str, second: str) -> None:
    """Two short texts over a panel, the second one quiet and, if it has to be, of several lines."""
    above = 17 + 10 * second.count("\n")  # points
    axes.annotate(first, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points", fontsize=9.5)
    quiet: dict[str, Any] = {"fontsize": 8.0, "color": style.QUIET}
    axes.annotate(second, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", **quiet)


def value_axis(axes: Axes, axis: Literal["x", "y"], ticks: int, *, grid: bool = True) -> None:
    """A few round numbers, with faint lines behind the data."""
    (axes.xaxis if axis == "x" else axes.yaxis).set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    if grid:
        grid_lines(axes, axis)


def grid_lines(axes: Axes, axis: Literal["x", "y"] = "y") -> None:
    """Faint lines behind the data."""
    axes.grid(axis=axis)
    axes.set_axisbelow(True)


def row_axis(axes: Axes, labels: Sequence[str], below: float = 0.0) -> None:
    """Rows from top to bottom, `below` of a row free under the last one."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5 + below, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def row_labels(
    labels: Sequence[str], row_inches: float, characters: int = LABEL_CHARACTERS
) -> tuple[list[str], float, float]:
    """Labels of a figure's rows in lines of at most so many characters, so that the panels keep most of the width.

    Args:
        labels: One a row.
        row_inches: Height of a row whose label is short.
        characters: Longest line.

    Returns:
        The wrapped labels, the inches that they take left of the panel, and the height of a row that holds them.
    """
    wrapped = [textwrap.fill(label, characters) for label in labels]
    longest = max(len(line) for label in wrapped for line in label.split("\n"))
    lines = 1 + max(label.count("\n") for label in wrapped)
    return wrapped, 0.2 + CHARACTER_INCHES * longest, max(row_inches, 0.05 + LINE_INCHES * lines)


def error_bars(axes: Axes, x: Any, y: Any, spread: Iterable[float | None], axis: str = "y", **look: Any) -> None:
    """Points with bars along `axis`; none where no point has a spread (None or NaN)."""
    known = [None if std is None or math.isnan(std) else std for std in spread]
    bars = None if all(std is None for std in known) else [std or 0.0 for std in known]
    options: dict[str, Any] = {f"{axis}err": bars, "zorder": 3, **look}
    axes.errorbar(x, y, **options)


def draw_references(axes: Axes, block: Block, key: str, axis: str) -> tuple[list[Reference], dict[str, str]]:
    """Draw the baselines near the data, widening the axis to hold them; the data must have been drawn before.

    Args:
        axes: The panel.
        block: Whose baselines are drawn.
        key: The metric.
        axis: "x" for vertical lines, "y" for horizontal ones.

    Returns:
        Those drawn; and by side, "low" or "high", names and values of those that would squash the data.
    """
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    span = high - low
    drawn: list[Reference] = []
    far: dict[str, list[str]] = {}
    for ref in references(block, key):
        if low - REACH * span <= ref.value <= high + REACH * span:
            draw = axes.axvline if axis == "x" else axes.axhline
            draw(ref.value, color=style.BASELINE_INK, lw=1.0, ls=ref.dashes, zorder=1)
            drawn.append(ref)
        else:
            far.setdefault("low" if ref.value < low else "high", []).append(ref.note(METRICS[key].digits))
    values = [ref.value for ref in drawn]
    limits = min([low, *(v - 0.05 * span for v in values)]), max([high, *(v + 0.05 * span for v in values)])
    (axes.set_xlim if axis == "x" else axes.set_ylim)(*limits)
    return drawn, {side: ", ".join(notes) for side, notes in far.items()}


def entry(label: str, **look: Any) -> Line2D:
    """A legend's entry."""
    return Line2D([], [], label=label, **look)


def reference_entries(found: Iterable[Reference]) -> list[Line2D]:
    """Legend entries of the references that are drawn, each name once."""
    named = {ref.name: ref.dashes for ref in found}
    return [entry(name, color=style.BASELINE_INK, lw=1.0, ls=dashes) for name, dashes in named.items()]


def legend_below(fig: Figure, entries: Sequence[Line2D], columns: int) -> float:
    """The legend of the figure's first panel along the figure's lower edge, read line by line.

    Args:
        fig: Gets the legend.
        entries: From `entry`.
        columns: At most so many beside each other; fewer where they would be wider than the figure.

    Returns:
        Its height in inches.
    """
    width, height = fig.get_size_inches()
    where: dict[str, Any] = {"bbox_to_anchor": (0.5, 0.03 / height), "bbox_transform": fig.transFigure}
    where |= {"loc": "lower center", "columnspacing": 1.8, "borderaxespad": 0}
    rows = -(-len(entries) // columns)
    while True:
        across = -(-len(entries) // rows)  # as even as possible: four entries in two lines are 2 + 2, not 3 + 1
        # matplotlib fills a legend column by column; readers go line by line.
        ordered = [one for column in range(across) for one in entries[column::across]]
        legend = fig.axes[0].legend(handles=ordered, ncols=across, **where)
        if across == 1 or legend.get_window_extent().width / fig.dpi <= width - 2 * LEGEND_EDGE:
            return 0.12 + 0.19 * rows
        rows += 1
