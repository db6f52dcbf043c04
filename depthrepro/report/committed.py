"""The results that are kept in the repository: experiments/<table>/{results,images,ranges,curves}.csv."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from depthrepro.core.errors import UserError
from depthrepro.core.files import write_atomic
from depthrepro.core.metric_names import METRICS, metrics_of
from depthrepro.core.protocol import read_protocol
from depthrepro.core.reading import reading
from depthrepro.report.csv_tables import check_numbers, read_table
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import ROW_COLUMNS
from depthrepro.report.sources import (
    CURVE_COLUMNS,
    IMAGE_COLUMNS,
    RANGE_COLUMNS,
    Results,
    for_table,
)

FILES = {"rows": "results.csv", "images": "images.csv", "ranges": "ranges.csv", "curves": "curves.csv"}
_COLUMNS = {"rows": ROW_COLUMNS, "images": IMAGE_COLUMNS, "ranges": RANGE_COLUMNS, "curves": CURVE_COLUMNS}
_METRICS = tuple(METRICS)
_OPTIONAL = ("height", "width")  # baselines have no size
_TYPES = dict.fromkeys(
    (
        *("run", "experiment", "variant", "scale", "data", "fingerprint", "encodings", "counts", "protocol"),
        *("config_hash", "commit", "run_id", "created", "kind", "method", "checkpoint", "id", "name"),
    ),
    str,
)
_WAY_OUT = "`git checkout` brings it back, or `python -m depthrepro.report commit=true` writes it anew"


def is_committed(folder: Path) -> bool:
    """Whether the table's folder holds results."""
    return (folder / FILES["rows"]).is_file()


def commit(results: Results, table: PaperTable, folder: Path) -> list[Path]:
    """Write a table's results, and nothing that does not feed it, to its folder in experiments/; returns the files."""
    mine = for_table(results, table)
    paths = []
    for name, file in FILES.items():
        frame: pd.DataFrame = getattr(mine, name)
        if name == "rows":
            frame = frame.drop(columns=[c for c in METRICS if c in frame and frame[c].isna().all()])
        if name == "images":  # metrics that nothing asks for per image stay with the run
            frame = frame[[c for c in frame.columns if c not in _METRICS or c in _asked(table)]]
        write_atomic(folder / file, frame.to_csv(index=False, lineterminator="\n"))
        paths.append(folder / file)
    return paths


def from_committed(folder: Path, table: PaperTable | None = None) -> Results:
    """Inverse of `commit`.

    Args:
        folder: The table's folder in experiments/.
        table: Whose metrics the per-image scores must have; None = not checked.

    Raises:
        UserError: If a file is missing, damaged or older than the table.
    """
    rows, images, ranges, curves = (_read(folder / file, name) for name, file in FILES.items())
    for metric in sorted(_drawn(table)) if table else ():  # a claim asked later waits for the next runs
        if metric not in images.columns:
            raise UserError(f"{folder / FILES['images']}: has no column {metric!r}; {_WAY_OUT}")
    return Results(rows, images, ranges, curves)


def _drawn(table: PaperTable) -> set[str]:
    """Metrics that the table's figures need image by image."""
    return {*({"abs_rel"} & {*table.metrics}), *table.plot}


def _asked(table: PaperTable) -> set[str]:
    """Metrics that the table's claims and figures need image by image."""
    return _drawn(table) | {metric for claim in table.claims for metric in claim.metrics}


def _read(path: Path, name: str) -> pd.DataFrame:
    numbers = [column for column in _COLUMNS[name] if column not in _TYPES]
    blank = {column: [""] for column in numbers}
    frame = read_table(path, _WAY_OUT, dtype=_TYPES, keep_default_na=False, na_values=blank)
    absent = [c for c in _COLUMNS[name] if c not in frame.columns]
    # Of the images' metrics only some are kept; and a table of depth has no accuracies of classes, nor the other way.
    other = _METRICS if name == "images" else [m for m in _METRICS if m not in metrics_of(frame.columns)]
    lacking = [c for c in absent if c not in other]
    if lacking:
        raise UserError(f"{path}: has no column {lacking[0]!r}; {_WAY_OUT}")
    if name == "rows":
        frame = frame.assign(**dict.fromkeys(absent, float("nan")))
    there = [column for column in numbers if column in frame.columns]
    filled = [c for c in there if c not in (*_METRICS, *_OPTIONAL)]
    check_numbers(frame, there, path, _WAY_OUT, filled=filled)
    if name == "rows":
        with reading(path, "a protocol, count or encoding", fix=_WAY_OUT):
            for protocol in set(frame["protocol"]):
                read_protocol(json.loads(protocol))
            for text in {*frame["encodings"], *frame["counts"]}:
                dict(json.loads(text))
    return frame
