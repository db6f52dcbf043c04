"""What a classifier takes for what: a picture for every row of a table, summed over its seeds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd

from depthrepro.core.errors import UserError
from depthrepro.report.blocks import Block
from depthrepro.report.figures import style
from depthrepro.report.figures.series import our_lines, scope
from depthrepro.report.paper import PaperTable

FILE = "confusion.csv"
_NAMED = 20  # classes whose names have room at the axis
_INCHES = 2.6


def read_confusion(path: Path) -> pd.DataFrame:
    """Counts by true class (rows) and answer (columns).

    Raises:
        UserError: If the file is damaged.
    """
    try:
        frame = pd.read_csv(path, index_col="class")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as a table ({error}); repeat the run with force=true") from None
    if list(frame.index) != list(frame.columns):
        raise UserError(f"{path}: its rows and columns name different classes; repeat the run with force=true")
    return frame


def draw_confusion(rows: Mapping[str, Sequence[Path]], out_png: Path, title: str, note: str = "") -> Path | None:
    """One panel a row: of the images of each class, the share that each class was answered for.

    Args:
        rows: Title of each panel → files to add up.
        out_png: File to write.
        title: Heading.
        note: Line below it.

    Returns:
        `out_png`; None if there is nothing to draw.
    """
    tables = {name: reduce(pd.DataFrame.add, map(read_confusion, paths)) for name, paths in rows.items() if paths}
    if not tables:
        return None
    columns = 2 if len(tables) == 4 else min(len(tables), 3)  # four as a square
    down = math.ceil(len(tables) / columns)
    names = next(iter(tables.values())).index
    named = len(names) <= _NAMED
    left, bottom = (0.95, 0.95) if named else (0.35, 0.35)
    note = f"{note} Rows: what the image shows; columns: the answer; dark: all images of the class.".strip()
    body = down * (_INCHES + 0.5) + bottom
    with style.titled(body, title, note, width=max(style.WIDTH, left + columns * (_INCHES + 0.2))) as (fig, head):
        axes = np.atleast_1d(fig.subplots(down, columns, squeeze=False)).ravel()
        style.margins(fig, left=left, right=0.1, top=head + 0.45, bottom=bottom, hspace=0.22, wspace=0.08)
        for number, (panel, (name, counts)) in enumerate(zip(axes, tables.items(), strict=False)):
            shares = counts.to_numpy(dtype=float)
            shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
            panel.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
            panel.set_title(textwrap.fill(name, 34), fontsize=9, loc="left")
            lowest = named and number + columns >= len(tables)  # none below whose title would be in the way
            panel.set_xticks(range(len(names)) if lowest else [], names if lowest else [], rotation=90, fontsize=7)
            labelled = named and number % columns == 0
            panel.set_yticks(range(len(names)) if labelled else [], names if labelled else [], fontsize=7)
        for panel in axes[len(tables) :]:
            panel.set_visible(False)
        return style.save(fig, out_png)


def draw_block_confusion(table: PaperTable, block: Block, folders: dict[str, Path], out_png: Path) -> Path | None:
    """The rows of a table side by side, each summed over its seeds; None unless runs are on this machine."""
    rows = {
        line.label: [folders[run] / FILE for run in line.runs if run in folders and (folders[run] / FILE).is_file()]
        for line in our_lines(block)
    }
    return draw_confusion(rows, out_png, f"What is taken for what: {block.title}", scope(block))
