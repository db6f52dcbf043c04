"""Confusion of a classifier: a panel for every row of a table, summed over its seeds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from depthrepro.core.errors import UserError
from depthrepro.report.blocks import Block
from depthrepro.report.csv_tables import check_numbers, read_table
from depthrepro.report.figures import layout, series, style

FILE = "confusion.csv"
NAMED = 20  # classes whose names have room at the axis
INCHES = 2.6  # of a panel


def read_confusion(path: Path) -> pd.DataFrame:
    """Counts by true class (rows) and answer (columns).

    Raises:
        UserError: If the file is damaged.
    """
    how_to_fix = "repeat the run with force=true"
    frame = read_table(path, how_to_fix, index_col="class")
    if list(frame.index) != list(frame.columns):
        raise UserError(f"{path}: its rows and columns name different classes; {how_to_fix}")
    check_numbers(frame, frame.columns, path, how_to_fix, filled=frame.columns)
    return frame


def draw_confusion(rows: Mapping[str, Sequence[Path]], title: str, note: str = "") -> Figure | None:
    """One panel a row: of the images of each class, the share that each class was answered for.

    Args:
        rows: Title of each panel → files to add up.
        title: Heading.
        note: Line below it.

    Returns:
        None if there is nothing to draw.
    """
    tables = {name: reduce(pd.DataFrame.add, map(read_confusion, paths)) for name, paths in rows.items() if paths}
    if not tables:
        return None
    columns = 2 if len(tables) == 4 else min(len(tables), 3)  # four as a square
    names = list(next(iter(tables.values())).index)
    if len(names) > NAMED:
        names = []
    left, bottom = (0.95, 0.95) if names else (0.35, 0.35)
    note = f"{note} Rows: what the image shows; columns: the answer; dark: all images of the class.".strip()
    body = -(-len(tables) // columns) * (INCHES + 0.5) + bottom
    width = max(style.WIDTH, left + columns * (INCHES + 0.2))
    with style.titled(body, title, note, width, style.PRINT_DPI) as (fig, head):
        panels = layout.panel_grid(fig, len(tables), columns)
        style.margins(fig, left=left, right=0.1, top=head + 0.45, bottom=bottom, hspace=0.22, wspace=0.08)
        for number, (panel, (name, counts)) in enumerate(zip(panels, tables.items(), strict=True)):
            shares = counts.to_numpy(dtype=float)
            shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
            panel.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
            panel.set_title(textwrap.fill(name, 34), fontsize=9, loc="left")
            across = names if number + columns >= len(tables) else []  # none where a title below would be in the way
            down = names if number % columns == 0 else []
            panel.set_xticks(range(len(across)), across, rotation=90, fontsize=7)
            panel.set_yticks(range(len(down)), down, fontsize=7)
    return fig


def draw_rows_confusion(block: Block, folders: dict[str, Path]) -> Figure | None:
    """The rows of a table side by side, each summed over its seeds; None unless runs are on this machine."""
    rows = {
        line.label: [folders[run] / FILE for run in line.runs if run in folders and (folders[run] / FILE).is_file()]
        for line in series.our_lines(block)
    }
    return draw_confusion(rows, f"Confusion of classes: {block.title}", series.scope(block))
