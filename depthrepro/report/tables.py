"""Tables as Markdown and CSV (LaTeX: latex.py), each block with what its numbers mean and where they come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.claims import Verdict, describe, overall, word
from depthrepro.report.paper import PaperTable
from depthrepro.report.published import TITLE, published_sets
from depthrepro.report.rows import Unfinished, training_of

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


def caption(block: Block) -> list[tuple[str, str]]:
    """(topic, sentence) pairs that belong under a block's tables."""
    first = block.runs.iloc[0]
    counts, files = (
        ", ".join(f"{name} {count}" for name, count in json.loads(first[column]).items())
        for column in ("counts", "encodings")
    )
    images = f"{block.keys['images']} test images scored"
    if first["unscored"]:
        images += f", {first['unscored']} more have no ground truth"
    if first["expected"] > first["images"] + first["unscored"]:
        images += f", a part of the split's {first['expected']}"
    many = len(block.seeds) > 1
    spread = "cells are mean ± standard deviation (n − 1) over n seeds" if many else "one seed, so no spread"
    rendered = ("Rendered data, not photographs", "these numbers say nothing about the error on real images.")
    return [
        ("Data", f"{block.keys['data']}, fingerprint {block.keys['fingerprint']}; {counts}; files: {files}."),
        *([rendered] if block.synthetic else []),
        ("Scale", f"{block.keys['scale']}."),
        ("Protocol", f"{block.protocol}."),
        ("Images", f"{images}; each metric is taken per image, then averaged over images."),
        ("Seeds", f"{', '.join(map(str, block.seeds))}; {spread}. Baselines do not depend on the seed."),
    ]


def provenance(block: Block) -> pd.DataFrame:
    """Where every line of ours comes from: one row per run."""
    fed: dict[str, list[str]] = {}
    for line in next(iter(block.lines.values())):
        for run in line.runs:
            fed.setdefault(run, []).append(line.label)
    table = block.runs[["run", "seed", "config_hash", "commit", "run_id"]].copy()
    table.insert(0, "rows", [", ".join(fed.get(run, [])) for run in table["run"]])
    return table


def origin_lines(block: Block) -> list[list[str]]:
    """Where every line of ours comes from, seeds together: row, seeds, config hash, commit, run folder.

    (One configuration has a hash per seed; table.csv has them all, and the MLflow run ids.)
    """
    lines = []
    for line in next(iter(block.lines.values())):
        if line.role == "level" and not line.missing:
            runs = block.runs[block.runs["run"].isin(line.runs)]
            folder = runs["run"].map(training_of).str.replace(r"seed=\d+$", "seed=*", regex=True).unique()
            own = [
                " ".join(map(str, line.seeds)),
                *(" ".join(dict.fromkeys(runs[c])) for c in ("config_hash", "commit")),
            ]
            lines.append([line.label, *own, " ".join(folder)])
    return lines


def markdown(
    table: PaperTable,
    blocks: list[Block],
    verdicts: dict[str, list[Verdict]],
    unfinished: list[Unfinished],
    figures: dict[str, dict[str, str]],
) -> str:
    """The whole of table.md.

    Args:
        table: The published side.
        blocks: Filled blocks.
        verdicts: Verdicts of each block, by its slug.
        unfinished: Runs of this table that are not done.
        figures: Paths of the figures of each block as the file links them, by the block's slug.
    """
    paper = f"Paper: {table.cite}, measured on {table.data}: {table.protocol} {table.source}"
    parts = [f"# {table.title}", paper]
    if published := published_sets(table):
        parts += [f"## {TITLE}", pipe_table(published.header, published.body(GAP), text_columns=1)]
    for block in blocks:
        parts += [f"## {block.title}", f"Fingerprint {block.keys['fingerprint']}; {block.protocol}."]
        parts += [claims_markdown(table, verdicts.get(block.slug, [])), *block_markdown(table, block)]
        parts += [f"![{alt}: {block.title}]({name})" for alt, name in figures.get(block.slug, {}).items()]
    notes = [*table.notes, *(f"{row.label}: {row.note}" for row in table.rows if row.note)]
    if notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in notes))
    if unfinished:
        parts.append("## Runs without numbers yet\n\n" + "\n".join(f"- `{u.run}`: {u.state}" for u in unfinished))
    return "\n\n".join(parts) + "\n"


