"""Sources of the report's numbers: run directories, an MLflow store, or the committed files of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import BLOCK_KEYS, rows_of
from depthrepro.report.csv_tables import check_numbers, read_table
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import ROW_COLUMNS, Unfinished, load_runs, set_of

IMAGE_COLUMNS = ("run", "checkpoint", "method", "id", "n_valid", *METRICS)
RANGE_COLUMNS = ("run", "checkpoint", "method", "near_m", "far_m", "images", "abs_rel")
CURVE_COLUMNS = ("run", "epoch", "step", "name", "value")
CURVES = ("train/loss", "val/loss")
RUN_AGAIN = "the run's own command, with force=true, writes it"
# Significant; every source is rounded alike, so that committed files give the same tables as the runs.
DIGITS, IMAGE_DIGITS = 6, 4


@dataclass(frozen=True)
class Results:
    """Everything measured, as frames.

    Attributes:
        rows: One per run, method and checkpoint: `rows.ROW_COLUMNS`. `run` is the run directory's path from the folder
            that holds runs/, the same on every machine.
        images: Per-image scores: `IMAGE_COLUMNS`.
        ranges: AbsRel by depth range, mean over the images that have the range: `RANGE_COLUMNS`.
        curves: Losses per epoch: `CURVE_COLUMNS`.
        unfinished: Runs without numbers yet.
        folders: Directory of each run on this machine; {} where there are no pictures: in a store, in committed files.
    """

    rows: pd.DataFrame
    images: pd.DataFrame
    ranges: pd.DataFrame
    curves: pd.DataFrame
    unfinished: list[Unfinished] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)

    def feeds(self, table: PaperTable) -> bool:
        """Whether a run feeds the table."""
        return bool(self.rows["experiment"].isin(table.experiments).any())


def from_runs(root: Path, tables: Sequence[PaperTable]) -> Results:
    """Results in run directories.

    Args:
        root: Folder of run directories, such as runs/; it may be absent.
        tables: What is read: runs that feed none of them are left out.

    Raises:
        UserError: If a file of a run is damaged.
    """
    root = root.absolute()  # the parent of "." is "."
    rows, unfinished = load_runs(root)
    folders = {run: root.parent / run for run in rows["run"].unique()}
    return collect(rows, folders, tables, unfinished)


def collect(
    rows: pd.DataFrame, folders: dict[str, Path], tables: Sequence[PaperTable], unfinished: list[Unfinished]
) -> Results:
    """Read the other files of the runs that feed `tables`, from their `folders`; `rows` are those of all runs."""
    wanted = {name for table in tables for name in table.experiments}
    rows = rows[rows["experiment"].isin(wanted)].reset_index(drop=True)
    mine = {run: folders[run] for run in rows["run"].unique()}
    images, ranges, curves = (
        _joined([read(folder).assign(run=run) for run, folder in mine.items()]) for read in (_images, _ranges, _curves)
    )
    images = images.reindex(columns=list(IMAGE_COLUMNS))
    # AbsRel over the images that have a range, losses over each epoch's logged steps.
    ranges = _grouped(ranges, RANGE_COLUMNS, images=("abs_rel", "size"), abs_rel=("abs_rel", "mean"))
    curves = _grouped(curves, CURVE_COLUMNS, step=("step", "max"), value=("value", "mean"))
    return Results(rows, images, ranges, curves, unfinished, mine)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _images(folder: Path) -> pd.DataFrame:
    """Per-image scores of the last checkpoint and of baselines."""
    file = folder / "per_image.csv"
    return _table(file, ("n_valid", *METRICS), ("checkpoint", "method", "id"))


def _ranges(folder: Path) -> pd.DataFrame:
    """The same scores by depth range, AbsRel alone; no rows for a run that has no such file."""
    file = folder / "per_range.csv"
    if not file.exists():
        return pd.DataFrame()
    return _table(file, ("near_m", "far_m", "abs_rel"), ("checkpoint", "method"))


def _grouped(frame: pd.DataFrame, columns: Sequence[str], **values: tuple[str, str]) -> pd.DataFrame:
    """These columns: `values` as `agg` takes them, for each combination of the others."""
    if frame.empty:
        return pd.DataFrame(columns=list(columns))
    keys = [column for column in columns if column not in values]
    return frame.groupby(keys, as_index=False).agg(**values)[list(columns)]


def _curves(folder: Path) -> pd.DataFrame:
    """Losses at every logged step; what was logged twice (after a restart) counts once, the later time."""
    records: dict[tuple[int, str], dict[str, Any]] = {}
    trained = folder.parents[1] if set_of(folder.as_posix()) else folder
    file = trained / "metrics.jsonl"
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:  # a killed run may leave its last line half written
            continue
        try:
            step, epoch, values = int(row["step"]), int(row["epoch"]), row["metrics"]
            found = {name: float(values[name]) for name in CURVES if values.get(name) is not None}
        except Exception:  # whatever a damaged line leads to
            raise UserError(f"{file}: {line[:60]!r} is no line of metrics; {RUN_AGAIN}") from None
        records |= {(step, n): {"epoch": epoch, "step": step, "name": n, "value": v} for n, v in found.items()}
    return pd.DataFrame(list(records.values()))


def _table(file: Path, numbers: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
    """The columns of a run's table, without its best checkpoint; of the metrics, those that it has."""
    frame = read_table(file, RUN_AGAIN, dtype=dict.fromkeys(texts, str))
    found = [name for name in numbers if name in frame.columns or name not in METRICS]
    lacking = [name for name in (*texts, *found) if name not in frame.columns]
    if lacking:
        raise UserError(f"{file}: has no column {lacking[0]!r}; {RUN_AGAIN}")
    check_numbers(frame, found, file, RUN_AGAIN, filled=found)
    return frame.loc[frame["checkpoint"] != "best", [*texts, *found]]


