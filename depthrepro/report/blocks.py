"""Rows and published numbers put side by side: one block per data set, scale and protocol, never a mix of them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from depthrepro.core.metric_names import METRICS
from depthrepro.core.protocol import read_protocol
from depthrepro.report.paper import Ours, PaperTable
from depthrepro.report.rows import set_of

BLOCK_KEYS = ["data", "synthetic", "fingerprint", "scale", "protocol", "images", "variant"]
CHECKPOINTS = ("last", "best")
SYNTHETIC = "Synthetic data, not photographs"
Records = list[dict[Any, Any]]  # rows as `rows.ROW_COLUMNS`


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
        seed_values: By metric key, each seed's value in the order of `seeds`; levels only.
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
    seed_values: dict[str, tuple[float, ...]] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)


@dataclass
class Block:
    """The part of a table that one data set, scale and protocol fill.

    Attributes:
        keys: Values of `BLOCK_KEYS`, the same for every run of the block.
        runs: One record per run (`rows.RUN_COLUMNS`), in the order of the table's rows, then of seeds.
        superseded: Runs left out because a newer one has the same experiment, overrides and seed.
        lines: Lines by checkpoint, in the paper's order, baselines last.
        pool: Names of the data sets that are one here (`pools`); () = one data set.
    """

    keys: dict[str, Any]
    runs: pd.DataFrame
    superseded: list[str]
    lines: dict[str, list[Line]]
    pool: tuple[str, ...] = ()

    @property
    def checkpoint(self) -> str:
        """The checkpoint that figures show: the last, or the best where a run kept no other; "" without lines."""
        return next(iter(self.lines), "")

    @property
    def shown(self) -> list[Line]:
        """The lines at that checkpoint."""
        return self.lines.get(self.checkpoint, [])

    @property
    def title(self) -> str:
        """Data set and scale, and what was changed on the command line if anything was."""
        changed = f" · {self.keys['variant']}" if self.keys["variant"] else ""
        return f"{self.keys['data']} · scale {self.keys['scale']}{changed}"

    @property
    def synthetic(self) -> bool:
        """Whether the numbers were measured on synthetic data."""
        return bool(self.keys["synthetic"])

    @property
    def test(self) -> str:
        """Name of the test set in the runs' configuration; "" where a run has only its own."""
        return set_of(str(self.runs["run"].iloc[0]))

    @property
    def slug(self) -> str:
        """File-name part that no other block has."""
        words = " ".join([self.keys["data"], self.keys["scale"], self.keys["variant"]]).lower()
        everything = "\n".join(str(self.keys[key]) for key in BLOCK_KEYS)
        digest = hashlib.sha256(everything.encode()).hexdigest()[:8]
        return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:48].rstrip("-") + f"-{digest}"

    @property
    def protocol(self) -> str:
        """The protocol in one line."""
        return read_protocol(json.loads(self.keys["protocol"])).describe()

    @property
    def seeds(self) -> list[int]:
        """Seeds of all runs, sorted."""
        return sorted(set(self.runs["seed"].tolist()))


def build_blocks(table: PaperTable, rows: pd.DataFrame) -> list[Block]:
    """Put the runs of a table's experiments, of all `rows` as `rows.load_runs` gives them, beside its published rows.

    Plain runs come before changed ones, the paper's scale before the demo's, real data before synthetic.
    """
    mine = rows_of(table, rows)
    blocks = [
        block_of(table, dict(zip(BLOCK_KEYS, values, strict=True)), group)
        for values, group in mine.groupby(BLOCK_KEYS, sort=True)
    ]
    return sorted(
        blocks, key=lambda b: (b.keys["variant"] != "", b.keys["scale"] == "demo", b.synthetic, b.title, b.slug)
    )


def rows_of(table: PaperTable, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose experiment stands in the table on the data set that they were measured on."""
    pairs = zip(rows["experiment"], rows["run"], strict=True)
    return rows[np.array([table.measures(experiment, set_of(run)) for experiment, run in pairs], dtype=bool)]


def block_of(table: PaperTable, keys: dict[str, Any], rows: pd.DataFrame, pool: tuple[str, ...] = ()) -> Block:
    """The block of rows that share `keys`."""
    runs = rows.drop_duplicates("run").sort_values(["experiment", "seed", "created", "run"])
    newest = runs.drop_duplicates(["experiment", "seed"], keep="last")
    superseded = sorted(set(runs["run"]) - set(newest["run"]))
    records = rows[rows["run"].isin(newest["run"])].to_dict("records")  # a frame takes 100 times longer to look in
    test = set_of(str(newest["run"].iloc[0]))
    kept = [name for name in CHECKPOINTS if any(record["checkpoint"] == name for record in records)]
    lines = {name: _lines(table, records, name, test) for name in kept}
    place = {name: index for index, name in enumerate(table.experiments)}
    newest = newest.sort_values(["experiment", "seed"], key=lambda c: c.map(place) if c.name == "experiment" else c)
    return Block(keys, newest.reset_index(drop=True), superseded, lines, pool)


def _lines(table: PaperTable, rows: Records, checkpoint: str, test: str) -> list[Line]:
    lines: list[Line] = []
    for row in table.rows:
        if not row.belongs(test):
            continue
        values = {key: Value(value) for key, value in row.published(test).items()}
        ours = None if row.published_only else _our_line(row.label, row.ours, rows, checkpoint)
        if row.sets and not values and (ours is None or ours.missing):
            continue  # somebody's network that neither the paper nor anyone here has measured on this set
        if values or row.ours is None:
            lines.append(Line(row.label, "paper", resolution=row.resolution, values=values))
        if ours is not None:
            lines.append(ours)
    shown = {row.ours.baseline for row in table.rows if row.ours}
    for name, label in table.baselines.items():
        if name not in shown:
            line = _our_line(label, Ours(baseline=name), rows, checkpoint)
            if not (test and line.missing):  # one test set has stereo, another has not
                lines.append(line)
    _mark(lines, table.metrics)
    return lines


def _our_line(label: str, ours: Ours | None, rows: Records, checkpoint: str) -> Line:
    if ours is None:
        return Line(label, "level", missing=True)
    role, method = ("baseline", ours.baseline) if ours.baseline else ("level", ours.level or "")
    found = [row for row in rows if row["kind"] == role and row["method"] == method]
    if role == "level":
        found = [row for row in found if row["checkpoint"] == checkpoint]
    if ours.experiment:  # the first that has run on this data
        there = {row["experiment"] for row in found}
        measured = next((name for name in ours.experiment if name in there), "")
        found = [row for row in found if row["experiment"] == measured]
    if not found:
        return Line(label, role, method, missing=True)
    found.sort(key=lambda row: row["seed"])
    columns = {key: [float(row[key]) for row in found] for key in METRICS}
    known = {key: values for key, values in columns.items() if not np.isnan(values).any()}
    sizes = {(int(row["height"]), int(row["width"])) for row in found if row["height"] == row["height"]}
    return Line(
        label,
        role,
        method,
        resolution=sizes.pop() if len(sizes) == 1 else None,
        values={key: _over_seeds(np.array(values), fixed=role == "baseline") for key, values in known.items()},
        seeds=tuple(row["seed"] for row in found) if role == "level" else (),
        runs=tuple(row["run"] for row in found),
        seed_values={key: tuple(values) for key, values in known.items()} if role == "level" else {},
    )


def _over_seeds(values: np.ndarray, *, fixed: bool) -> Value:
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
