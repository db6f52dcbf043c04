"""Names, directions and printed form of the metrics: the one place that tables, plots and the evaluator share.

Light on purpose: the report imports this module and must import neither torch nor mlflow.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """Name, direction and printed form of one metric.

    Attributes:
        key: Name in rows, summaries and trackers.
        label: Name in tables and plots.
        higher_is_better: Direction of improvement.
        digits: Digits after the point in tables, as the papers print.
    """

    key: str
    label: str
    higher_is_better: bool
    digits: int = 3

    @property
    def arrow(self) -> str:
        """`↑` where higher is better, else `↓`."""
        return "↑" if self.higher_is_better else "↓"


DEPTH_METRICS: dict[str, Metric] = {
    m.key: m
    for m in (
        Metric("abs_rel", "AbsRel", False),
        Metric("sq_rel", "SqRel", False),
        Metric("rmse", "RMSE", False),
        Metric("rmse_log", "RMSE log", False),
        Metric("log10", "log10", False),
        Metric("silog", "SILog", False, digits=2),
        Metric("delta1", "δ < 1.25", True),
        Metric("delta2", "δ < 1.25²", True),
        Metric("delta3", "δ < 1.25³", True),
    )
}

CLASS_METRICS: dict[str, Metric] = {
    m.key: m
    for m in (Metric("top1", "top-1 accuracy", True, digits=4), Metric("top5", "top-5 accuracy", True, digits=4))
}
METRICS = {**DEPTH_METRICS, **CLASS_METRICS}


def metrics_of(keys: Collection[str]) -> dict[str, Metric]:
    """The metrics of the task that a row, a header or a mapping of scores belongs to."""
    return CLASS_METRICS if "top1" in keys else DEPTH_METRICS
