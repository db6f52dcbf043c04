"""The paper's claims decided: the difference between two rows, its interval, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.bootstrap import Interval, paired_interval
from depthrepro.report.paper import Claim, PaperTable

REPRODUCED, CONTRADICTED, UNDECIDED, UNMEASURED = "reproduced", "contradicted", "undecided", "not measured"
OUR_WORDS = {REPRODUCED: "yes", CONTRADICTED: "no"}  # a question of ours is answered, not reproduced


@dataclass(frozen=True)
class Verdict:
    """One claim in one metric on one data set.

    Attributes:
        claim: What is decided.
        metric: Metric key.
        verdict: "reproduced", "contradicted", "undecided" or "not measured".
        interval: Row `better` minus row `worse` with its 95 % interval; None where a row is not measured.
        paper_difference: The published difference; None where the paper does not give both numbers.
        seeds: Seeds that both rows have; none where both are baselines.
        images: Images that were compared.
        reason: Why nothing is decided, where the interval does not say it.
    """

    claim: Claim
    metric: str
    verdict: str
    interval: Interval | None = None
    paper_difference: float | None = None
    seeds: tuple[int, ...] = ()
    images: int = 0
    reason: str = ""


@dataclass(frozen=True)
class _Scores:
    """A row's per-image scores: `values` by metric, (seeds, images), NaN = none; `seeds` None: they hold for any."""

    seeds: tuple[int, ...] | None
    ids: np.ndarray
    values: dict[str, np.ndarray]


def word(verdict: str, claim: Claim) -> str:
    """The verdict in words: a question of ours has the answers yes and no."""
    return OUR_WORDS.get(verdict, verdict) if claim.asked_by else verdict


def decide(table: PaperTable, block: Block, images: pd.DataFrame) -> list[Verdict]:
    """Decide every claim of a table on one block, metric by metric, at the last checkpoint.

    A claim holds where the whole interval lies on its side, and is contradicted where it lies on the other. One seed
    decides nothing: a claim is about methods, and with one training of each, a method that is better and a training
    that went well look the same. Its interval has the spread over images alone, which would pass for certainty.

    `images` has the per-image scores: `run`, `checkpoint`, `method`, `id` and the metrics.
    """
    mine = images[images["run"].isin(block.runs["run"])]
    asked = [claim for claim in table.claims if table.asks(claim, block.test)]
    metrics = list(dict.fromkeys(metric for claim in asked for metric in claim.metrics))
    sides = dict.fromkeys(name for claim in asked for name in (claim.better, claim.worse))
    scores = {name: _scores(table, block, mine, name, metrics) for name in sides}
    return [_decide(table, block, scores, claim, metric) for claim in asked for metric in claim.metrics]


def _decide(table: PaperTable, block: Block, scores: dict[str, _Scores | None], claim: Claim, metric: str) -> Verdict:
    published = _published_difference(table, claim, metric, block.test)
    better_scores, worse_scores = scores[claim.better], scores[claim.worse]
    if better_scores is None or worse_scores is None:
        absent = claim.better if better_scores is None else claim.worse
        return Verdict(claim, metric, UNMEASURED, None, published, reason=_absence(table, absent))
    seeds, better, worse = _paired(better_scores, worse_scores, metric)
    if better.shape[0] < 1 or better.shape[1] < 2:
        return Verdict(claim, metric, UNMEASURED, None, published, reason="the rows share no seed, or too few images")
    interval = paired_interval(better, worse)
    trained = bool(seeds)  # two baselines: nothing was trained, so there is no spread between trainings to miss
    found, reason = _found(metric, interval, one_training=trained and len(seeds) < 2)
    return Verdict(claim, metric, found, interval, published, seeds, better.shape[1], reason)


def _absence(table: PaperTable, name: str) -> str:
    """The reason why a row has no scores."""
    row = table.row(name)
    return f"{name} is published only" if row is not None and row.published_only else f"no finished run of {name}"


def _found(metric: str, interval: Interval, *, one_training: bool) -> tuple[str, str]:
    """(verdict, reason)."""
    if interval.low == interval.high == 0:
        return UNDECIDED, "both rows have the same numbers"
    if one_training:
        return UNDECIDED, "one seed: the spread between trainings is not known"
    above, below = interval.low > 0, interval.high < 0
    if not above and not below:
        return UNDECIDED, ""
    return (REPRODUCED if above == METRICS[metric].higher_is_better else CONTRADICTED), ""


def _published_difference(table: PaperTable, claim: Claim, metric: str, test: str) -> float | None:
    rows = [row.published(test) for row in (table.row(claim.better), table.row(claim.worse)) if row is not None]
    values = [row[metric] for row in rows if metric in row]
    return values[0] - values[1] if len(values) == 2 else None


