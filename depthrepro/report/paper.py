"""The published side of a table: experiments/<table>/paper.yaml, checked when it is read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from depthrepro.errors import UserError
from depthrepro.program import did_you_mean
from depthrepro.results import METRICS

PUBLISHED_ONLY = "none"  # `ours: none`: the paper quotes somebody else's method, which nobody here runs
T = TypeVar("T")


@dataclass(frozen=True)
class Ours:
    """Which of our numbers stands beside a published row.

    Attributes:
        level: Output level of the network, such as "L12"; or
        baseline: a baseline's name, such as "mean_map".
        experiment: The experiment that measures this row; without it, any experiment of the table.
    """

    level: str | None = None
    baseline: str | None = None
    experiment: str | None = None


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
    """

    label: str
    paper: dict[str, float]
    resolution: tuple[int, int] | None = None
    ours: Ours | None = None
    published_only: bool = False
    note: str = ""
    source: str = ""


@dataclass(frozen=True)
class Claim:
    """A comparison that the paper's table makes: row `better` beats row `worse` in every one of `metrics`."""

    text: str
    better: str
    worse: str
    metrics: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True)
class PaperTable:
    """Everything published about one table, and how ours goes beside it.

    Attributes:
        name: The table's folder, such as "garg_resolution".
        title: For headings.
        cite: The paper, with its arXiv number.
        source: How the figures were taken from it.
        data: The data set of the published rows, in a word or two ("KITTI").
        protocol: How the published rows were measured, as far as it is known.
        experiments: Names of the experiments whose runs feed the table, most wanted first.
        command: What to type to get a run.
        metrics: Metric keys in the paper's column order.
        rows: Published rows in the paper's order.
        baselines: Labels of the baselines that close the table, by name.
        plot: Metrics of the plot of error against resolution, over the rows called L9, L10...; empty = no plot.
        notes: Sentences under every table.
        claims: The table's claims.
    """

    name: str
    title: str
    cite: str
    source: str
    data: str
    protocol: str
    experiments: tuple[str, ...]
    command: str
    metrics: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    baselines: dict[str, str] = field(default_factory=dict)
    plot: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def all_experiments(self) -> tuple[str, ...]:
        """The table's experiments and those that single rows name."""
        return tuple(dict.fromkeys([*self.experiments, *sorted(self.row_experiments)]))

    @property
    def row_experiments(self) -> frozenset[str]:
        """Experiments that single rows name."""
        return frozenset(row.ours.experiment for row in self.rows if row.ours and row.ours.experiment)


def find_tables(experiments: Path) -> list[str]:
    """Names of the tables that have a paper.yaml."""
    return sorted(path.parent.name for path in experiments.glob("*/paper.yaml"))


def load_paper(path: Path) -> PaperTable:
    """Read and check one paper.yaml.

    Raises:
        UserError: If the file is absent, damaged, misspelt, or names a metric or row that does not exist.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; a table needs its published rows there") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from None
    try:
        content = {**_mapping(content, "the file"), "name": path.parent.name}
        content["rows"] = tuple(_row(row) for row in content.get("rows") or ())
        content["claims"] = tuple(_build(Claim, claim, "claim") for claim in content.get("claims") or ())
        table = _build(PaperTable, content, "table")
        _check(table)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return table


def _row(content: Any) -> PaperRow:
    content = dict(_mapping(content, "a row"))
    where = f"row {content.get('label')!r}"
    content["paper"] = {key: float(value) for key, value in _mapping(content.get("paper") or {}, where).items()}
    if content.get("resolution") is not None:
        height, width = content["resolution"]
        content["resolution"] = (int(height), int(width))
    if content.get("ours") == PUBLISHED_ONLY:
        content.update(ours=None, published_only=True)
    elif content.get("ours") is not None:
        content["ours"] = _build(Ours, content["ours"], where)
    return _build(PaperRow, content, where)


def _build(kind: type[T], content: Any, where: str) -> T:
    """`kind(**content)` with lists as tuples, and a misspelt or missing key named."""
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    content = _mapping(content, where)
    for key in content:
        if key not in known:
            raise ValueError(f"{where} has an unknown key {key!r}{did_you_mean(str(key), known)}")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in content.items()})
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).replace('__init__() ', '')}") from None


def _mapping(content: Any, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"{where} must be a mapping of keys to values")
    return content


def _check(table: PaperTable) -> None:
    labels = [row.label for row in table.rows]
    if not labels or len(set(labels)) != len(labels):
        raise ValueError("needs rows, each with a label of its own")
    used = [*table.metrics, *table.plot, *(key for row in table.rows for key in row.paper)]
    for key in [*used, *(key for claim in table.claims for key in claim.metrics)]:
        if key not in METRICS:
            raise ValueError(f"'{key}' is no metric; there are {', '.join(METRICS)}")
    for claim in table.claims:
        for label in (claim.better, claim.worse):
            if label not in labels:
                raise ValueError(f"claim {claim.text!r} names the row {label!r}; there are {', '.join(labels)}")
