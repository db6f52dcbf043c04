"""One look for every figure: a few quiet colours, thin axes, print resolution."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, QUIET, FAINT = "#222222", "#6b6b6b", "#d9d9d9"
OURS, PAPER, WARM, GREEN = "#1f5a94", "#8a8a8a", "#b8612a", "#4a7d52"
SERIES = ("#1f5a94", "#b8612a", "#4a7d52", "#7b5a9e", "#5f6b73")  # apart in grey and for the colour-blind
SCREEN_DPI = 130  # of figures that are read on a page
BASELINES = {"mean_map": (WARM, "mean depth map"), "sgbm": (GREEN, "SGBM (stereo)")}

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


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches in the house style, without pyplot's global state; draw inside the `with`."""
    with mpl.rc_context(_RC):
        fig = Figure(figsize=(width, height))
        FigureCanvasAgg(fig)
        yield fig


def save(fig: Figure, path: Path, dpi: int = 200) -> Path:
    """Write a PNG beside `path` and rename it into place; returns `path`. Call it inside `figure`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    # A fixed Software entry: the same numbers give the same file whatever the machine.
    fig.savefig(beside, format="png", dpi=dpi, facecolor="white", metadata={"Software": "depthrepro"})
    beside.replace(path)
    return path


def grid_y(axes: Axes) -> None:
    """Faint horizontal lines behind the data."""
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def heading(fig: Figure, title: str, subtitle: str = "", *, left: float = 0.0) -> None:
    """Title and a quiet second line at the figure's upper left; `left` in inches from the edge."""
    width, height = fig.get_size_inches()
    fig.text(left / width, 1 - 0.10 / height, title, ha="left", va="top", fontsize=10.5, fontweight="bold")
    if subtitle:
        fig.text(
            left / width, 1 - 0.32 / height, subtitle, ha="left", va="top", fontsize=8.0, color=QUIET, linespacing=1.35
        )
