"""Rows: one line per image, method and checkpoint; their file, and the means that tables print.

Light on purpose: imports neither torch nor OpenCV.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
from depthrepro.core.metric_names import METRICS, metrics_of
from depthrepro.core.reading import read_csv_text, reading

Row = dict[str, Any]
COLUMNS = ("checkpoint", "method", "id", "n_valid")  # then the metrics of the task


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the columns above as CSV; numbers keep every digit, so that `read_rows` gives back the same values."""
    rows = list(rows)
    columns = (*COLUMNS, *metrics_of(rows[0] if rows else ()))
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[Row]:
    """Inverse of `write_rows`.

    Raises:
        UserError: If the file is missing, or lacks a column or a value.
    """
    text = read_csv_text(path, "the per-image rows", "the run's own command, typed again, writes it")
    with reading(path, "the per-image rows", fix="evaluate the run again"):
        return [
            {k: int(v) if k == "n_valid" else float(v) if k in METRICS else v for k, v in _complete(line).items()}
            for line in csv.DictReader(io.StringIO(text, newline=""))
        ]


def _complete(line: dict[str, str]) -> dict[str, str]:
    return {column: line[column] for column in (*COLUMNS, *metrics_of(line))}


def summarise(rows: Sequence[Row], expected_ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean over images of each method's per-image metrics.

    Args:
        rows: Rows of one checkpoint, in any order.
        expected_ids: The ids that each method must have exactly once.

    Returns:
        Method → metric → mean, methods in order of first appearance.

    Raises:
        UserError: If there is nothing to average, an id is missing, repeated or unknown, a row has no valid pixel, or a
            value is outside its range.
    """
    if not rows or not expected_ids:
        raise UserError(f"nothing to average: {len(rows)} rows for {len(expected_ids)} test images")
    by_method: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        _check_row(row)
        by_method[row["method"]].append(row)
    for method, own in by_method.items():
        _check_ids(method, [row["id"] for row in own], expected_ids)
    return {
        method: {key: math.fsum(row[key] for row in own) / len(own) for key in metrics_of(own[0])}
        for method, own in by_method.items()
    }


def _check_ids(method: str, ids: Sequence[str], expected_ids: Sequence[str]) -> None:
    """Each expected id once, no other; the message names the first that is wrong."""
    found = Counter(ids)
    wanted = Counter(expected_ids)
    for fault, names in (
        ("repeated", [i for i, n in found.items() if n > 1]),
        ("missing", [i for i in wanted if i not in found]),
        ("not in the split", [i for i in found if i not in wanted]),
        ("twice in the split", [i for i, n in wanted.items() if n > 1]),
    ):
        if names:
            raise UserError(
                f"{method}: {len(ids)} rows for {len(expected_ids)} test images, {len(names)} {fault}, "
                f"first: {names[0]}; evaluate the run again"
            )


def _check_row(row: Row) -> None:
    """Values within the range of their metric."""
    where = f"{row['id']} ({row['method']})"
    if row["n_valid"] < 1:
        raise UserError(f"{where}: no valid pixel; check eval.crop, eval.min_depth_m, eval.cap_m and the ground truth")
    for key, metric in metrics_of(row).items():
        value = row[key]
        top = 1.0 if metric.higher_is_better else math.inf
        if not (math.isfinite(value) and 0 <= value <= top):
            raise UserError(f"{where}: {key} = {value} is outside its range; evaluate the run again")


def format_table(means: Mapping[str, Mapping[str, float]]) -> str:
    """Methods and their means as aligned text for the terminal; names and digits as `METRICS` says."""
    width = max(map(len, means), default=0)
    metrics = metrics_of(next(iter(means.values()), {}))
    space = max(10, *(len(m.label) + 2 for m in metrics.values()))
    lines = [" " * width + "".join(f"{m.label:>{space}}" for m in metrics.values())]
    lines += [
        f"{method:{width}}" + "".join(f"{values[key]:{space}.{m.digits}f}" for key, m in metrics.items())
        for method, values in means.items()
    ]
    return "\n".join(lines)
