"""verdicts.csv: every verdict in one file, for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from depthrepro.core.files import write_atomic
from depthrepro.report.answers import Answer
from depthrepro.report.claims import NOT_ASKED

FILE = "verdicts.csv"
COLUMNS = (
    *("table", "claim", "asked_by", "data", "photographs", "metric", "verdict", "difference", "low", "high"),
    *("relative_difference", "paper_difference", "paper_relative", "margin", "seeds", "images", "scenes", "level"),
    *("below_margin", "reason", "scale"),
)


def verdicts_frame(answers: Sequence[Answer]) -> pd.DataFrame:
    """`COLUMNS` of every verdict on rows as they are, unchanged on the command line; a gap = not measured."""
    records = [_record(one) for one in answers if not one.changed and one.verdict.verdict != NOT_ASKED]
    return pd.DataFrame(records, columns=list(COLUMNS))


def write_verdicts(folder: Path, answers: Sequence[Answer], tables: Sequence[str]) -> Path:
    """Write `folder`/verdicts.csv; rows of other `tables` that it has already stay. Returns its path."""
    path = folder / FILE
    text = verdicts_frame(answers).to_csv(index=False, lineterminator="\n", float_format="%.6g")
    if path.exists():
        head, *mine = text.splitlines()
        there = path.read_text(encoding="utf-8").splitlines()[1:]
        kept = [line for line in there if line.partition(",")[0] not in tables]
        text = "\n".join([head, *sorted([*kept, *mine], key=lambda line: line.partition(",")[0]), ""])
    write_atomic(path, text)
    return path


def _record(one: Answer) -> dict[str, object]:
    verdict = one.verdict
    interval = verdict.interval
    return {
        "table": one.table.name,
        "claim": verdict.claim.text,
        "asked_by": one.asked_by,
        "data": one.data,
        "photographs": str(one.photographs).lower(),
        "metric": verdict.metric,
        "verdict": verdict.verdict,
        "difference": interval.difference if interval else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "relative_difference": verdict.relative,
        "paper_difference": verdict.paper_difference,
        "paper_relative": verdict.paper_relative,
        "margin": verdict.margin,
        "seeds": len(verdict.seeds),
        "images": verdict.images,
        "scenes": verdict.scenes,
        "level": verdict.level if interval else None,
        "below_margin": str(verdict.below_margin).lower(),
        "reason": verdict.reason,
        "scale": one.scale,
    }
