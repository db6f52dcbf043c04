"""Results read from an MLflow store, through the artifacts of its finished runs."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
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
                found = run_rows(artifacts.folder, name) if artifacts.fetch_summaries() else []
                if not found:
                    lost.append(
                        Unfinished(name, name.partition("/")[2], "finished, but the store has no numbers of it")
                    )
                elif found[0]["experiment"] in wanted:
                    artifacts.fetch(*DETAILS, *(f"{test}/{file}" for test in artifacts.tests() for file in DETAILS))
                    folders |= {name: artifacts.folder}
                    folders |= {f"{name}/{test}": artifacts.folder / test for test in artifacts.tests()}
                    rows += found
            results = collect(pd.DataFrame(rows, columns=ROW_COLUMNS), folders, tables, lost)
    except MlflowException as error:
        reason = " ".join(without_password(str(error)).split())[:300]
        raise UserError(f"{without_password(uri)}: {reason}; name another store with uri=...") from error
    return replace(results, folders={})  # a store keeps no pictures to draw panels from


class _Artifacts:
    """The files of one run.

    Args:
        client: Client of the store.
        run: The MLflow run.
        downloads: Where the files go that are not on this machine.
    """

    def __init__(self, client: MlflowClient, run: Any, downloads: Path) -> None:
        self._client, self._run_id = client, run.info.run_id
        parts = urlsplit(run.info.artifact_uri)
        self._here = parts.scheme in ("", "file")
        self.folder = Path(url2pathname(parts.path)) if self._here else downloads
        self._there: set[str] | None = None

    def fetch(self, *names: str) -> bool:
        """Make those files that the run has available in `folder`; returns whether the run has all of them."""
        if self._here:
            return all((self.folder / name).is_file() for name in names)
        if self._there is None:
            self._there = set(self._list("")) | set(self._list(TESTS))
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self._there.intersection(names):
            self._client.download_artifacts(self._run_id, name, str(self.folder))
        return self._there.issuperset(names)

    def fetch_summaries(self) -> bool:
        """Make the run's summary and those of its test sets available; returns whether there is the run's."""
        if not self.fetch(SUMMARY):
            return False
        return self._here or self.fetch(*(name for name in self._there or () if name.endswith(f"/{SUMMARY}")))

    def tests(self) -> list[str]:
        """`tests/<set>` of every set whose summary is available."""
        return [f"{TESTS}/{path.parent.name}" for path in sorted(self.folder.glob(f"{TESTS}/*/{SUMMARY}"))]

    def _list(self, folder: str) -> Iterator[str]:
        """Paths of the run's files in a folder; in that of the test sets, of all below it."""
        for file in self._client.list_artifacts(self._run_id, folder or None):
            if file.is_dir and folder:
                yield from self._list(file.path)
            elif not file.is_dir:
                yield file.path


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
