"""The committed results of all tables: what is there, what a finished run adds, what follows for the claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from depthrepro.campaign.plan import Machine
from depthrepro.campaign.rows import Row, Scored
from depthrepro.report.blocks import build_blocks, rows_of
from depthrepro.report.claims import Verdict, decide
from depthrepro.report.claims_file import AskedClaim, Key
from depthrepro.report.committed import asked_metrics, commit, from_committed, is_committed
from depthrepro.report.merging import merged
from depthrepro.report.paper import PaperTable
from depthrepro.report.pools import pooled
from depthrepro.report.rows import ROW_COLUMNS, run_rows, training_of
from depthrepro.report.sources import Results, collect, for_table


class Book:
    """Results of tables, in memory and in their folders.

    Args:
        experiments: Folder of the tables' folders.
        tables: All of them: a run may feed several.
        write: Whether to write what changes.

    Attributes:
        changed: Names of the tables that something was put to.

    Raises:
        UserError: If a committed file is damaged.
    """

    def __init__(self, experiments: Path, tables: Sequence[PaperTable], *, write: bool) -> None:
        self._write, self.changed = write, set[str]()
        self._times: pd.DataFrame | None = None  # recipe, experiment and seconds of every row, once they are asked for
        self._experiments, self._tables = experiments, {table.name: table for table in tables}
        self._results: dict[str, Results] = {
            table.name: from_committed(experiments / table.name)
            for table in tables
            if is_committed(experiments / table.name)
        }

    def name_recipes(self, rows: Iterable[Row]) -> None:
        """Give committed runs that tell no recipe that of the row whose configuration hash they have."""
        by_experiment: dict[str, list[Row]] = {}
        for row in rows:
            by_experiment.setdefault(row.experiment, []).append(row)
        for name, results in self._results.items():
            blank = results.rows[(results.rows["recipe"] == "") & results.rows["experiment"].isin(by_experiment)]
            known: dict[str, str] = {}
            for experiment, seed in set(blank[["experiment", "seed"]].itertuples(index=False, name=None)):
                known |= {row.hash(int(seed)): row.recipe for row in by_experiment[experiment]}
            recipes = results.rows["recipe"].where(
                results.rows["recipe"] != "", results.rows["config_hash"].map(known).fillna("")
            )
            self._results[name] = replace(results, rows=results.rows.assign(recipe=recipes))

    def seeds(self, table: str, row: Row, sets: Sequence[Scored]) -> dict[int, Machine]:
        """Seeds of a row that stand in a table on all of these data sets, with what they were trained on and in."""
        results = self._results.get(table)
        if results is None:
            return {}
        found = [_seeds(results.rows[results.rows["experiment"] == row.experiment], row, one) for one in sets]
        common = set.intersection(*map(set, found)) if found else set()
        return {seed: found[0][seed] for seed in sorted(common)}

    def seconds(self, row: Row) -> float | None:
        """Median time of the recipe's trainings, else of its table's; None where none is known."""
        if self._times is None:
            columns = ["recipe", "experiment", "seconds"]
            self._times = pd.concat(
                [pd.DataFrame(columns=columns), *(one.rows[columns].dropna() for one in self._results.values())]
            )
        rows, table = self._times, row.experiment.partition("/")[0] + "/"
        for mine in (rows["recipe"] == row.recipe, rows["experiment"].astype(str).str.startswith(table)):
            if mine.any():
                return float(rows.loc[mine, "seconds"].median())
        return None

    def add(self, run: Path, name: str) -> list[str]:
        """Put a finished run's rows to every table that it feeds, on disk too; names of those tables.

        Args:
            run: Its directory.
            name: As results.csv is to name it.

        Raises:
            UserError: If a file of the run is damaged.
        """
        rows = run_rows(run, name)
        frame = pd.DataFrame(rows, columns=ROW_COLUMNS)
        folders = {one: run / one.removeprefix(name).strip("/") for one in frame["run"].unique()}
        return self._put(collect(frame, folders, list(self._tables.values()), []), self._tables)

    def adopt(self, table: str, row: Row, seed: int, sets: Sequence[Scored]) -> bool:
        """Give a row a seed that stands somewhere with the same recipe and all that it needs; whether one does."""
        wanted = asked_metrics(self._tables[table])
        for results in self._results.values():
            recipes, seeds = results.rows["recipe"].to_numpy(), results.rows["seed"].to_numpy()
            alike = results.rows[(recipes == row.recipe) & (seeds == seed)]
            if alike.empty:
                continue
            for training, runs in alike.groupby(alike["run"].map(training_of)):
                if not all(seed in _seeds(runs, row, one) for one in sets):
                    continue
                scores = results.images[results.images["run"].isin(runs["run"])]
                lacking = [m for m in wanted if m in runs and runs[m].notna().any() and scores[m].isna().all()]
                if not lacking:
                    one = _renamed(results, set(runs["run"]), str(training), row.run_name(seed), row.experiment)
                    return table in self._put(one, [table])
        return False

    def _put(self, new: Results, tables: Iterable[str]) -> list[str]:
        fed = []
        for name in tables:
            table = self._tables[name]
            mine = for_table(new, table)
            if mine.rows.empty or not (mine.rows["kind"] == "level").any():
                continue
            old, told = self._results.get(name), list[str]()
            both, told = merged(old, mine) if old is not None else (mine, [])
            for line in told:
                print(line, flush=True)
            self._results[name], self._times = for_table(both, table), None
            if self._write:
                commit(self._results[name], table, self._experiments / name)
            fed.append(name)
        self.changed |= {*fed}
        return fed

    def verdicts(
        self, name: str, today: Set[tuple[str, str, str]], scale: str, asked: Mapping[Key, AskedClaim]
    ) -> dict[Key, Verdict]:
        """Verdicts on a table's claims, on today's data alone, by table, claim, data set and metric.

        Args:
            name: The table.
            today: Recipe, data set and fingerprint of each row on each of its data sets as they are.
            scale: Of the runs.
            asked: Rows of claims.csv.
        """
        table, results = self._tables[name], self._results.get(name)
        if results is None:
            return {}
        plain = results.rows[(results.rows["variant"] == "") & (results.rows["scale"] == scale)]
        alike = [pair in today for pair in plain[["recipe", "data", "fingerprint"]].itertuples(index=False, name=None)]
        results = replace(results, rows=plain[np.array(alike, dtype=bool)])
        if rows_of(table, results.rows).empty:
            return {}
        blocks = build_blocks(table, results.rows)
        shown = [*((block, results.images) for block in blocks), *pooled(table, blocks, results)]
        return {
            (name, verdict.claim.text, block.keys["data"], verdict.metric): verdict
            for block, images in shown
            for verdict in decide(table, block, images, asked)
        }


def _seeds(rows: pd.DataFrame, row: Row, one: Scored) -> dict[int, Machine]:
    """Seeds among `rows` of a recipe on one data set as it is today."""
    wanted = {"kind": "level", "recipe": row.recipe, "data": one.data, "fingerprint": one.fingerprint}
    wanted |= {"scale": row.scale, "variant": ""} | ({"protocol": one.protocol} if one.protocol else {})
    # Asked hundreds of times: comparing plain arrays takes a tenth of the time that columns take.
    alike = np.logical_and.reduce([rows[name].to_numpy(dtype=object) == value for name, value in wanted.items()])
    mine = rows[alike]
    return {int(s): (d, p) for s, d, p in mine[["seed", "device", "precision"]].itertuples(index=False, name=None)}


def _renamed(results: Results, runs: set[str], old: str, new: str, experiment: str) -> Results:
    """The part of some runs of one training, under another name."""
    parts: dict[str, Any] = {}
    for name in ("rows", "images", "ranges", "curves"):
        frame: pd.DataFrame = getattr(results, name)
        frame = frame[frame["run"].isin(runs)]
        parts[name] = frame.assign(run=[new + run.removeprefix(old) for run in frame["run"]])
    parts["rows"] = parts["rows"].assign(experiment=experiment)
    return replace(results, **parts, unfinished=[], folders={})
