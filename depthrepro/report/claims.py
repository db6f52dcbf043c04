"""The paper's claims decided: the difference between two rows, its interval, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block
from depthrepro.report.bootstrap import Interval, paired_interval
from depthrepro.report.claim_scores import Pair, Scores, pair, scores_of
from depthrepro.report.claims_file import AskedClaim, Key, asked_claim
from depthrepro.report.looks import TOTAL, Look, at_looks, parse_looks
from depthrepro.report.paper import Claim, PaperTable
from depthrepro.report.scenes import scenes
from depthrepro.report.verdict import CONTRADICTED, NO_DIFFERENCE, REPRODUCED, UNDECIDED, Margin, what_would_decide

AS_IN_PAPER = "no difference, as in the paper"
UNMEASURED, NOT_ASKED = "not measured", "not asked here"
SEEDS_CANNOT, NO_SCORES = "seeds alone cannot", "no per-image scores in this metric"
COUNTED = (REPRODUCED, CONTRADICTED, NO_DIFFERENCE, AS_IN_PAPER, UNDECIDED, UNMEASURED)


@dataclass(frozen=True)
class Verdict:
    """One claim in one metric on one data set.

    Attributes:
        claim: What is decided.
        metric: Metric key.
        verdict: One of `COUNTED`, or `NOT_ASKED`.
        interval: Row `better` minus row `worse` with its interval; None where a row is not measured.
        paper_difference: The published difference; None where the paper does not give both numbers.
        seeds: Seeds that both rows have and that were looked at; none where both are baselines.
        images: Images that were compared.
        reason: Why nothing is decided, and what would decide it.
        scenes: Scenes that those images show; 0 where nothing was measured.
        reference: Mean of the row `worse`; None where nothing was measured.
        paper_reference: The published value of that row, where there is a published difference.
        margin: The smallest difference that matters, in the metric's unit; None where the claim is not asked.
        level: The interval holds the true difference with probability 1 - level.
        below_margin: Whether the difference, although off zero, is shown to be smaller than the margin.
    """

    claim: Claim
    metric: str
    verdict: str
    interval: Interval | None = None
    paper_difference: float | None = None
    seeds: tuple[int, ...] = ()
    images: int = 0
    reason: str = ""
    scenes: int = 0
    reference: float | None = None
    paper_reference: float | None = None
    margin: float | None = None
    level: float = TOTAL
    below_margin: bool = False

    @property
    def relative(self) -> float | None:
        """The difference as a share of the reference row."""
        return self.interval.difference / self.reference if self.interval and self.reference else None

    @property
    def paper_relative(self) -> float | None:
        """The same of the published rows."""
        known = self.paper_difference is not None and self.paper_reference
        return self.paper_difference / self.paper_reference if known else None  # type: ignore[operator]


def decide(
    table: PaperTable, block: Block, images: pd.DataFrame, asked: Mapping[Key, AskedClaim] | None = None
) -> list[Verdict]:
    """Decide every claim of a table on one block, metric by metric, at the last checkpoint.

    A claim is looked at after its planned numbers of seeds, see `looks`. One seed decides nothing: a claim is about
    methods, and with one training of each, a method that is better and a training that went well look the same.

    Args:
        table: The table.
        block: The block.
        images: Per-image scores: `run`, `checkpoint`, `method`, `id` and the metrics.
        asked: Rows of claims.csv: margins, looks, and what is decided on which data set. A table without any row is
            decided everywhere by the usual ones.
    """
    mine = images[images["run"].isin(block.runs["run"])]
    claims = [claim for claim in table.claims if table.asks(claim, block.test)]
    metrics = list(dict.fromkeys(metric for claim in claims for metric in claim.metrics))
    sides = dict.fromkeys(name for claim in claims for name in (claim.better, claim.worse))
    scores = {name: scores_of(table, block, mine, name, metrics) for name in sides}
    elsewhere = ", ".join(f"decided on {name}" for name, sets in table.pools.items() if block.keys["data"] in sets)
    found = []
    for claim in claims:
        for metric in claim.metrics:
            rule = asked_claim(asked or {}, table, claim, metric, block.keys["data"], photographs=not block.synthetic)
            blank = Verdict(claim, metric, UNMEASURED) if rule else Verdict(claim, metric, NOT_ASKED, reason=elsewhere)
            found.append(_decide(table, block, scores, blank, rule))
    return found


def _decide(
    table: PaperTable, block: Block, scores: dict[str, Scores | None], blank: Verdict, rule: AskedClaim | None
) -> Verdict:
    claim, metric = blank.claim, blank.metric
    blank = with_published(blank, table, block.test)
    better, worse = scores[claim.better], scores[claim.worse]
    if better is None or worse is None:
        absent = claim.better if better is None else claim.worse
        return replace(blank, reason=absence(table, absent))
    both = pair(better, worse, metric)
    if both.better.shape[0] < 1 or both.better.shape[1] < 2:
        return replace(blank, reason=_too_little(better, worse, metric))
    strata, places = _places(block, both.ids)
    if any(len(set(places[strata == name])) < 2 for name in set(strata)):
        return replace(blank, images=len(both.ids), reason="all images show one scene")
    how = {"higher_is_better": METRICS[metric].higher_is_better, "scenes": places, "strata": strata}
    measured = replace(blank, seeds=both.seeds, images=len(both.ids), scenes=len(set(places)))
    if rule is None:
        interval = paired_interval(both.better, both.worse, scenes=places, strata=strata)
        return replace(measured, interval=interval, reference=float(both.worse.mean()))
    return _looked_at(measured, both, rule, how)


def _looked_at(measured: Verdict, both: Pair, rule: AskedClaim, how: dict[str, Any]) -> Verdict:
    """The verdict at the planned looks."""
    trained = bool(both.seeds)  # two baselines: nothing was trained, so there is one look at what there is
    looks = parse_looks(rule.looks) if trained else (Look(1, TOTAL),)
    margin = Margin(rule.margin, rule.relative)
    judgement, look = at_looks(both.better, both.worse, looks, margin=margin, **how)
    used = look.seeds if look else len(both.worse)
    found = replace(
        measured,
        verdict=judgement.verdict,
        interval=Interval(judgement.difference, judgement.low, judgement.high),
        reference=float(both.worse[:used].mean()),
        margin=judgement.margin,
        level=(look or looks[0]).level,
        below_margin=judgement.below_margin,
        seeds=both.seeds[:used],
    )
    if look is None:
        return replace(found, reason=f"{used} of {looks[0].seeds} seeds")
    if judgement.verdict == UNDECIDED:
        needs = what_would_decide(both.better, both.worse, margin=margin, level=looks[-1].level, **how)
        return replace(found, reason=_needs(needs.seeds, needs.images, trained=trained))
    if judgement.low == judgement.high == 0:
        return replace(found, reason="both rows have the same numbers")
    if judgement.verdict == NO_DIFFERENCE and _small_in_paper(found, margin):
        return replace(found, verdict=AS_IN_PAPER)
    return found


def _needs(seeds: int | None, images: int | None, *, trained: bool) -> str:
    """What would decide an open claim, in words."""
    if seeds is not None:
        return f"about {seeds} seeds"
    start = SEEDS_CANNOT if trained else "these images cannot"
    return f"{start}: about {float(f'{images:.2g}'):.0f} images" if images else f"{start}, nor more images"


def _small_in_paper(verdict: Verdict, margin: Margin) -> bool:
    """Whether the paper's own difference is below the margin."""
    size = verdict.paper_relative if margin.relative else verdict.paper_difference
    return size is not None and abs(size) < margin.value


