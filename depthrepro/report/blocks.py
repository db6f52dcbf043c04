"""Rows and published numbers put side by side: one block per data set, scale and protocol, never a mix of them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from depthrepro.evaluation.protocol import Protocol
from depthrepro.report.paper import Ours, PaperTable
from depthrepro.results import METRICS

BLOCK_KEYS = ["data", "embedded", "fingerprint", "scale", "protocol", "images", "variant"]
CHECKPOINTS = ("last", "best")


@dataclass(frozen=True)
class Value:
    """Mean over seeds and, from two seeds on, their standard deviation (n - 1)."""

    mean: float
    std: float | None = None


@dataclass
class Line:
    """One line of a table.

    Attributes:
        label: The row's name.
        role: "paper", "level" (a network of ours) or "baseline".
        method: Our level or baseline by its name in the run; "" for the paper's lines.
        resolution: (height, width) of the output in pixels; None where it is blank.
        values: By metric key; a metric the paper leaves out is absent.
        missing: True where a number of ours belongs and no finished run gives it.
        seeds: Seeds of the runs behind the line, sorted; baselines have none (they do not depend on the seed).
        runs: Directories of the runs behind the line.
        marks: 1 for the best and 2 for the second best of our levels, by metric key.
    """

    label: str
    role: str
    method: str = ""
    resolution: tuple[int, int] | None = None
    values: dict[str, Value] = field(default_factory=dict)
    missing: bool = False
    seeds: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()
    marks: dict[str, int] = field(default_factory=dict)


@dataclass
class Block:
    """The part of a table that one data set, scale and protocol fill.

    Attributes:
        keys: Values of `BLOCK_KEYS`, the same for every run of the block.
        main: The experiment whose levels fill the rows; "" where every row names its own.
        runs: One record per run (`rows.RUN_COLUMNS`), sorted by experiment and seed.
        superseded: Runs left out because a newer one has the same experiment, overrides and seed.
        lines: Lines by checkpoint, in the paper's order, baselines last.
    """

    keys: dict[str, Any]
    main: str
    runs: pd.DataFrame
    superseded: list[str]
    lines: dict[str, list[Line]]

    @property
    def title(self) -> str:
        """Data set and scale, and what was changed on the command line if anything was."""
        changed = f" · {self.keys['variant']}" if self.keys["variant"] else ""
        return f"{self.keys['data']} · scale {self.keys['scale']}{changed}"

    @property
    def embedded(self) -> bool:
        """Whether the numbers were measured on rendered data."""
        return bool(self.keys["embedded"])

    @property
    def slug(self) -> str:
        """File-name part that tells this block from every other."""
        words = " ".join([self.keys["data"], self.keys["scale"], self.keys["variant"]]).lower()
        everything = "\n".join([self.main, *(str(self.keys[key]) for key in BLOCK_KEYS)])
        digest = hashlib.sha256(everything.encode()).hexdigest()[:8]
        return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:48].rstrip("-") + f"-{digest}"

    @property
    def protocol(self) -> str:
        """The protocol in one line."""
        return Protocol.from_dict(json.loads(self.keys["protocol"])).describe()

    @property
    def seeds(self) -> list[int]:
        """Seeds of all runs, sorted."""
        return sorted(set(self.runs["seed"].tolist()))


def build_blocks(table: PaperTable, rows: pd.DataFrame) -> list[Block]:
    """Put the runs of a table's experiments beside its published rows.

    Args:
        table: The published side.
        rows: All rows, as `rows.load_runs` gives them.

    Returns:
        Blocks; plain runs before changed ones, then in the order of the table's experiments.
    """
    mine = rows[rows["experiment"].isin(table.all_experiments)]
    blocks: list[Block] = []
    for values, group in mine.groupby(BLOCK_KEYS, sort=True):
        keys = dict(zip(BLOCK_KEYS, values, strict=True))
        # An experiment whose levels fill all rows makes a block of its own; runs of single rows join each of them.
        mains = [name for name in table.experiments if name not in table.row_experiments]
        for main in [name for name in mains if (group["experiment"] == name).any()] or [""]:
            chosen = group[group["experiment"].isin({main, *table.row_experiments})]
            blocks.append(_block(table, keys, main, chosen))
    order = {name: index for index, name in enumerate(table.all_experiments)}
    return sorted(blocks, key=lambda b: (b.keys["variant"] != "", order.get(b.main, 0), b.embedded, b.title, b.slug))


def _block(table: PaperTable, keys: dict[str, Any], main: str, rows: pd.DataFrame) -> Block:
    runs = rows.drop_duplicates("run").sort_values(["experiment", "seed", "created", "run"])
    newest = runs.drop_duplicates(["experiment", "seed"], keep="last")
    superseded = sorted(set(runs["run"]) - set(newest["run"]))
    rows = rows[rows["run"].isin(newest["run"])]
    lines = {name: _lines(table, main, rows, name) for name in CHECKPOINTS if (rows["checkpoint"] == name).any()}
    return Block(keys, main, newest.reset_index(drop=True), superseded, lines)


def _lines(table: PaperTable, main: str, rows: pd.DataFrame, checkpoint: str) -> list[Line]:
    lines: list[Line] = []
    for row in table.rows:
        values = {key: Value(value) for key, value in row.paper.items()}
        lines.append(Line(row.label, "paper", resolution=row.resolution, values=values))
        if not row.published_only:
            lines.append(_our_line(row.label, row.ours, main, rows, checkpoint))
    shown = {row.ours.baseline for row in table.rows if row.ours}
    for name, label in table.baselines.items():
        if name not in shown:
            lines.append(_our_line(label, Ours(baseline=name), main, rows, checkpoint))
    _mark(lines, table.metrics)
    return lines


def _our_line(label: str, ours: Ours | None, main: str, rows: pd.DataFrame, checkpoint: str) -> Line:
    if ours is None:
        return Line(label, "level", missing=True)
    role, method = ("baseline", ours.baseline) if ours.baseline else ("level", ours.level or "")
    found = rows[(rows["kind"] == role) & (rows["method"] == method)]
    if role == "level":
        found = found[(found["checkpoint"] == checkpoint) & (found["experiment"] == (ours.experiment or main))]
    elif ours.experiment:
        found = found[found["experiment"] == ours.experiment]
    if found.empty:
        return Line(label, role, method, missing=True)
    values = {key: _over_seeds(found[key], fixed=role == "baseline") for key in METRICS}
    sizes = {(int(h), int(w)) for h, w in zip(found["height"], found["width"], strict=True) if h == h}
    return Line(
        label,
        role,
        method,
        resolution=sizes.pop() if len(sizes) == 1 else None,
        values=values,
        seeds=tuple(sorted(found["seed"].tolist())) if role == "level" else (),
        runs=tuple(found["run"].tolist()),
    )


def _over_seeds(values: pd.Series, *, fixed: bool) -> Value:
    """Mean and spread; a fixed number (a baseline) has a spread only if its runs disagree."""
    mean = float(values.mean())
    disagree = float(values.max() - values.min()) > 1e-9 * max(1.0, abs(mean))
    return Value(mean, float(values.std(ddof=1)) if len(values) > 1 and (disagree or not fixed) else None)


def _mark(lines: list[Line], metrics: tuple[str, ...]) -> None:
    """Mark the best and second best of our levels, as printed: what reads the same ranks the same."""
    levels = [line for line in lines if line.role == "level" and not line.missing]
    for key in metrics if len(levels) > 1 else ():
        metric = METRICS[key]
        printed = {id(line): round(line.values[key].mean, metric.digits) for line in levels}
        ranked = sorted(set(printed.values()), reverse=metric.higher_is_better)[:2]
        if len(ranked) == 1:  # all read the same: there is no best
            continue
        for line in levels:
            if printed[id(line)] in ranked:
                line.marks[key] = ranked.index(printed[id(line)]) + 1
