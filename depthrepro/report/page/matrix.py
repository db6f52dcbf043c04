"""The page's first screen: every claim of every table against its data sets, and how many held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import BLOCK_KEYS, Block
from depthrepro.report.claims import CONTRADICTED, REPRODUCED, UNDECIDED, UNMEASURED, Verdict, overall, word
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.page.intervals import Mark, alt_text, place, reach
from depthrepro.report.paper import Claim, PaperTable

KINDS = {REPRODUCED: "for", CONTRADICTED: "against", UNDECIDED: "open", UNMEASURED: "none"}  # colours and symbols
Key = tuple[object, ...]


@dataclass(frozen=True)
class Chip:
    """A verdict as shown: `kind` gives colour and symbol, `word` says it."""

    kind: str
    word: str


@dataclass(frozen=True)
class ByMetric:
    """One claim's verdict in one metric; `mark` is None where nothing was measured."""

    verdict: Verdict
    chip: Chip
    mark: Mark | None

    @property
    def label(self) -> str:
        """The metric's name as printed."""
        return METRICS[self.verdict.metric].label


@dataclass(frozen=True)
class Outcome:
    """The verdicts on one claim on one data set.

    Attributes:
        claim: The claim.
        chip: The verdict over all metrics.
        metrics: The verdict in each metric; none where the block does not decide the claim.
    """

    claim: Claim
    chip: Chip
    metrics: tuple[ByMetric, ...] = ()

    @property
    def drawn(self) -> list[ByMetric]:
        """The metrics that were measured."""
        return [part for part in self.metrics if part.mark]

    @property
    def alt(self) -> str:
        """The drawing in words."""
        return alt_text([part.mark for part in self.metrics])


@dataclass(frozen=True)
class Column:
    """One data set at one scale.

    Attributes:
        key: What makes two blocks of different tables share the column.
        block: The first block of the column, for its words.
        tallies: One text for the claims and one for our own questions, each only if there are any.
    """

    key: Key
    block: Block
    tallies: tuple[tuple[str, tuple[tuple[Chip, int], ...]], ...] = ()

    @property
    def images(self) -> str:
        """The number of test images, in words."""
        return f"{self.block.keys['images']} test images"


@dataclass(frozen=True)
class TableClaims:
    """The claims of one table: for each a row of outcomes, one per column of the matrix."""

    table: PaperTable
    rows: tuple[tuple[Outcome, ...], ...]


@dataclass(frozen=True)
class Matrix:
    """Claims against data sets, of the tables that share these."""

    columns: tuple[Column, ...]
    tables: tuple[TableClaims, ...]


def outcomes(one: MeasuredTable, block: Block | None) -> list[Outcome]:
    """The outcome of each claim of a table on a block of it, drawn to one scale per metric."""
    limits = reach(one.verdicts.get(block.slug, [])) if block else {}
    found = []
    for claim in one.table.claims:
        verdicts = one.verdicts_on(claim, block) if block else []
        parts = []
        for verdict in verdicts:
            shown = _chip(verdict.verdict, claim)
            parts.append(ByMetric(verdict, shown, place(verdict, limits.get(verdict.metric, 0.0), shown.kind)))
        found.append(Outcome(claim, _chip(overall(verdicts) if verdicts else UNMEASURED, claim), tuple(parts)))
    return found


def _chip(verdict: str, claim: Claim) -> Chip:
    return Chip(KINDS[verdict], word(verdict, claim))


def matrices(tables: Sequence[MeasuredTable]) -> list[Matrix]:
    """Tables with measured claims in as many matrices as have no data set in common, in the tables' order."""
    sharing: list[tuple[set[Key], list[int]]] = []
    for number, one in enumerate(tables):
        keys, members = set(by_column(one)), [number]
        for other in [other for other in sharing if other[0] & keys]:
            keys, members = keys | other[0], other[1] + members
            sharing.remove(other)
        if keys:
            sharing.append((keys, members))
    found = []
    for _, members in sorted(sharing, key=lambda part: part[1][0]):
        mine = [tables[i] for i in members]
        shown = columns(mine)
        claims = [TableClaims(one.table, _rows(one, shown)) for one in mine if one.table.claims]
        found.append(Matrix(tuple(shown), tuple(claims)))
    return found


def _rows(one: MeasuredTable, shown: Sequence[Column]) -> tuple[tuple[Outcome, ...], ...]:
    blocks = by_column(one)
    return tuple(zip(*(outcomes(one, blocks.get(column.key)) for column in shown), strict=True))


def columns(tables: Sequence[MeasuredTable]) -> list[Column]:
    """The data sets of all tables: unchanged settings first, then where most is decided, real data before synthetic."""
    found: dict[Key, Block] = {}
    decided: Counter[Key] = Counter()
    for one in tables:
        for key, block in by_column(one).items():
            found.setdefault(key, block)
            decided[key] += sum(v.interval is not None for v in one.verdicts.get(block.slug, []))
    order = sorted(found, key=lambda k: (found[k].keys["variant"] != "", found[k].synthetic, -decided[k], str(k)))
    return [Column(key, found[key], _tallies(tables, key)) for key in order]


def by_column(one: MeasuredTable) -> dict[Key, Block]:
    """Blocks by the key of their column; blocks of one table never share a column."""
    found: dict[Key, Block] = {}
    seen: Counter[Key] = Counter()
    for block in one.blocks:
        same = tuple(block.keys[name] for name in BLOCK_KEYS)
        key = (*same, seen[same])
        found[key] = block
        seen[same] += 1
    return found


def _tallies(tables: Sequence[MeasuredTable], key: Key) -> tuple[tuple[str, tuple[tuple[Chip, int], ...]], ...]:
    """("12 claims", ((reproduced, 5), ...)) and the same for our questions, over all tables."""
    found = [outcome for one in tables for outcome in outcomes(one, by_column(one).get(key))]
    texts = []
    for ours, single, plural in ((False, "claim", "claims"), (True, "question of our own", "questions of our own")):
        counts = Counter(outcome.chip for outcome in found if bool(outcome.claim.asked_by) == ours)
        if total := sum(counts.values()):
            ranked = sorted(counts.items(), key=lambda item: list(KINDS.values()).index(item[0].kind))
            texts.append((f"{total} {single if total == 1 else plural}", tuple(ranked)))
    return tuple(texts)
