"""The results that are kept in the repository: experiments/<table>/{results,ranges,curves}.csv and images.csv.gz.

In images.csv.gz a run is a number `n`, its place among the sorted names of the runs in results.csv.
"""

from __future__ import annotations

import gzip
import io
import json
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
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

FILES = {"rows": "results.csv", "images": "images.csv.gz", "ranges": "ranges.csv", "curves": "curves.csv"}
_COLUMNS = {"rows": ROW_COLUMNS, "images": ("n", *IMAGE_COLUMNS[1:]), "ranges": RANGE_COLUMNS, "curves": CURVE_COLUMNS}
_METRICS = tuple(METRICS)
_OPTIONAL = ("height", "width", "seconds")  # baselines have no size
_LATER = ("recipe", "device", "precision", "seconds")  # files of before lack them
_TYPES = dict.fromkeys(
    (
        *("run", "experiment", "variant", "scale", "data", "fingerprint", "encodings", "counts", "protocol"),
        *(
            "config_hash",
            "commit",
            "run_id",
            "created",
            "recipe",
            "device",
            "precision",
            "kind",
            "method",
            "checkpoint",
            "id",
            "name",
        ),
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
    texts = {}
    for name, file in FILES.items():
        frame: pd.DataFrame = getattr(mine, name)
        if name == "rows":
            frame = frame.drop(columns=[c for c in METRICS if c in frame and frame[c].isna().all()])
        if name == "images":  # metrics that nothing asks for per image stay with the run
            frame = frame[[c for c in frame.columns if c not in _METRICS or c in asked_metrics(table)]]
            numbers = {run: n for n, run in enumerate(_runs(mine.rows))}
            frame = frame.assign(run=frame["run"].map(numbers)).rename(columns={"run": "n"})
        texts[folder / file] = frame.to_csv(index=False, lineterminator="\n")
    with ExitStack() as all_at_once:  # they belong together: a number means a place in another file
        for path, beside in {path: all_at_once.enter_context(replacing(path)) for path in texts}.items():
            beside.write_bytes(_packed(texts[path]) if path.suffix == ".gz" else texts[path].encode())
    return list(texts)


def _runs(rows: pd.DataFrame) -> list[str]:
    """The runs in the order of their numbers."""
    return sorted(rows["run"].unique())


def _packed(text: str) -> bytes:
    """The text packed; the same text gives the same bytes at any time."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(text.encode())
    return packed.getvalue()


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
    runs = _runs(rows)
    if not images["n"].isin(range(len(runs))).all():
        raise UserError(f"{folder / FILES['images']}: n names a run that results.csv does not have; {_WAY_OUT}")
    scored = rows.loc[(rows["kind"] == "level") & (rows["checkpoint"] == "last"), "run"]
    if lacking := sorted(set(scored) - {runs[n] for n in images["n"].unique()}):
        raise UserError(f"{folder / FILES['images']}: has no scores of {lacking[0]}; {_WAY_OUT}")
    named = images.assign(n=[runs[n] for n in images["n"]]).rename(columns={"n": "run"})
    return Results(rows, named, ranges, curves)


def _drawn(table: PaperTable) -> set[str]:
    """Metrics that the table's figures need image by image."""
    return {*({"abs_rel"} & {*table.metrics}), *table.plot}


def asked_metrics(table: PaperTable) -> set[str]:
    """Metrics that the table's claims and figures need image by image."""
    return _drawn(table) | {metric for claim in table.claims for metric in claim.metrics}


def _read(path: Path, name: str) -> pd.DataFrame:
    numbers = [column for column in _COLUMNS[name] if column not in _TYPES]
    blank = {column: [""] for column in numbers}
    frame = read_table(path, _WAY_OUT, dtype=_TYPES, keep_default_na=False, na_values=blank)
    absent = [c for c in _COLUMNS[name] if c not in frame.columns]
    # Of the images' metrics only some are kept; and a table of depth has no accuracies of classes, nor the other way.
    other = _METRICS if name == "images" else [m for m in _METRICS if m not in metrics_of(frame.columns)] + [*_LATER]
    lacking = [c for c in absent if c not in other]
    if lacking:
        raise UserError(f"{path}: has no column {lacking[0]!r}; {_WAY_OUT}")
    if name == "rows":
        frame = frame.assign(**{c: "" if c in _TYPES else float("nan") for c in absent})
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