def claims_markdown(table: PaperTable, verdicts: list[Verdict]) -> str:
    """The claims with their verdicts, one line per metric."""
    lines = []
    for claim in table.claims:
        mine = [verdict for verdict in verdicts if verdict.claim == claim]
        if mine:
            lines.append(f"- {claim.text}: **{word(overall(mine), claim)}**")
            lines += [f"    - {describe(verdict)}" for verdict in mine]
    return "\n".join(["### Claims", "", *lines]) if lines else ""


def block_markdown(table: PaperTable, block: Block) -> list[str]:
    """Tables, caption and provenance of one block, as Markdown paragraphs."""
    parts = []
    for checkpoint in block.lines:
        body = [[_emphasised(cell) for cell in row] for row in grid(table, block, checkpoint)]
        parts += [f"### {CHECKPOINT_TITLES[checkpoint]}", pipe_table(header(table), body, text_columns=3)]
    marks = ("Marks", f"**best** and *second best* of our outputs; {GAP} not in the paper; {MISSING}: no finished run.")
    parts.append("\n".join(f"- **{topic}**: {text}" for topic, text in [*caption(block), marks]))
    parts.append(pipe_table(["Row", "Seeds", "Config", "Commit", "Runs"], origin_lines(block), text_columns=5))
    if block.superseded:
        parts.append(
            f"Left out, a newer run has the same experiment, settings and seed: {', '.join(block.superseded)}."
        )
    return parts


def pipe_table(titles: list[str], body: list[list[str]], text_columns: int) -> str:
    """A Markdown table whose columns also line up in a terminal; the first `text_columns` are left-aligned."""
    body = [[cell.replace("|", "\\|") for cell in row] for row in body]
    widths = [max(3, *(len(row[i]) for row in [titles, *body])) for i in range(len(titles))]

    def line(cells: list[str]) -> str:
        padded = [
            c.ljust(w) if i < text_columns else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = [":" + "-" * (w - 1) if i < text_columns else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(titles), line(rule), *map(line, body)])


def csv_frame(table: PaperTable, blocks: list[Block]) -> pd.DataFrame:
    """Every line of every block, unrounded; an empty cell is a gap or missing (the column `missing` says which)."""
    records = []
    for block in blocks:
        for checkpoint, lines in block.lines.items():
            records += [_record(table, block, checkpoint, line) for line in lines]
    frame = pd.DataFrame(records)
    whole = ["images", "height", "width", "n"]
    return frame.astype(dict.fromkeys(whole, "Int64"))  # 22, not 22.0, although some cells are empty


def _record(table: PaperTable, block: Block, checkpoint: str, line: Line) -> dict[str, Any]:
    ours = line.role != "paper"
    runs = block.runs[block.runs["run"].isin(line.runs)]
    record: dict[str, Any] = {
        "table": table.name,
        "row": line.label,
        "source": "ours" if ours else "paper",
        "kind": line.role,
        "checkpoint": checkpoint,
        "data": block.keys["data"] if ours else table.data,
        "synthetic": block.synthetic if ours else False,
        "fingerprint": block.keys["fingerprint"] if ours else "",
        "beside": f"{block.keys['data']} {block.keys['fingerprint']}",
        "scale": block.keys["scale"],
        "changed": block.keys["variant"],
        "protocol": block.protocol if ours else table.protocol,
        "images": block.keys["images"] if ours else None,
        "height": line.resolution[0] if line.resolution else None,
        "width": line.resolution[1] if line.resolution else None,
        "missing": line.missing,
        "n": len(line.seeds) or None,
        "seeds": " ".join(map(str, line.seeds)),
    }
    for key in table.metrics:
        value = line.values.get(key)
        record |= {key: value.mean if value else None, f"{key}_std": value.std if value else None}
    origin = {"runs": "run", "config_hashes": "config_hash", "commits": "commit", "run_ids": "run_id"}
    return record | {name: " ".join(dict.fromkeys(runs[column])) for name, column in origin.items()}


def _emphasised(cell: Cell) -> str:
    return {0: cell.text, 1: f"**{cell.text}**", 2: f"*{cell.text}*"}[cell.mark]
