"""The results that are kept in the repository: experiments/<table>/{results,images,ranges,curves}.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from depthrepro.errors import UserError
from depthrepro.files import write_atomic
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import ROW_COLUMNS
from depthrepro.report.sources import CURVE_COLUMNS, IMAGE_COLUMNS, RANGE_COLUMNS, Results, for_table

FILES = {"rows": "results.csv", "images": "images.csv", "ranges": "ranges.csv", "curves": "curves.csv"}
_COLUMNS = {"rows": ROW_COLUMNS, "images": IMAGE_COLUMNS, "ranges": RANGE_COLUMNS, "curves": CURVE_COLUMNS}
_TEXT = (
    "run",
    "experiment",
    "variant",
    "scale",
    "data",
    "fingerprint",
    "encodings",
    "counts",
    "protocol",
    "checkpoint",
)
_TYPES = dict.fromkeys([*_TEXT, "config_hash", "commit", "run_id", "created", "kind", "method", "id", "name"], str)


def is_committed(folder: Path) -> bool:
    """Whether the table's folder holds results."""
    return (folder / FILES["rows"]).is_file()


def commit(results: Results, table: PaperTable, folder: Path) -> list[Path]:
    """Write a table's results, and nothing that does not feed it.

    Args:
        results: From any source.
        table: The table.
        folder: Its folder in experiments/.

    Returns:
        The files.
    """
    mine = for_table(results, table)
    paths = []
    for name, file in FILES.items():
        frame: pd.DataFrame = getattr(mine, name)
        if name == "images":  # metrics that nothing asks for per image stay with the run
            asked = {"abs_rel", *table.plot, *(m for claim in table.claims for m in claim.metrics)}
            frame = frame[[c for c in frame.columns if c not in _METRICS or c in asked]]
        write_atomic(folder / file, frame.to_csv(index=False, lineterminator="\n"))
        paths.append(folder / file)
    return paths


_METRICS = tuple(IMAGE_COLUMNS[5:])


def from_committed(folder: Path) -> Results:
    """Inverse of `commit`.

    Raises:
        UserError: If a file is missing or is not such a table.
    """
    rows, images, ranges, curves = (_read(folder / file, name) for name, file in FILES.items())
    return Results(rows, images, ranges, curves)


def _read(path: Path, name: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=_TYPES, keep_default_na=False, na_values={c: [""] for c in _numbers(name)})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as a table ({' '.join(str(error).split())})") from None
    absent = [c for c in _COLUMNS[name] if c not in frame.columns and not (name == "images" and c in _METRICS)]
    if absent:
        raise UserError(
            f"{path}: has no column {absent[0]!r}; `python -m depthrepro.report commit=true` writes it anew"
        )
    return frame


def _numbers(name: str) -> list[str]:
    return [column for column in _COLUMNS[name] if column not in _TYPES]