def _scores(table: PaperTable, block: Block, images: pd.DataFrame, name: str, metrics: list[str]) -> _Scores | None:
    """A row's scores; None if it is not measured."""
    line = _line(table, block, name)
    if line is None or line.missing:
        return None
    fixed = line.role == "baseline"
    mine = (images["method"] == line.method) & (images["checkpoint"] == ("-" if fixed else "last"))
    found = images[mine & images["run"].isin(line.runs)]
    if fixed:
        found = found.drop_duplicates("id")
    if found.empty:
        return None
    seed_of = dict(zip(block.runs["run"], block.runs["seed"].tolist(), strict=True))
    seeds, row = np.unique([0 if fixed else seed_of[run] for run in found["run"]], return_inverse=True)
    ids, column = np.unique(found["id"].to_numpy(dtype=object), return_inverse=True)
    if len(np.unique(row * len(ids) + column)) < len(found):
        raise ValueError(f"{line.label} has two scores of one image and seed")
    values = np.full((len(metrics), len(seeds), len(ids)), np.nan)
    values[:, row, column] = found[metrics].to_numpy(dtype=float).T
    return _Scores(None if fixed else tuple(seeds.tolist()), ids, dict(zip(metrics, values, strict=True)))


def _line(table: PaperTable, block: Block, name: str) -> Line | None:
    """Our line of a row, or of a baseline by its name in paper.yaml."""
    label = table.baselines.get(name, name)
    lines = [line for line in block.lines.get("last", []) if line.role != "paper"]
    named = [line for line in lines if line.label == label]
    named += [line for line in lines if line.role == "baseline" and line.method == name]
    return named[0] if named else None


def _paired(better: _Scores, worse: _Scores, metric: str) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
    """Common seeds (none of two baselines), and both sides' scores on them and on the images that both have scored.

    A baseline stands beside every seed of the other side.
    """
    trained = [side.seeds for side in (better, worse) if side.seeds is not None]
    seeds = tuple(seed for seed in trained[0] if seed in trained[-1]) if trained else ()
    _, *places = np.intersect1d(better.ids, worse.ids, assume_unique=True, return_indices=True)
    parts = []
    for side, columns in zip((better, worse), places, strict=True):
        rows = [0] * max(len(seeds), not trained) if side.seeds is None else [side.seeds.index(seed) for seed in seeds]
        parts.append(side.values[metric][rows][:, columns])
    known = (np.isfinite(parts[0]) & np.isfinite(parts[1])).all(axis=0)  # by every seed that is compared
    a, b = (np.ascontiguousarray(part[:, known]) for part in parts)
    return seeds, a, b


def overall(verdicts: Iterable[Verdict]) -> str:
    """The verdict on a claim from those in its metrics: theirs where all agree, else undecided."""
    words = {verdict.verdict for verdict in verdicts}
    return words.pop() if len(words) == 1 else UNDECIDED


def describe(verdict: Verdict) -> str:
    """`AbsRel −0.012 (95 % −0.020 to −0.004; 3 seeds, 60 images; paper −0.028): reproduced`."""
    metric, decided = METRICS[verdict.metric], word(verdict.verdict, verdict.claim)
    if verdict.interval is None:
        return f"{metric.label}: {decided} ({verdict.reason})"
    difference, low, high = numbers(verdict)
    parts = [f"95 % {low} to {high}"]
    n = len(verdict.seeds)
    seeds = f"{n} seed{'s' if n != 1 else ''}" if n else "nothing trained"
    parts.append(f"{seeds}, {verdict.images} images")
    if verdict.paper_difference is not None:
        parts.append(f"paper {signed(verdict.paper_difference, metric.digits)}")
    reason = f" ({verdict.reason})" if verdict.reason else ""
    return f"{metric.label} {difference} ({'; '.join(parts)}): {decided}{reason}"


def numbers(verdict: Verdict) -> tuple[str, str, str]:
    """(difference, low, high) of a measured verdict, with signs.

    The digits are the metric's, and as many more as the interval's width needs to show two figures: a small difference
    must not read as zero.
    """
    interval = verdict.interval
    assert interval is not None
    width = interval.high - interval.low
    digits = METRICS[verdict.metric].digits
    if width > 0:
        digits = min(6, max(digits, 1 - math.floor(math.log10(width))))
    return signed(interval.difference, digits), signed(interval.low, digits), signed(interval.high, digits)


def signed(value: float, digits: int) -> str:
    """`−0.012`, `+0.012` or `0.000`, with a minus sign as wide as the plus."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")
