"""Small drawings of intervals: the places of bar, point and margin, and the numbers in words.

Every drawing has one scale: right of the middle the claim holds, left it does not, in units of the claim's margin. The
scale is that of the inverse hyperbolic sine, even around zero and compressed beyond, so that a difference of twice the
margin and one of twenty times can both be read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from depthrepro.core.metric_names import METRICS
from depthrepro.report.claim_words import confidence, numbers, sentence
from depthrepro.report.claims import Verdict

WIDTH = 100.0  # drawing units from edge to edge; zero lies in the middle
EDGE = 3.0  # room for the point's own size at either edge
REACH = 20.0  # margins at either edge; what is larger is drawn there


@dataclass(frozen=True)
class Mark:
    """One interval in drawing units.

    Attributes:
        low: Left end of the bar, in [0, WIDTH].
        x: The difference itself.
        high: Right end.
        paper: The paper's own difference, in units of the paper's own margin; None where the paper has none.
        kind: "for", "against", "same" or "open".
        text: The numbers in words, for readers that see no drawing.
    """

    low: float
    x: float
    high: float
    paper: float | None
    kind: str
    text: str


def at(margins: float) -> float:
    """Place of a difference, in units of the margin and > 0 where the claim holds."""
    reached = math.asinh(max(-REACH, min(REACH, margins))) / math.asinh(REACH)
    return round(WIDTH / 2 + (WIDTH / 2 - EDGE) * reached, 2)


BAND = (at(-1.0), at(1.0))  # within it no difference matters


def place(verdict: Verdict, kind: str) -> Mark | None:
    """Put one verdict's interval into a drawing; None if nothing was measured, or no margin says its scale."""
    interval, margin = verdict.interval, verdict.margin
    if interval is None or not margin:
        return None
    metric = METRICS[verdict.metric]
    way = 1 if metric.higher_is_better else -1
    low, high = sorted(at(way * value / margin) for value in (interval.low, interval.high))
    published = None
    if verdict.paper_difference is not None:
        # An error's margin is a share of the row compared with, which in the paper has a value of its own.
        same = metric.higher_is_better or not verdict.reference or not verdict.paper_reference
        theirs = margin if same else margin * verdict.paper_reference / verdict.reference  # type: ignore[operator]
        published = at(way * verdict.paper_difference / theirs)
    difference, lower, upper = numbers(verdict)
    text = f"{metric.label} {difference}, {confidence(verdict)} interval {lower} to {upper}: {sentence(verdict)}"
    return Mark(low, at(way * interval.difference / margin), high, published, kind, text)