def _places(block: Block, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the set, the scene) that each image belongs to; an image of a pooled block has its set's name before its id."""
    if not block.pool:
        return np.zeros(len(ids), dtype=int), scenes(ids, block.keys["data"])
    parts = [str(item).partition("/") for item in ids]
    labels = [f"{name}/{scenes([item], name)[0]}" for name, _, item in parts]
    return np.array([name for name, *_ in parts], dtype=object), np.array(labels, dtype=object)


def absence(table: PaperTable, name: str) -> str:
    """The reason why a row has no scores."""
    row = table.row(name)
    return f"{name} is published only" if row is not None and row.published_only else f"no finished run of {name}"


def _too_little(better: Scores, worse: Scores, metric: str) -> str:
    if any(np.isnan(side.values[metric]).all() for side in (better, worse)):
        return NO_SCORES
    return "the rows share no seed that was trained alike, or too few images"


def with_published(verdict: Verdict, table: PaperTable, test: str) -> Verdict:
    """The verdict with the published difference on a test set, or on the published set that is nearest to it."""
    claim, metric = verdict.claim, verdict.metric
    rows = [table.row(claim.better), table.row(claim.worse)]
    published = [row.published(table.nearest.get(test, test)) for row in rows if row is not None]
    values = [row[metric] for row in published if metric in row]
    if len(values) != 2:
        return verdict
    return replace(verdict, paper_difference=values[0] - values[1], paper_reference=values[1])
