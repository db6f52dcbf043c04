"""The MLflow store: reaching it, creating it safely, its experiment, and runs that died in it.

Only the mirror process and `sync` call this. Importing mlflow takes seconds, so it happens inside the functions.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from depthrepro.config.logger import database_file, without_password
from depthrepro.core.errors import UserError
from depthrepro.core.processes import is_alive
from depthrepro.tracking.experiment_page import missing_tags
from depthrepro.tracking.state import MirrorState

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# A fresh database takes MLflow seconds of schema migration, more on a busy machine.
_CREATION_TIMEOUT_S = 120.0
HOST_TAG, PID_TAG, STARTED_TAG = "depthrepro.host", "depthrepro.pid", "depthrepro.pid_started"

log = logging.getLogger(__name__)


def prepare_environment(timeout_s: float) -> None:
    """Set what MLflow reads from the environment; what the person has set stays. Call before mlflow is imported."""
    attempts = 2  # MLflow retries 7 times by default, which is minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(1, int(timeout_s / attempts))))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(attempts - 1))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def connect(uri: str, state: MirrorState) -> tuple[MlflowClient, str]:
    """Open the store, creating the database and the experiment if they are missing.

    Args:
        uri: Address of the store, with password if it has one.
        state: Names the experiment and its artifact folder.

    Returns:
        The client and the experiment's id.

    Raises:
        UserError: If the experiment was deleted.
        Exception: Whatever MLflow raises when the store cannot be reached or used.
    """
    from mlflow.tracking import MlflowClient

    database = database_file(uri)
    if database is None:
        client = MlflowClient(uri)
        return client, _experiment_id(client, state)
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock", timeout=_CREATION_TIMEOUT_S):
        _open_database(database)
        client = MlflowClient(uri)
        return client, _experiment_id(client, state)


def _open_database(path: Path) -> None:
    """Create the file if it is missing, and fail at once if it is no database: MLflow would try for minutes."""
    new = not path.exists()
    with closing(sqlite3.connect(path)) as connection:
        # Readers and a writer do not block each other in WAL mode, which stays with the file.
        connection.execute("PRAGMA journal_mode=WAL" if new else "PRAGMA schema_version")


def _experiment_id(client: MlflowClient, state: MirrorState) -> str:
    """Id of the experiment of that name, created if missing."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(state.experiment)
    if experiment is None:
        tags = missing_tags(state.experiment, {})
        try:
            return str(client.create_experiment(state.experiment, state.artifact_root, tags))
        except MlflowException as error:  # another process was faster
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = client.get_experiment_by_name(state.experiment)
    if experiment.lifecycle_stage != "active":
        raise UserError(
            f"MLflow experiment {state.experiment!r} was deleted in {state.tracking_uri}: bring it back with `mlflow "
            f"experiments restore --experiment-id {experiment.experiment_id}`, or choose another logger.experiment"
        )
    for name, value in missing_tags(state.experiment, experiment.tags).items():
        client.set_experiment_tag(experiment.experiment_id, name, value)
    return str(experiment.experiment_id)


def find_run(client: MlflowClient, state: MirrorState) -> Any | None:
    """The MLflow run of `state`; None if there is none, or it was deleted."""
    from mlflow.exceptions import MlflowException

    if state.run_id is None:  # its creator may have died before noting the id
        found = client.search_runs(
            [str(state.experiment_id)], f"tags.`depthrepro.token` = '{state.token}'", max_results=1
        )
        return client.get_run(found[0].info.run_id) if found else None
    try:
        run = client.get_run(state.run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def close_dead_runs(client: MlflowClient, state: MirrorState) -> list[str]:
    """Set runs of this experiment to KILLED that are RUNNING in the store though their process on this host is gone.

    Returns:
        Ids of the runs that were closed.
    """
    query = f"attributes.status = 'RUNNING' and tags.`{HOST_TAG}` = '{state.host}'"
    closed = []
    for run in client.search_runs([str(state.experiment_id)], query, max_results=1000):
        if run.info.run_id == state.run_id or not _is_dead(run):
            continue
        if _is_dead(client.get_run(run.info.run_id)):  # it may have been resumed since the search
            client.set_terminated(run.info.run_id, "KILLED")
            closed.append(run.info.run_id)
    if closed:
        log.info("set %d runs to KILLED whose processes are gone: %s", len(closed), ", ".join(closed))
    return closed


def _is_dead(run: Any) -> bool:
    tags = run.data.tags
    if run.info.status != "RUNNING" or PID_TAG not in tags or STARTED_TAG not in tags:
        return False
    return not is_alive(int(tags[PID_TAG]), float(tags[STARTED_TAG]))


def former_file_store(uri: str, root: Path) -> str | None:
    """One line about an ./mlruns folder that the new database will not show; None if there is nothing to say.

    It is said when the database is created, so once.
    """
    database, folder = database_file(uri), root
    if database is None or database.exists() or not any(folder.glob("mlruns/*/meta.yaml")):
        return None
    return (
        f"{folder / 'mlruns'} holds runs of MLflow's former file store, which {database.name} does not show: copy "
        f"them with `mlflow migrate-filestore --source {folder} --target sqlite:///{(folder / 'mlruns.db').as_posix()}`"
    )


def explain(error: BaseException, uri: str) -> str:
    """One short line without passwords: a UserError's own, else the store and the innermost cause."""
    if isinstance(error, UserError):
        return str(error)
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    line = " ".join(str(error).split()) or type(error).__name__
    return without_password(f"MLflow at {uri}: {line}")[:400]
