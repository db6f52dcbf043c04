"""One look for every figure: a few quiet colours, thin axes, print resolution."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from depthrepro.core.files import replacing

INK, QUIET, FAINT = "#222222", "#6b6b6b", "#d9d9d9"
OURS, PAPER, WARM = "#1f5a94", "#8a8a8a", "#b8612a"
# Rows of a table. Apart from each other also with every common kind of colour-blindness (least CIE distance 15), and
# each has a mark of its own, for print in grey.
SERIES = ("#1f5a94", "#d55e00", "#0b9a72", "#cc79a7", "#d9a000", "#5fb3e6")
MARKERS = "os^Dvp"
# Baselines are thin dark lines in every figure, so that they are never taken for a row.
BASELINES: dict[str, tuple[Any, str]] = {
    "mean_map": ((0, (5, 2)), "mean depth map"),
    "sgbm": ((0, (1, 1.5)), "SGBM (stereo)"),
    "ground_plane": ((0, (6, 1.5, 1, 1.5)), "ground plane"),
}
SHORT = {"mean depth map": "mean map", "SGBM (stereo)": "SGBM"}  # for notes at an edge
BASELINE_INK, BAND = "#3a3a3a", "#f4f4f4"
WIDTH = 7.2  # inches, of every figure that is read on a page
SCREEN_DPI = 130  # of figures that are read on a page: 936 pixels wide, of which 700 are enough
PRINT_DPI = 200
TITLE_PER_INCH, TEXT_PER_INCH = 11.0, 16.5  # characters
HEADING_LEFT = 0.12  # inches from the edge

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.solid_capstyle": "round",
}


def row_look(index: int) -> dict[str, Any]:
    """Colour and mark of a table's row by its place."""
    return {"color": SERIES[index % len(SERIES)], "marker": MARKERS[index % len(MARKERS)]}


@contextmanager
def figure(width: float, height: float, dpi: int = SCREEN_DPI) -> Iterator[Figure]:
    """A figure of so many inches in the house style, without pyplot's global state; draw inside the `with`."""
    with mpl.rc_context(_RC):
        fig = Figure(figsize=(width, height), dpi=dpi)
        FigureCanvasAgg(fig)
        yield fig


@contextmanager
def titled(
    body: float, title: str, subtitle: str, width: float = WIDTH, dpi: int = SCREEN_DPI
) -> Iterator[tuple[Figure, float]]:
    """A figure with its heading: `body` inches below as many lines as the heading takes.

    The title is bold at the upper left, the subtitle quiet below it, both wrapped to the figure's width.

    Yields:
        The figure and the heading's height in inches.
    """
    room = width - 2 * HEADING_LEFT
    title = textwrap.fill(title, max(20, int(room * TITLE_PER_INCH)))
    subtitle = textwrap.fill(subtitle, max(30, int(room * TEXT_PER_INCH)))
    wrapped = 0.20 * title.count("\n")
    head = 0.32 + wrapped + 0.155 * (1 + subtitle.count("\n"))
    height = body + head
    with figure(width, height, dpi) as fig:
        left, top = HEADING_LEFT / width, 1 - 0.10 / height
        text: dict[str, Any] = {"ha": "left", "va": "top", "linespacing": 1.35}
        fig.text(left, top, title, fontsize=10.5, fontweight="bold", **text)
        fig.text(left, top - (0.22 + wrapped) / height, subtitle, fontsize=8.0, color=QUIET, **text)
        yield fig, head


def save(fig: Figure, path: Path) -> Path:
    """Write a PNG beside `path` and rename it into place; returns `path`."""
    with mpl.rc_context(_RC), replacing(path) as beside:  # ticks are made when the figure is drawn
        # No Software entry, which names a version: the same numbers give the same file.
        fig.savefig(beside, format="png", facecolor="white", metadata={"Software": None})
    return path


def margins(fig: Figure, *, left: float, right: float, top: float, bottom: float, **gaps: float) -> None:
    """Room around the panels, in inches; gaps between them as `subplots_adjust` has them."""
    width, height = fig.get_size_inches()
    edges = {"left": left / width, "right": 1 - right / width, "top": 1 - top / height, "bottom": bottom / height}
    fig.subplots_adjust(**edges, **gaps)
