"""The published side of a table: experiments/<table>/paper.yaml, checked when it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.core.reading import reading, reason
from depthrepro.report.typed_values import build, check_types, mapping, numbers

PUBLISHED_ONLY = "none"  # `ours: none`: the paper quotes somebody else's method, which nobody here runs
ASKERS = ("", "us")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, eight times faster, where it was built


@dataclass(frozen=True)
class Ours:
    """The number of ours that stands beside a published row.

    Attributes:
        level: Output level of the network, such as "L12"; or
        baseline: a baseline's name, such as "mean_map".
        experiment: The experiments that measure this row, on one data set or another; a baseline needs none.
    """

    level: str | None = None
    baseline: str | None = None
    experiment: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperRow:
    """One row of the published table.

    Attributes:
        label: As the paper prints it, without "Ours".
        paper: Published values by metric key; a metric the paper leaves out is absent.
        resolution: (height, width) of the paper's output in pixels, None where the table leaves it blank.
        ours: What of ours stands beside it; None while nothing does, which prints as "missing".
        published_only: True where nothing of ours is meant to stand beside it.
        note: One sentence about the row.
        source: Where the row's figures were read.
        sets: Published values by test set, then by metric key, of a table over several sets.
        tests: Test sets that the row belongs to; empty = every one that the table is over.
    """

    label: str
    paper: dict[str, float]
    resolution: tuple[int, int] | None = None
    ours: Ours | None = None
    published_only: bool = False
    note: str = ""
    source: str = ""
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    tests: tuple[str, ...] = ()

    def belongs(self, test: str) -> bool:
        """Whether the row is one of the table on a test set."""
        return not self.tests or test in self.tests

    def published(self, test: str) -> dict[str, float]:
        """Published values on a test set; those of a table over one set stand beside every set."""
        return self.sets.get(test, {}) if test and self.sets else self.paper


@dataclass(frozen=True)
class Claim:
    """A comparison that the paper's table makes: row `better` beats row `worse` in every one of `metrics`.

    Attributes:
        text: The claim, or the question, in a line.
        better: Label of the row, or name of the baseline, that is to be better.
        worse: The one it is compared with.
        metrics: Metric keys.
        source: Where it stands.
        asked_by: "" for the paper, "us" for a question of ours that the paper leaves open.
    """

    text: str
    better: str
    worse: str
    metrics: tuple[str, ...]
    source: str = ""
    asked_by: str = ""


@dataclass(frozen=True)
class PaperTable:
    """Everything published about one table, and how ours goes beside it.

    Attributes:
        name: The table's folder, such as "garg_resolution".
        title: For headings; the paper, a colon, the subject.
        cite: The paper, with its arXiv number.
        source: How the figures were taken from it.
        data: The data set of the published rows, in a word or two ("KITTI").
        protocol: How the published rows were measured, as far as it is known.
        command: What to type to get its runs.
        metrics: Metric keys in the paper's column order.
        rows: Published rows in the paper's order.
        baselines: Labels of the baselines that close the table, by name.
        plot: Metrics that are plotted; empty = no plot.
        effect_of: What the rows vary, for the plot's title ("augmentation"); empty where they are output levels.
        notes: Sentences under every table.
        claims: The table's claims.
        short: Its name in the page's navigation; by default `name`.
        nearest: For a test set that the paper does not have, the published set whose difference stands beside ours.
        pools: Data sets that are decided on together: name of the pool -> names of the data sets.
        also: Test sets on which the rows are shown as on the runs' own test images, of a table over one set.
    """

    name: str
    title: str
    cite: str
    source: str
    data: str
    protocol: str
    command: str
    metrics: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    baselines: dict[str, str] = field(default_factory=dict)
    plot: tuple[str, ...] = ()
    effect_of: str = ""
    notes: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    short: str = ""
    nearest: dict[str, str] = field(default_factory=dict)
    pools: dict[str, tuple[str, ...]] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    @property
    def paper(self) -> str:
        """The title's paper, such as "Garg et al. 2016"."""
        return re.split("[:,]", self.title)[0]

    @property
    def experiments(self) -> tuple[str, ...]:
        """Experiments whose runs feed the table, in the order of its rows."""
        return tuple(dict.fromkeys(name for row in self.rows if row.ours for name in row.ours.experiment))

    @property
    def over_sets(self) -> bool:
        """Whether the table is over several test sets; else what a run is scored on itself stands in it, and `also`."""
        return any(row.sets or row.tests for row in self.rows)

    def measures(self, experiment: str, test: str) -> bool:
        """Whether an experiment's numbers on a test set stand in the table."""
        if test and not self.over_sets and test not in self.also:
            return False
        return any(row.ours and experiment in row.ours.experiment and row.belongs(test) for row in self.rows)

    def asks(self, claim: Claim, test: str) -> bool:
        """Whether both sides of a claim belong to the table on a test set."""
        sides = (self.row(claim.better), self.row(claim.worse))
        return all(row is None or row.belongs(test) for row in sides)

    def row(self, label: str) -> PaperRow | None:
        """The row of that label; None if it names a baseline."""
        return next((row for row in self.rows if row.label == label), None)


