"""A table as the report shows it: published rows, measured blocks, verdicts on the claims, and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from depthrepro.report.blocks import Block
from depthrepro.report.claims import Verdict
from depthrepro.report.paper import Claim, PaperTable
from depthrepro.report.rows import Unfinished


@dataclass(frozen=True)
class MeasuredTable:
    """A published table with everything that was measured for it.

    Attributes:
        table: The published side.
        blocks: Our side.
        verdicts: By block slug, one per claim and metric.
        figures: By block slug: title -> PNG.
        unfinished: Runs of this table without numbers.
    """

    table: PaperTable
    blocks: list[Block]
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)
    figures: dict[str, dict[str, Path]] = field(default_factory=dict)
    unfinished: list[Unfinished] = field(default_factory=list)

    def verdicts_on(self, claim: Claim, block: Block) -> list[Verdict]:
        """The verdicts on one claim, in the order of its metrics; none where the block does not decide it."""
        return [verdict for verdict in self.verdicts.get(block.slug, []) if verdict.claim == claim]
