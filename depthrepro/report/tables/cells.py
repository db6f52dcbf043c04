"""Cells of a table: the text of each, and which is marked as best or second best."""

from __future__ import annotations

from dataclasses import dataclass

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.paper import PaperTable

GAP = "–"  # the paper gives no number
MISSING = "missing"  # no finished run gives the number
CHECKPOINT_TITLES = {
    "last": "Last checkpoint (end of training)",
    "best": "Best checkpoint (chosen on the validation data)",
}


@dataclass(frozen=True)
class Cell:
    """Text of one cell and its mark: 0 none, 1 best, 2 second best."""

    text: str
    mark: int = 0


def header(table: PaperTable) -> list[str]:
    """Column titles; the metrics with their direction."""
    return ["Row", "Measured by, on", "Output", "n"] + [f"{METRICS[k].label} {METRICS[k].arrow}" for k in table.metrics]


def grid(table: PaperTable, block: Block, checkpoint: str) -> list[list[Cell]]:
    """The body of one table, cell by cell; a row's label stands only on its first line."""
    body: list[list[Cell]] = []
    last_label = None
    for line in block.lines[checkpoint]:
        label = "" if line.label == last_label else line.label
        last_label = line.label
        who = f"paper, {table.data}" if line.role == "paper" else f"ours, {block.keys['data']}"
        size = "{}×{}".format(*line.resolution) if line.resolution else ""
        lead = [label, who, size, str(len(line.seeds)) if line.seeds else ""]
        body.append([Cell(text) for text in lead] + [metric_cell(line, key) for key in table.metrics])
    return body


def metric_cell(line: Line, key: str) -> Cell:
    """Mean ± standard deviation in the metric's digits, a dash for the paper's gap, or "missing"."""
    if line.missing:
        return Cell(MISSING)
    if key not in line.values:
        return Cell(GAP)
    value, digits = line.values[key], METRICS[key].digits
    spread = "" if value.std is None else f" ± {value.std:.{digits}f}"
    return Cell(f"{value.mean:.{digits}f}{spread}", line.marks.get(key, 0))
