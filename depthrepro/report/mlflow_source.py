"""Results read from an MLflow store, through the artifacts of its finished runs."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd

from depthrepro.config.logger import database_file, without_password
from depthrepro.core.errors import UserError
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import ROW_COLUMNS, SUMMARY, TESTS, Unfinished, run_rows
from depthrepro.report.sources import Results, collect
from depthrepro.tracking.store import prepare_environment

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DETAILS = ("per_image.csv", "per_range.csv", "metrics.jsonl")
_TIMEOUT_S = 20.0


def from_mlflow(uri: str, tables: Sequence[PaperTable]) -> Results:
    """The same frames as from the run directories themselves.

    Artifacts on this machine are read where they are; those behind a server are downloaded for the while.

    Args:
        uri: Address of the store, as `config.logger.store_uri` gives it.
        tables: What is read.

    Raises:
        UserError: If the store is not there or cannot be read, or an artifact is damaged.
    """
    _check_database(uri)
    prepare_environment(_TIMEOUT_S)
    from mlflow.exceptions import MlflowException  # mlflow takes 2 s
    from mlflow.tracking import MlflowClient

    wanted = {name for table in tables for name in table.experiments}
    rows: list[dict[str, Any]] = []
    folders: dict[str, Path] = {}
    lost: list[Unfinished] = []
    try:
        with tempfile.TemporaryDirectory() as downloads:
            client = MlflowClient(uri)
            for name, run in _finished_runs(client).items():
                artifacts = _Artifacts(client, run, Path(downloads) / run.info.run_id)
                artifacts.fetch(SUMMARY)
                found = run_rows(artifacts.folder, name) if (artifacts.folder / SUMMARY).is_file() else []
                if not found:
                    lost.append(
                        Unfinished(name, name.partition("/")[2], "finished, but the store has no numbers of it")
                    )
                elif found[0]["experiment"] in wanted:
                    artifacts.fetch(*DETAILS)
                    folders |= {
                        row["run"]: artifacts.folder / row["run"].removeprefix(name).strip("/") for row in found
                    }
                    rows += found
            results = collect(pd.DataFrame(rows, columns=ROW_COLUMNS), folders, tables, lost)
    except MlflowException as error:
        reason = " ".join(without_password(str(error)).split())[:300]
        raise UserError(f"{without_password(uri)}: {reason}; name another store with uri=...") from error
    return replace(results, folders={})  # a store keeps no pictures to draw panels from


class _Artifacts:
    """The files of an MLflow run and of its test sets; those that are not on this machine go to `downloads`."""

    def __init__(self, client: MlflowClient, run: Any, downloads: Path) -> None:
        self._client, self._run_id = client, run.info.run_id
        parts = urlsplit(run.info.artifact_uri)
        self._here = parts.scheme in ("", "file")
        self.folder = Path(url2pathname(parts.path)) if self._here else downloads

    def fetch(self, *names: str) -> None:
        """Make the files of these names available in `folder`, as far as the run and its test sets have them."""
        for file in () if self._here else self._files:
            if PurePath(file).name in names:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._client.download_artifacts(self._run_id, file, str(self.folder))

    @cached_property
    def _files(self) -> list[str]:
        """Paths of the files behind the server: the run's own, and all below its test sets."""
        found, folders = [], [""]
        while folders:
            for file in self._client.list_artifacts(self._run_id, folders.pop() or None):
                if not file.is_dir:
                    found.append(file.path)
                elif PurePath(file.path).parts[0] == TESTS:
                    folders.append(file.path)
        return found


def _check_database(uri: str) -> None:
    """Refuse a file that is not there, which MLflow would create, or is no database, which it would try for minutes."""
    file = database_file(uri)
    if file is None:
        return
    if not file.is_file():
        raise UserError(f"{file}: no MLflow store is there; train first, or name one with uri=sqlite:///<file>")
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise UserError(f"{file}: not readable as an MLflow store ({error}); name another with uri=...") from None


def _finished_runs(client: MlflowClient) -> dict[str, Any]:
    """Trainings by the name of their run directory; of two that mirror one, the later."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    latest: dict[str, Any] = {}
    token: str | None = None
    while experiments:
        page = client.search_runs(
            experiments,
            "attributes.status = 'FINISHED'",
            max_results=1000,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        names = [_run_name(str(run.data.tags.get("run_dir", ""))) for run in page]
        latest |= {name: run for name, run in zip(names, page, strict=True) if name}
        token = page.token
        if not token:
            break
    return latest


def _run_name(run_dir: str) -> str:
    """`runs/...`, as run directories are named, and never a machine's path; "" for what is no training."""
    parts = PurePath(run_dir).parts
    if not parts or ".sweeps" in parts:  # a sweep's parent
        return ""
    last = [index for index, part in enumerate(parts) if part == "runs"]
    return "/".join(parts[last[-1] :] if last else parts[-2:])
