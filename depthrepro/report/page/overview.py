"""The page's first screen: how the verdicts came out, and every claim with its verdicts, photographs first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from depthrepro.report.answers import Answer
from depthrepro.report.blocks import Block
from depthrepro.report.claim_words import word
from depthrepro.report.claims import AS_IN_PAPER, COUNTED, NOT_ASKED, UNMEASURED, Verdict
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.page.intervals import Mark, place
from depthrepro.report.paper import Claim, PaperTable
from depthrepro.report.verdict import CONTRADICTED, NO_DIFFERENCE, REPRODUCED, UNDECIDED

# Colours and symbols.
KINDS = {
    REPRODUCED: "for",
    CONTRADICTED: "against",
    AS_IN_PAPER: "same",
    NO_DIFFERENCE: "same",
    UNDECIDED: "open",
    UNMEASURED: "none",
    NOT_ASKED: "none",
}


@dataclass(frozen=True)
class Chip:
    """A verdict as shown: `kind` gives colour and symbol, `word` says it."""

    kind: str
    word: str


@dataclass(frozen=True)
class Row:
    """One claim in one metric on one data set; `mark` is None where there is nothing to draw."""

    data: str
    verdict: Verdict
    chip: Chip
    mark: Mark | None


@dataclass(frozen=True)
class Group:
    """The rows of one claim of a table."""

    table: PaperTable
    claim: Claim
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Part:
    """The claims of one asker on one kind of images.

    Attributes:
        of_papers: Whether the papers claim them; else they are questions of ours.
        photographs: Whether they are decided on photographs; else on synthetic images.
        groups: The claims.
        counts: Number of verdicts of each kind of `COUNTED`.
    """

    of_papers: bool
    photographs: bool
    groups: tuple[Group, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Number of verdicts."""
        return sum(self.counts)

    @property
    def name(self) -> str:
        """What the images are."""
        return "photographs" if self.photographs else "synthetic images"


def parts(found: Iterable[Answer]) -> list[Part]:
    """The papers' claims on photographs, then on synthetic images, then our questions; without empty parts."""
    asked = [one for one in found if one.verdict.verdict != NOT_ASKED and not one.changed]
    made = [_part(asked, papers, photographs) for papers in (True, False) for photographs in (True, False)]
    return [part for part in made if part.groups]


def _part(asked: Sequence[Answer], of_papers: bool, photographs: bool) -> Part:
    mine = [one for one in asked if (one.asked_by == "paper") == of_papers and one.photographs == photographs]
    groups = groupby(mine, key=lambda one: (one.table.name, one.verdict.claim))
    counts = Counter(one.verdict.verdict for one in mine)
    return Part(
        of_papers,
        photographs,
        tuple(_group(list(answers)) for _, answers in groups),
        tuple(counts[verdict] for verdict in COUNTED),
    )


def _group(answers: Sequence[Answer]) -> Group:
    rows = tuple(_row(one.data, one.verdict) for one in answers)
    return Group(answers[0].table, answers[0].verdict.claim, rows)


def of_block(one: MeasuredTable, block: Block) -> list[Group]:
    """The verdicts of one block, by claim."""
    groups = []
    for claim in one.table.claims:
        if verdicts := one.verdicts_on(claim, block):
            groups.append(Group(one.table, claim, tuple(_row(block.keys["data"], verdict) for verdict in verdicts)))
    return groups


def _row(data: str, verdict: Verdict) -> Row:
    kind = KINDS[verdict.verdict]
    return Row(data, verdict, Chip(kind, word(verdict)), place(verdict, kind))
