"""Every verdict of a report in one list, with those of claims.csv that nothing was measured for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from depthrepro.report.claims import UNMEASURED, Verdict, with_published
from depthrepro.report.claims_file import AskedClaim, Key
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.paper import PaperTable


@dataclass(frozen=True)
class Answer:
    """One verdict, with where it belongs.

    Attributes:
        table: The table.
        data: Name of the data set.
        photographs: Whether that is photographs; else it is synthetic.
        verdict: The verdict: a claim in one metric.
        scale: "demo" or "paper"; "" where nothing was measured.
        changed: What was changed on the command line; "" for the rows as they are.
    """

    table: PaperTable
    data: str
    photographs: bool
    verdict: Verdict
    scale: str = ""
    changed: str = ""

    @property
    def asked_by(self) -> str:
        """Who asks: "paper", or "us"."""
        return self.verdict.claim.asked_by or "paper"


def answers(
    tables: Sequence[PaperTable], measured: Mapping[str, MeasuredTable], asked: Mapping[Key, AskedClaim]
) -> list[Answer]:
    """The verdicts of all tables: by table, claim, data set (photographs first) and metric.

    Args:
        tables: The tables, whether measured or not.
        measured: Those that are, by name.
        asked: Rows of claims.csv.
    """
    found = []
    for table in tables:
        mine = list(_measured(measured[table.name])) if table.name in measured else []
        there = {(one.verdict.claim.text, one.data, one.verdict.metric) for one in mine if not one.changed}
        missing = [one for one in _unmeasured(table, asked) if _key(one) not in there]
        place = {claim: number for number, claim in enumerate(table.claims)}
        found += sorted([*mine, *missing], key=lambda one: (place[one.verdict.claim], not one.photographs))
    return found


def _key(one: Answer) -> tuple[str, str, str]:
    return one.verdict.claim.text, one.data, one.verdict.metric


def _measured(one: MeasuredTable) -> Iterator[Answer]:
    for block in one.blocks:
        for verdict in one.verdicts.get(block.slug, []):
            keys = block.keys
            yield Answer(one.table, keys["data"], not block.synthetic, verdict, keys["scale"], keys["variant"])


def _unmeasured(table: PaperTable, asked: Mapping[Key, AskedClaim]) -> Iterator[Answer]:
    """What claims.csv asks of a table, as not measured."""
    by_text = {claim.text: claim for claim in table.claims}
    for row in asked.values():
        claim = by_text.get(row.claim) if row.table == table.name else None
        if claim is not None and row.metric in claim.metrics:
            blank = Verdict(claim, row.metric, UNMEASURED, reason="no finished run")
            yield Answer(table, row.data, row.photographs, with_published(blank, table, ""))
