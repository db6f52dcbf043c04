"""Where the report's numbers come from: run directories, an MLflow store, or the committed files of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from depthrepro.errors import UserError
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import ROW_COLUMNS, Unfinished, load_runs
from depthrepro.results import METRICS

IMAGE_COLUMNS = ("run", "checkpoint", "method", "id", "n_valid", *METRICS)
RANGE_COLUMNS = ("run", "checkpoint", "method", "near_m", "far_m", "images", "abs_rel")
CURVE_COLUMNS = ("run", "epoch", "step", "name", "value")
CURVES = ("train/loss", "val/loss")
DIGITS = 6  # significant; every source is rounded alike, so that committed files give the same tables as the runs


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
        folders: Directory of each run on this machine; {} for committed results, which have no pictures.
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
    rows, unfinished = load_runs(root)
    folders = {run: root.parent / run for run in rows["run"].unique()}
    return collect(rows, folders, tables, unfinished)


def collect(
    rows: pd.DataFrame, folders: dict[str, Path], tables: Sequence[PaperTable], unfinished: list[Unfinished]
) -> Results:
    """Read the other files of the runs that feed `tables`, and keep what the tables use.

    Args:
        rows: `rows.ROW_COLUMNS` of all runs.
        folders: Each run's files.
        tables: What is wanted.
        unfinished: Passed on.
    """
    wanted = {name for table in tables for name in table.experiments}
    rows = rows[rows["experiment"].isin(wanted)].reset_index(drop=True)
    runs = rows.drop_duplicates("run")
    experiments = dict(zip(runs["run"], runs["experiment"], strict=True))
    methods = _methods(tables)
    # Baselines are the same in every run of one data set and protocol: one run's copy is enough.
    first = set(runs.drop_duplicates(["fingerprint", "protocol", "images"])["run"])
    parts: tuple[list[pd.DataFrame], ...] = ([], [], [])
    for run, experiment in experiments.items():
        keep = methods[experiment] | ({"mean_map", "sgbm"} if run in first else set())
        for part, read in zip(parts, (_images, _ranges, _curves), strict=True):
            part.append(read(folders[run], keep).assign(run=run))
    images, ranges, curves = (
        rounded(_joined(part, columns))
        for part, columns in zip(parts, (IMAGE_COLUMNS, RANGE_COLUMNS, CURVE_COLUMNS), strict=True)
    )
    return Results(
        rounded(_shown(rows, methods)), images, ranges, curves, unfinished, {r: folders[r] for r in experiments}
    )


def _methods(tables: Iterable[PaperTable]) -> dict[str, set[str]]:
    """Output levels that tables show, by experiment."""
    found: dict[str, set[str]] = {}
    for table in tables:
        for row in table.rows:
            for name in row.ours.experiment if row.ours and row.ours.level else ():
                found.setdefault(name, set()).add(str(row.ours.level))  # type: ignore[union-attr]
    return found


def _shown(rows: pd.DataFrame, methods: dict[str, set[str]]) -> pd.DataFrame:
    """Rows of the levels that tables show, and of baselines."""
    columns = rows[["method", "experiment", "kind"]].to_numpy()
    return rows[np.array([m in methods.get(e, ()) or k == "baseline" for m, e, k in columns], dtype=bool)]


def _joined(parts: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[list(columns)] if filled else pd.DataFrame(columns=list(columns))


def _images(folder: Path, methods: set[str]) -> pd.DataFrame:
    """Per-image scores of the last checkpoint and of baselines."""
    frame = _table(folder / "per_image.csv", ("checkpoint", "method", "id", "n_valid", *METRICS))
    return frame[frame["method"].isin(methods) & (frame["checkpoint"] != "best")]


def _ranges(folder: Path, methods: set[str]) -> pd.DataFrame:
    """Mean over images by depth range; no rows for a run that has no such file."""
    file = folder / "per_range.csv"
    if not file.exists():
        return pd.DataFrame(columns=list(RANGE_COLUMNS))
    frame = _table(file, ("checkpoint", "method", "near_m", "far_m", "abs_rel"))
    frame = frame[frame["method"].isin(methods) & (frame["checkpoint"] != "best")]
    grouped = frame.groupby(["checkpoint", "method", "near_m", "far_m"], as_index=False, sort=False)
    return grouped.agg(images=("abs_rel", "size"), abs_rel=("abs_rel", "mean"))


def _curves(folder: Path, methods: set[str]) -> pd.DataFrame:
    """Losses, mean over each epoch's logged steps."""
    records: list[dict[str, Any]] = []
    file = folder / "metrics.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:  # a killed run may leave its last line half written
            continue
        at = {"epoch": row["epoch"], "step": row["step"]}
        records += [{**at, "name": n, "value": row["metrics"][n]} for n in CURVES if row["metrics"].get(n) is not None]
    if not records:
        return pd.DataFrame(columns=list(CURVE_COLUMNS))
    last = pd.DataFrame(records).drop_duplicates(["step", "name"], keep="last")
    return last.groupby(["name", "epoch"], as_index=False).agg(step=("step", "max"), value=("value", "mean"))


def _table(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(file, usecols=list(columns), dtype={"id": str})
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{file}: not readable ({reason}); the run's own command, with force=true, writes it") from None


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats with `DIGITS` significant digits, as the committed files hold them."""
    floats = frame.select_dtypes("float").columns
    return frame.assign(**{c: _significant(frame[c].to_numpy(dtype=float)) for c in floats})


def _significant(values: np.ndarray) -> np.ndarray:
    """Each value as its text of `DIGITS` significant digits reads: what a CSV gives back."""
    return np.array([float(f"{v:.{DIGITS}g}") for v in values])


def for_table(results: Results, table: PaperTable) -> Results:
    """The part of `results` that feeds one table, in a fixed order."""
    rows = results.rows[results.rows["experiment"].isin(table.experiments)]
    rows = _shown(rows, _methods([table])).sort_values(["run", "kind", "method", "checkpoint"], ignore_index=True)
    runs = set(rows["run"])
    parts = {}
    for name, keys in (
        ("images", ["run", "checkpoint", "method", "id"]),
        ("ranges", ["run", "checkpoint", "method", "near_m"]),
        ("curves", ["run", "name", "epoch"]),
    ):
        frame = getattr(results, name)
        parts[name] = frame[frame["run"].isin(runs)].sort_values(keys, ignore_index=True)
    unfinished = [run for run in results.unfinished if run.feeds(table.experiments)]
    return replace(results, rows=rows[list(ROW_COLUMNS)], **parts, unfinished=unfinished)
