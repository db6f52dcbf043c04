"""What the plots of a table have in common: its rows, its baselines, and the words that go with them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.figures import style

REACH = 0.45  # a reference further from the data than so much of their span is named at the edge instead of drawn
METRES = ("rmse",)  # metrics that have a unit
LABEL_CHARACTERS, CHARACTER_INCHES, LINE_INCHES = 30, 0.068, 0.145  # of a row's label beside its panel
LEGEND_EDGE = 0.1  # inches between a legend and the figure's edge


@dataclass(frozen=True)
class Reference:
    """A baseline's value as a thin line: what it is called, and its dashes."""

    name: str
    value: float
    dashes: Any

    def said(self, digits: int) -> str:
        """Short name and value, for a note at an axis' edge."""
        return f"{style.SHORT.get(self.name, self.name)} {self.value:.{digits}f}"


def our_lines(block: Block, *, missing: bool = False) -> list[Line]:
    """Rows of ours in the table's order, at the last checkpoint where there is one; `missing`: also those without."""
    lines = next(iter(block.lines.values()), [])
    return [line for line in lines if line.role == "level" and (missing or not line.missing)]


def baselines(block: Block) -> list[Line]:
    """The measured baselines of a block."""
    lines = next(iter(block.lines.values()), [])
    return [line for line in lines if line.role == "baseline" and not line.missing]


def scope(block: Block, *, test: bool = True) -> str:
    """What the numbers were measured on, for the line under a figure's title; `test`: on the test images."""
    counts = sorted({len(line.seeds) for line in our_lines(block)})
    seeds = f"{counts[0]} seed{'s' if counts[0] != 1 else ''}" if counts else "no seed"
    if len(counts) > 1:
        seeds = f"{counts[0]} to {counts[-1]} seeds"
    rendered = "Rendered data, not photographs. " if block.synthetic else ""
    if not test:
        return f"{rendered}{seeds[0].upper()}{seeds[1:]} a row."
    return f"{rendered}{block.keys['images']} test images, {seeds} a row, {next(iter(block.lines))} checkpoint."


def many_seeds(lines: Sequence[Line]) -> bool:
    """Whether any row has a spread over seeds."""
    return any(len(line.seeds) > 1 for line in lines)


def metric_name(key: str) -> str:
    """A metric with its unit, if it has one."""
    return f"{METRICS[key].label} (m)" if key in METRES else METRICS[key].label


def direction(key: str) -> str:
    """Which way is better."""
    return "higher is better" if METRICS[key].higher_is_better else "lower is better"


def panel_title(axes: Axes, first: str, second: str) -> None:
    """Two short texts over a panel, the second one quiet and, if it has to be, of several lines."""
    above = 17 + 10 * second.count("\n")  # points
    axes.annotate(first, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points", fontsize=9.5)
    quiet: dict[str, Any] = {"fontsize": 8.0, "color": style.QUIET}
    axes.annotate(second, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", **quiet)


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


def look(index: int) -> dict[str, Any]:
    """Colour and mark of a table's row by its place."""
    return {
        "color": style.SERIES[index % len(style.SERIES)],
        "marker": style.MARKERS[index % len(style.MARKERS)],
    }


def references(block: Block, key: str) -> list[Reference]:
    """The baselines' values of one metric."""
    found = []
    for line in baselines(block):
        if key in line.values:
            dashes, name = style.BASELINES.get(line.method, ("-.", line.label))
            found.append(Reference(name, line.values[key].mean, dashes))
    return found


def draw_references(
    axes: Axes, found: Sequence[Reference], *, axis: str
) -> tuple[list[Reference], list[tuple[str, Reference]]]:
    """Draw reference lines near the data, widening the axis to hold them; the data must have been drawn before.

    Args:
        axes: The panel.
        found: From `references`.
        axis: "x" for vertical lines, "y" for horizontal ones.

    Returns:
        Those drawn, and those too far away to be drawn without squashing the data with their side, "low" or "high".
    """
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    span = high - low
    drawn, far = [], []
    for reference in found:
        if low - REACH * span <= reference.value <= high + REACH * span:
            draw = axes.axvline if axis == "x" else axes.axhline
            draw(reference.value, color=style.BASELINE_INK, lw=1.0, ls=reference.dashes, zorder=1)
            drawn.append(reference)
        else:
            far.append(("low" if reference.value < low else "high", reference))
    values = [reference.value for reference in drawn]
    limits = min([low, *(v - 0.05 * span for v in values)]), max([high, *(v + 0.05 * span for v in values)])
    (axes.set_xlim if axis == "x" else axes.set_ylim)(*limits)
    return drawn, far


def reference_handles(found: Sequence[Reference]) -> list[Line2D]:
    """Legend entries of the references that are drawn."""
    return [Line2D([], [], color=style.BASELINE_INK, lw=1.0, ls=r.dashes, label=r.name) for r in found]


def value_axis(axes: Axes, axis: str, ticks: int) -> None:
    """A few round numbers."""
    (axes.xaxis if axis == "x" else axes.yaxis).set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))


def legend_below(fig: Figure, handles: Sequence[Any], columns: int) -> float:
    """The legend of the figure's first panel along the figure's lower edge, read line by line.

    Args:
        fig: Gets the legend.
        handles: Its entries.
        columns: At most so many beside each other; fewer where they would be wider than the figure.

    Returns:
        Its height in inches.
    """
    width, height = fig.get_size_inches()
    where: dict[str, Any] = {"bbox_to_anchor": (0.5, 0.03 / height), "bbox_transform": fig.transFigure}
    where |= {"loc": "lower center", "columnspacing": 1.8, "borderaxespad": 0}
    rows = -(-len(handles) // columns)
    while True:
        across = -(-len(handles) // rows)  # as even as possible: four entries in two lines are 2 + 2, not 3 + 1
        # matplotlib fills a legend column by column; readers go line by line.
        ordered = [handle for column in range(across) for handle in handles[column::across]]
        legend = fig.axes[0].legend(handles=ordered, ncols=across, **where)
        if across == 1 or legend.get_window_extent().width / fig.dpi <= width - 2 * LEGEND_EDGE:
            return 0.12 + 0.19 * rows
        rows += 1
