"""Small drawings of intervals: the places of bar, point and zero line, and the numbers in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from depthrepro.core.metric_names import METRICS
from depthrepro.report.claims import Verdict, numbers, word

WIDTH = 100.0  # drawing units from edge to edge; zero lies in the middle
MARGIN = 3.0  # room for the point's own size at either edge


@dataclass(frozen=True)
class Mark:
    """One interval in drawing units.

    Attributes:
        low: Left end of the bar, in [0, WIDTH].
        x: The difference itself.
        high: Right end.
        paper: The paper's own difference; None where the paper has none or it lies off the drawing.
        claimed_left: Whether the claim speaks of the side left of zero (a metric where lower is better).
        kind: "for", "against" or "open".
        text: The numbers in words, for readers that see no drawing.
    """

    low: float
    x: float
    high: float
    paper: float | None
    claimed_left: bool
    kind: str
    text: str


def reach(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """The largest distance from zero per metric: intervals drawn to one reach can be compared by eye."""
    limits: dict[str, float] = {}
    for verdict in verdicts:
        if verdict.interval is not None:
            ends = abs(verdict.interval.low), abs(verdict.interval.high), abs(verdict.interval.difference)
            limits[verdict.metric] = max(limits.get(verdict.metric, 0.0), *ends)
    return limits


def place(verdict: Verdict, limit: float, kind: str) -> Mark | None:
    """Put one verdict's interval into a drawing whose edges are at -limit and +limit; None if nothing was measured."""
    interval = verdict.interval
    if interval is None:
        return None
    half = WIDTH / 2

    def at(value: float) -> float:
        return round(half + (half - MARGIN) * value / limit, 2) if limit > 0 else half

    published = verdict.paper_difference
    metric = METRICS[verdict.metric]
    difference, low, high = numbers(verdict)
    return Mark(
        low=at(interval.low),
        x=at(interval.difference),
        high=at(interval.high),
        paper=None if published is None or abs(published) > limit else at(published),
        claimed_left=not metric.higher_is_better,
        kind=kind,
        text=f"{metric.label} {difference}, 95 % interval {low} to {high}: {word(verdict.verdict, verdict.claim)}",
    )