def rounded(frame: pd.DataFrame, digits: int = DIGITS) -> pd.DataFrame:
    """Floats with so many significant digits, as the committed files hold them."""
    floats = frame.select_dtypes("float").columns
    return frame.assign(**{c: _significant(frame[c].to_numpy(dtype=float), digits) for c in floats})


def _significant(values: np.ndarray, digits: int) -> np.ndarray:
    """Each value as its text of so many significant digits reads: what a CSV gives back."""
    return np.array([float(f"{v:.{digits}g}") for v in values])


def for_table(results: Results, table: PaperTable) -> Results:
    """The part of `results` that feeds one table, in a fixed order, floats rounded as the committed files hold them.

    Runs may feed several tables, each with output levels of its own. A baseline is the same in every run of a block, so
    one copy of its images is enough. It is the newest run's, which no other run supersedes, and depends on the table's
    own runs alone: a table reads alike whatever is read beside it.
    """
    rows = rows_of(table, results.rows)
    levels = {(name, row.ours.level) for row in table.rows if row.ours for name in row.ours.experiment}
    shown = [k == "baseline" or (e, m) in levels for k, e, m in rows[["kind", "experiment", "method"]].to_numpy()]
    rows = rows[np.array(shown, dtype=bool)].sort_values(["run", "kind", "method", "checkpoint"], ignore_index=True)
    fixed = rows["kind"] == "baseline"
    newest = rows[fixed].sort_values(["created", "run"]).drop_duplicates([*BLOCK_KEYS, "method"], keep="last")
    scored = {(run, method) for part in (rows[~fixed], newest) for run, method in part[["run", "method"]].to_numpy()}
    parts: dict[str, Any] = {}
    for name, keys in (
        ("images", ["run", "checkpoint", "method", "id"]),
        ("ranges", ["run", "checkpoint", "method", "near_m"]),
        ("curves", ["run", "name", "epoch"]),
    ):
        frame: pd.DataFrame = getattr(results, name)
        frame = frame[frame["run"].isin(rows["run"])]
        if "method" in frame:
            pairs = zip(frame["run"], frame["method"], strict=True)
            frame = frame[np.array([pair in scored for pair in pairs], dtype=bool)]
        digits = IMAGE_DIGITS if name == "images" else DIGITS
        parts[name] = rounded(frame.sort_values(keys, ignore_index=True), digits)
    unfinished = [run for run in results.unfinished if run.feeds(table.experiments)]
    return replace(results, rows=rounded(rows[list(ROW_COLUMNS)]), **parts, unfinished=unfinished)