def find_tables(experiments: Path) -> list[str]:
    """Names of the tables that have a paper.yaml."""
    return sorted(path.parent.name for path in experiments.glob("*/paper.yaml"))


def load_paper(path: Path) -> PaperTable:
    """Read and check one paper.yaml.

    Raises:
        UserError: If the file is absent, damaged, misspelt, or names a metric or row that does not exist.
    """
    missing = "not found; a table needs its published rows there"
    with reading(path, missing=missing, fix="correct it"):
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    try:
        content = {**mapping(content, "the file"), "name": path.parent.name}
        content["rows"] = tuple(_row(row) for row in content.get("rows") or ())
        content["pools"] = _pools(content.get("pools"))
        content["claims"] = tuple(build(Claim, claim, "claim") for claim in content.get("claims") or ())
        table = build(PaperTable, content, "table")
        _check(table)
    except Exception as error:  # whatever a value of another type leads to, where no check foresaw it
        raise UserError(f"{path}: {reason(error)}") from None
    return table


def _pools(content: Any) -> dict[str, tuple[str, ...]]:
    pools = mapping(content or {}, "pools")
    if not all(isinstance(members, list) and len(set(map(str, members))) > 1 for members in pools.values()):
        raise ValueError("pools: each must be a list of two data sets or more")
    return {str(name): tuple(map(str, members)) for name, members in pools.items()}


def _row(content: Any) -> PaperRow:
    content = dict(mapping(content, "a row"))
    check_types(PaperRow, {"label": content.get("label")}, "a row")
    where = f"row {content.get('label')!r}"
    content["paper"] = numbers(content.get("paper"), where)
    sets = mapping(content.get("sets") or {}, where)
    content["sets"] = {str(name): numbers(values, f"{where}, set {name!r}") for name, values in sets.items()}
    if content.get("resolution") is not None:
        sides = content["resolution"]
        if not (isinstance(sides, list) and len(sides) == 2 and all(type(n) is int and n > 0 for n in sides)):
            raise ValueError(f"{where}: resolution must be [height, width] in pixels")
        content["resolution"] = tuple(sides)
    if content.get("ours") == PUBLISHED_ONLY:
        content.update(ours=None, published_only=True)
    elif content.get("ours") is not None:
        content["ours"] = _ours(content["ours"], where)
    return build(PaperRow, content, where)


def _ours(content: Any, where: str) -> Ours:
    named = mapping(content, where).get("experiment", [])
    ours = build(Ours, {**content, "experiment": [named] if isinstance(named, str) else list(named)}, where)
    if (ours.level is None) == (ours.baseline is None):
        raise ValueError(f"{where}: `ours` has either a level or a baseline")
    if ours.level and not ours.experiment:
        raise ValueError(f"{where}: `ours` names a level, but no experiment that measures it")
    return ours


def _check(table: PaperTable) -> None:
    labels = [row.label for row in table.rows]
    if not labels or len(set(labels)) != len(labels):
        raise ValueError("needs rows, each with a label of its own")
    for row in table.rows:
        strange = [name for name in row.sets if not row.belongs(name)]
        if strange:
            raise ValueError(f"row {row.label!r} has values on {strange[0]!r}, which is none of its tests")
    published = [values for row in table.rows for values in (row.paper, *row.sets.values())]
    used = [*table.metrics, *table.plot, *(key for values in published for key in values)]
    for key in [*used, *(key for claim in table.claims for key in claim.metrics)]:
        if key not in METRICS:
            raise ValueError(f"'{key}' is no metric; there are {', '.join(METRICS)}")
    for claim in table.claims:
        if claim.asked_by not in ASKERS:
            raise ValueError(f"claim {claim.text!r} is asked by {claim.asked_by!r}: write us, or leave it out")
        known = [*labels, *table.baselines]
        for label in (claim.better, claim.worse):
            if label not in known:
                raise ValueError(f"claim {claim.text!r} names the row {label!r}; there are {', '.join(known)}")
