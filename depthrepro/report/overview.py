"""The page's first screen: every claim of every table against its data sets, and how many held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from depthrepro.core.metric_names import METRICS
from depthrepro.report import interval_plot
from depthrepro.report.blocks import BLOCK_KEYS, Block
from depthrepro.report.claims import CONTRADICTED, REPRODUCED, UNDECIDED, UNMEASURED, Verdict, numbers, overall, word
from depthrepro.report.paper import Claim

if TYPE_CHECKING:
    from depthrepro.report.assemble import Rendered

KINDS = {REPRODUCED: "for", CONTRADICTED: "against", UNDECIDED: "open", UNMEASURED: "none"}  # colours and symbols


@dataclass(frozen=True)
class Chip:
    """A verdict as shown: `kind` gives colour and symbol, `word` says it."""

    kind: str
    word: str


@dataclass(frozen=True)
class Cell:
    """One claim on one data set.

    Attributes:
        chip: The verdict over all metrics.
        parts: Per metric: its label, chip and mark.
        numbers: Difference and ends of the interval of the claim's first measured metric, as text; None without one.
        metric: Label of that metric.
    """

    chip: Chip
    parts: tuple[tuple[str, Chip, interval_plot.Mark | None], ...] = ()
    numbers: tuple[str, str, str] | None = None
    metric: str = ""

    @property
    def alt(self) -> str:
        """The drawing in words."""
        return interval_plot.alt_text([mark for _, _, mark in self.parts])


@dataclass(frozen=True)
class Column:
    """One data set at one scale.

    Attributes:
        key: What makes two blocks of different tables share the column.
        block: The first block of the column, for its words.
        tallies: One text for the claims and one for our own questions, each only if there are any.
    """

    key: tuple[object, ...]
    block: Block
    tallies: tuple[tuple[str, tuple[tuple[Chip, int], ...]], ...] = ()

    @property
    def images(self) -> str:
        """How many test images, in words."""
        return f"{self.block.keys['images']} test images"


@dataclass(frozen=True)
class Group:
    """The claims of one table, each with one cell per column."""

    anchor: str
    name: str
    title: str
    rows: tuple[tuple[Claim, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Part:
    """Tables that share data sets, whose claims stand in one matrix."""

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]


def chip(verdict: str, claim: Claim) -> Chip:
    """The verdict's word and kind."""
    return Chip(KINDS[verdict], word(verdict, claim))


def of_claim(verdicts: Sequence[Verdict], claim: Claim) -> list[Verdict]:
    """The verdicts of one claim, in the order of its metrics."""
    return [verdict for verdict in verdicts if verdict.claim == claim]


def cell(verdicts: Sequence[Verdict], reach: dict[str, float], claim: Claim) -> Cell:
    """One claim's verdicts on one data set; `reach` is the drawing's scale per metric."""
    if not verdicts:
        return Cell(chip(UNMEASURED, claim))
    parts = []
    for verdict in verdicts:
        shown = chip(verdict.verdict, claim)
        mark = interval_plot.place(verdict, reach.get(verdict.metric, 0.0), shown.kind)
        parts.append((METRICS[verdict.metric].label, shown, mark))
    measured = [verdict for verdict in verdicts if verdict.interval is not None]
    whole = chip(overall(verdicts), claim)
    if not measured:
        return Cell(whole, tuple(parts))
    return Cell(whole, tuple(parts), numbers(measured[0]), METRICS[measured[0].metric].label)


def parts(rendered: Sequence[Rendered]) -> list[Part]:
    """Tables with measured claims in as many matrices as have no data set in common, in the tables' order.

    Args:
        rendered: The tables.
    """
    sharing: list[tuple[set[tuple[object, ...]], list[int]]] = []
    for number, one in enumerate(rendered):
        keys, members = {key for key, _ in keyed(one)}, [number]
        for other in [other for other in sharing if other[0] & keys]:
            keys, members = keys | other[0], other[1] + members
            sharing.remove(other)
        if keys:
            sharing.append((keys, members))
    found = []
    for _, members in sorted(sharing, key=lambda part: part[1][0]):
        tables = [rendered[i] for i in members]
        shown = columns(tables)
        groups = (group(one, shown) for one in tables)
        found.append(Part(tuple(shown), tuple(one for one in groups if one.rows)))
    return found


def columns(rendered: Sequence[Rendered]) -> list[Column]:
    """The data sets of all tables: unchanged settings first, then where most is decided, real data before rendered."""
    found: dict[tuple[object, ...], Block] = {}
    decided: Counter[tuple[object, ...]] = Counter()
    for one in rendered:
        for key, block in keyed(one):
            found.setdefault(key, block)
            decided[key] += sum(v.interval is not None for v in one.verdicts.get(block.slug, []))
    order = sorted(found, key=lambda k: (found[k].keys["variant"] != "", found[k].synthetic, -decided[k], str(k)))
    return [Column(key, found[key], _tallies(rendered, key)) for key in order]


def keyed(one: Rendered) -> Iterator[tuple[tuple[object, ...], Block]]:
    """Blocks with the key of their column; blocks of one table never share a column."""
    seen: Counter[tuple[object, ...]] = Counter()
    for block in one.blocks:
        same = tuple(block.keys[name] for name in BLOCK_KEYS)
        yield (*same, seen[same]), block
        seen[same] += 1


def group(one: Rendered, shown: Sequence[Column]) -> Group:
    """The rows of one table."""
    blocks = dict(keyed(one))
    rows = []
    for claim in one.table.claims:
        cells = []
        for column in shown:
            block = blocks.get(column.key)
            verdicts = one.verdicts.get(block.slug, []) if block else []
            cells.append(cell(of_claim(verdicts, claim), interval_plot.reach(verdicts), claim))
        rows.append((claim, tuple(cells)))
    return Group(one.table.name, one.table.called, one.table.title, tuple(rows))


def _tallies(
    rendered: Sequence[Rendered], key: tuple[object, ...]
) -> tuple[tuple[str, tuple[tuple[Chip, int], ...]], ...]:
    """("12 claims", ((reproduced, 5), ...)) and the same for our questions, over all tables."""
    counts: dict[bool, Counter[Chip]] = {False: Counter(), True: Counter()}
    for one in rendered:
        block = dict(keyed(one)).get(key)
        verdicts = one.verdicts.get(block.slug, []) if block else []
        for claim in one.table.claims:
            mine = of_claim(verdicts, claim)
            counts[bool(claim.asked_by)][chip(overall(mine) if mine else UNMEASURED, claim)] += 1
    texts = []
    for ours, noun in ((False, "claim"), (True, "question of our own")):
        total = sum(counts[ours].values())
        if total:
            plural = noun if total == 1 else noun.replace("claim", "claims").replace("question", "questions")
            ranked = sorted(counts[ours].items(), key=lambda item: list(KINDS.values()).index(item[0].kind))
            texts.append((f"{total} {plural}", tuple(ranked)))
    return tuple(texts)
