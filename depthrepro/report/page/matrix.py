"""The page's first screen: every claim of every table against its data sets, and how many held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from depthrepro.report.blocks import BLOCK_KEYS, Block
from depthrepro.report.claims import CONTRADICTED, REPRODUCED, UNDECIDED, UNMEASURED, Verdict, overall, word
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.page.intervals import Mark, place, reach
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


Row = tuple[Outcome, ...]  # one claim, on every data set
Tally = tuple[str, list[tuple[Chip, int]]]  # "12 claims", and how many came out how


@dataclass(frozen=True)
class Matrix:
    """Claims against data sets, of the tables that share these.

    Attributes:
        columns: One data set at one scale each: the first block of it, for its words, and one tally of the claims and
            one of our own questions, each only if there are any.
        tables: Each table with a row of outcomes, one per column, for each of its claims.
    """

    columns: list[tuple[Block, list[Tally]]]
    tables: list[tuple[PaperTable, list[Row]]]


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
    return [_matrix([tables[i] for i in members]) for _, members in sorted(sharing, key=lambda part: part[1][0])]


def _matrix(tables: Sequence[MeasuredTable]) -> Matrix:
    blocks = columns(tables)
    claims = [(one.table, _rows(one, list(blocks))) for one in tables if one.table.claims]
    by_set = zip(*(row for _, rows in claims for row in rows), strict=True)
    tallies = [_tallies(outcomes) for outcomes in by_set] if claims else [[] for _ in blocks]
    return Matrix(list(zip(blocks.values(), tallies, strict=True)), claims)


def _rows(one: MeasuredTable, keys: Sequence[Key]) -> list[Row]:
    blocks = by_column(one)
    return list(zip(*(outcomes(one, blocks.get(key)) for key in keys), strict=True))


def columns(tables: Sequence[MeasuredTable]) -> dict[Key, Block]:
    """The data sets of all tables: unchanged settings first, then where most is decided, real data before synthetic."""
    found: dict[Key, Block] = {}
    decided: Counter[Key] = Counter()
    for one in tables:
        for key, block in by_column(one).items():
            found.setdefault(key, block)
            decided[key] += sum(v.interval is not None for v in one.verdicts.get(block.slug, []))
    order = sorted(found, key=lambda k: (found[k].keys["variant"] != "", found[k].synthetic, -decided[k], str(k)))
    return {key: found[key] for key in order}


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


def _tallies(found: Sequence[Outcome]) -> list[Tally]:
    """("12 claims", [(reproduced, 5), ...]) and the same for our questions, of one data set."""
    texts = []
    for ours, single, plural in ((False, "claim", "claims"), (True, "question of our own", "questions of our own")):
        counts = Counter(outcome.chip for outcome in found if bool(outcome.claim.asked_by) == ours)
        if total := sum(counts.values()):
            ranked = sorted(counts.items(), key=lambda item: list(KINDS.values()).index(item[0].kind))
            texts.append((f"{total} {single if total == 1 else plural}", ranked))
    return texts
