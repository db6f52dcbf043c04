"""Series that the figures of a table share: its rows, its baselines, and what they were measured on, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import SYNTHETIC, Block, Line
from depthrepro.report.figures import style

METRES = ("rmse",)  # metrics that have a unit
Sized = TypeVar("Sized", bound=Any)


@dataclass(frozen=True)
class Reference:
    """A baseline's value as a thin line: what it is called, and its dashes."""

    name: str
    value: float
    dashes: Any

    def note(self, digits: int) -> str:
        """Short name and value, for a note at an axis' edge."""
        return f"{style.SHORT.get(self.name, self.name)} {self.value:.{digits}f}"


def our_lines(block: Block, *, missing: bool = False) -> list[Line]:
    """Rows of ours in the table's order, at the last checkpoint where there is one; `missing`: also those without."""
    return [line for line in block.shown if line.role == "level" and (missing or not line.missing)]


def baselines(block: Block) -> list[Line]:
    """The measured baselines of a block."""
    return [line for line in block.shown if line.role == "baseline" and not line.missing]


def of_lines(lines: Sequence[Line], take: Callable[[Line], Sized]) -> list[tuple[Line, Sized]]:
    """The lines with what `take` finds for them, without those for which it finds nothing."""
    found = [(line, take(line)) for line in lines]
    return [(line, series) for line, series in found if len(series)]


def scores_of(frame: pd.DataFrame, line: Line) -> pd.DataFrame:
    """The part of per-image or per-range scores that a line was measured by, at the last checkpoint."""
    mine = frame["run"].isin(line.runs) & (frame["method"] == line.method) & (frame["checkpoint"] != "best")
    return frame[mine]


def reference(line: Line, value: float) -> Reference:
    """A baseline's line drawn at a value."""
    dashes, name = style.BASELINES.get(line.method, ("-.", line.label))
    return Reference(name, value, dashes)


def references(block: Block, key: str) -> list[Reference]:
    """The baselines' values of one metric."""
    return [reference(line, line.values[key].mean) for line in baselines(block) if key in line.values]


def scope(block: Block, *, test: bool = True) -> str:
    """The data and seeds behind a figure, for the line under its title; `test`: measured on the test images."""
    counts = sorted({len(line.seeds) for line in our_lines(block)})
    seeds = f"{counts[0]} seed{'s' if counts[0] != 1 else ''}" if counts else "no seed"
    if len(counts) > 1:
        seeds = f"{counts[0]} to {counts[-1]} seeds"
    if not test:
        return f"{synthetic_note(block)}{seeds[0].upper()}{seeds[1:]} a row."
    images = f"{block.keys['images']} test images"
    return f"{synthetic_note(block)}{images}, {seeds} a row, {block.checkpoint} checkpoint."


def synthetic_note(block: Block) -> str:
    """A sentence that sets synthetic data apart from photographs; "" for real data."""
    return f"{SYNTHETIC}. " if block.synthetic else ""


def many_seeds(lines: Sequence[Line]) -> bool:
    """Whether any row has a spread over seeds."""
    return any(len(line.seeds) > 1 for line in lines)


def metric_name(key: str) -> str:
    """A metric with its unit, if it has one."""
    return f"{METRICS[key].label} (m)" if key in METRES else METRICS[key].label


def direction(key: str) -> str:
    """The better direction, in words."""
    return "higher is better" if METRICS[key].higher_is_better else "lower is better"
