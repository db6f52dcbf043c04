"""Numbers that a paper published on several test sets, side by side, whichever of them was measured on here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from depthrepro.core.metric_names import METRICS
from depthrepro.report.paper import PaperTable

TITLE = "As published, by test set"
# Keys of the test sets in paper.yaml and conf/test, as the papers print them.
NAMES = {
    "ddad": "DDAD",
    "diode": "DIODE",
    "diode_outdoor": "DIODE outdoors",
    "eth3d": "ETH3D",
    "hypersim": "HyperSim",
    "ibims": "iBims-1",
    "kitti": "KITTI",
    "nyu": "NYUv2",
    "sintel": "Sintel",
    "sun_rgbd": "SUN RGB-D",
    "virtual_kitti2": "Virtual KITTI 2",
}


@dataclass(frozen=True)
class PublishedSets:
    """A table of published values: one column for each test set and metric.

    Attributes:
        columns: (test set, metric key) of each column, sets in the paper's order.
        rows: (label, values) of each row that has any; None where the paper has none.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]

    @property
    def header(self) -> list[str]:
        """Titles of all columns."""
        return ["Row", *(f"{name} {title}" for name, titles in self.groups for title in titles)]

    @property
    def groups(self) -> list[tuple[str, list[str]]]:
        """(test set, titles of its columns), for a header of two lines."""
        return [
            (NAMES.get(name, name), [f"{METRICS[key].label} {METRICS[key].arrow}" for _, key in columns])
            for name, columns in groupby(self.columns, key=lambda column: column[0])
        ]

    def body(self, gap: str) -> list[list[str]]:
        """The cells as text; `gap` where the paper has no number."""
        return [
            [label, *(gap if v is None else f"{v:.3f}" for v in values)]  # three digits, as all of these are printed
            for label, values in self.rows
        ]


def published_sets(table: PaperTable) -> PublishedSets | None:
    """The published side of a table over several test sets; None of a table over one."""
    found = [(name, key) for row in table.rows for name, values in row.sets.items() for key in values]
    sets = list(dict.fromkeys(name for name, _ in found))
    columns = tuple((name, key) for name in sets for key in table.metrics if (name, key) in found)
    rows = tuple(
        (row.label, tuple(row.sets.get(name, {}).get(key) for name, key in columns)) for row in table.rows if row.sets
    )
    return PublishedSets(columns, rows) if rows else None
