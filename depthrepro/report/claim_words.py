"""Verdicts in words and numbers, as every form of the report prints them."""

from __future__ import annotations

import math

from depthrepro.core.metric_names import METRICS
from depthrepro.report.claims import Verdict
from depthrepro.report.verdict import CONTRADICTED, REPRODUCED

OUR_WORDS = {REPRODUCED: "yes", CONTRADICTED: "no"}  # a question of ours is answered, not reproduced


def word(verdict: Verdict) -> str:
    """The verdict's kind in words: a question of ours has the answers yes and no."""
    return OUR_WORDS.get(verdict.verdict, verdict.verdict) if verdict.claim.asked_by else verdict.verdict


def sentence(verdict: Verdict) -> str:
    """The verdict with what belongs to it: how small it is, why it is open, what would decide it."""
    small = ", smaller than the margin" if verdict.below_margin else ""
    reason = f": {verdict.reason}" if verdict.reason else ""
    return f"{word(verdict)}{small}{reason}"


def describe(verdict: Verdict) -> str:
    """One verdict in a line: `AbsRel −0.012, −4.1 % (95 % −0.020 to −0.004; 3 seeds, 60 images; …): reproduced`."""
    metric = METRICS[verdict.metric]
    if verdict.interval is None:
        return f"{metric.label}: {sentence(verdict)}"
    difference, low, high = numbers(verdict)
    percent = f", {shown}" if (shown := per_cent(verdict.relative)) else ""
    parts = [f"{confidence(verdict)} {low} to {high}", compared(verdict)]
    if verdict.margin is not None:
        parts.append(f"margin {verdict.margin:.{metric.digits}f}")
    if verdict.paper_difference is not None:
        of_paper = f", {shown}" if (shown := per_cent(verdict.paper_relative)) else ""
        parts.append(f"paper {signed(verdict.paper_difference, metric.digits)}{of_paper}")
    return f"{metric.label} {difference}{percent} ({'; '.join(parts)}): {sentence(verdict)}"


def compared(verdict: Verdict) -> str:
    """`3 seeds, 60 images of 20 scenes`."""
    n = len(verdict.seeds)
    seeds = f"{n} seed{'s' if n != 1 else ''}" if n else "nothing trained"
    scenes = f" of {verdict.scenes} scenes" if verdict.scenes < verdict.images else ""
    return f"{seeds}, {verdict.images} images{scenes}"


def confidence(verdict: Verdict) -> str:
    """The interval's confidence, such as `95 %`."""
    return f"{100 * (1 - verdict.level):g} %"


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


def per_cent(share: float | None) -> str:
    """`−4.1 %`; "" of nothing."""
    return "" if share is None else f"{signed(100 * share, 1 if abs(share) < 0.1 else 0)} %"


def signed(value: float, digits: int) -> str:
    """`−0.012`, `+0.012` or `0.000`, with a minus sign as wide as the plus."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")
