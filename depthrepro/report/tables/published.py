"""Numbers that a paper published on several test sets, side by side, whichever of them was measured on here."""

from __future__ import annotations

from dataclasses import dataclass

from depthrepro.core.metric_names import METRICS
from depthrepro.report.paper import PaperTable
from depthrepro.report.tables.cells import GAP

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
        groups: (test set, titles of its columns), sets in the paper's order; a header of two lines.
        body: The cells as text, of each row that has any value; a dash where the paper has none.
    """

    groups: list[tuple[str, list[str]]]
    body: list[list[str]]

    @property
    def header(self) -> list[str]:
        """Titles of all columns in one line."""
        return ["Row", *(f"{name} {title}" for name, titles in self.groups for title in titles)]


def published_sets(table: PaperTable) -> PublishedSets | None:
    """The published side of a table over several test sets; None of a table over one."""
    found = dict.fromkeys((name, key) for row in table.rows for name, values in row.sets.items() for key in values)
    if not found:
        return None
    by_set = {name: [key for key in table.metrics if (name, key) in found] for name, _ in found}
    body = []
    for row in table.rows:
        if row.sets:
            values = [row.sets.get(name, {}).get(key) for name, keys in by_set.items() for key in keys]
            # Three digits, as all of these are printed.
            body.append([row.label, *(GAP if value is None else f"{value:.3f}" for value in values)])
    titles = {key: f"{METRICS[key].label} {METRICS[key].arrow}" for key in table.metrics}
    return PublishedSets([(NAMES.get(n, n), [titles[key] for key in keys]) for n, keys in by_set.items()], body)
