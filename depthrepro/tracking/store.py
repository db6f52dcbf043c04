"""The MLflow store: reaching it, creating it safely, its experiment, its runs, and those whose process is gone.

Only the mirror process and `sync` open it. Importing mlflow takes 2 s, so it happens inside the functions.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from depthrepro.config.logger import database_file, without_password
from depthrepro.core.errors import UserError
from depthrepro.core.processes import is_alive
from depthrepro.tracking.notes import missing_experiment_tags
from depthrepro.tracking.state import MirrorState

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# A fresh database takes MLflow seconds of schema migration, more on a busy machine.
_CREATION_TIMEOUT_S = 120.0
PARENT_VARIABLE, SWEEP_VARIABLE = "DEPTHREPRO_PARENT_RUN_ID", "DEPTHREPRO_SWEEP_ID"  # set by a sweep for its jobs
_HOST_TAG, _PID_TAG, _STARTED_TAG = "depthrepro.host", "depthrepro.pid", "depthrepro.pid_started"

log = logging.getLogger(__name__)


def prepare_environment(timeout_s: float) -> None:
    """Set what MLflow reads from the environment; what the person has set stays. Call before mlflow is imported."""
    attempts = 2  # MLflow retries 7 times by default, which is minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(max(1, int(timeout_s / attempts))))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(attempts - 1))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def connect(uri: str, state: MirrorState) -> MlflowClient:
    """Open the store, creating the database and the experiment if they are missing.

    Args:
        uri: Address of the store, with password if it has one.
        state: Names the experiment and its artifact folder, and receives the experiment's id.

    Returns:
        The client.

    Raises:
        UserError: If the experiment was deleted.
        Exception: Whatever MLflow raises when the store cannot be reached or used.
    """
    from mlflow.tracking import MlflowClient

    database = database_file(uri)
    with nullcontext() if database is None else _opening(database):
        client = MlflowClient(uri)
        state.experiment_id = _experiment_id(client, state)
    return client


@contextmanager
def _opening(database: Path) -> Iterator[None]:
    """Let one process at a time open the file, creating it; fail at once if it is no database: MLflow takes minutes."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock", timeout=_CREATION_TIMEOUT_S):
        new = not database.exists()
        with closing(sqlite3.connect(database)) as connection:
            # Readers and a writer do not block each other in WAL mode, which stays with the file.
            connection.execute("PRAGMA journal_mode=WAL" if new else "PRAGMA schema_version")
        yield


def _experiment_id(client: MlflowClient, state: MirrorState) -> str:
    """Id of the experiment of that name, created if missing."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(state.experiment)
    if experiment is None:
        tags = missing_experiment_tags(state.experiment, {})
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
    for name, value in missing_experiment_tags(state.experiment, experiment.tags).items():
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


def create_run(client: MlflowClient, state: MirrorState, run_dir: Path) -> Any:
    """A new MLflow run for the run directory, a child of the sweep's run if a sweep started it."""
    sweep = {"mlflow.parentRunId": os.environ.get(PARENT_VARIABLE), "sweep_id": os.environ.get(SWEEP_VARIABLE)}
    tags = {
        "depthrepro.token": state.token,
        "run_dir": str(run_dir),
        "mlflow.source.name": "depthrepro.train",
        "mlflow.source.type": "LOCAL",
        **owner_tags(state),
        **{name: value for name, value in sweep.items() if value},
    }
    return client.create_run(state.experiment_id, tags=tags, run_name=state.run_name)


def owner_tags(state: MirrorState) -> dict[str, str]:
    """Tags by which `close_dead_runs` finds a run whose training process is gone."""
    return {_HOST_TAG: state.host, _PID_TAG: str(state.pid), _STARTED_TAG: f"{state.pid_started:.2f}"}


def close_dead_runs(client: MlflowClient, state: MirrorState) -> list[str]:
    """Set runs of this experiment to KILLED that are RUNNING in the store though their process on this host is gone.

    Returns:
        Ids of the runs that were closed.
    """
    query = f"attributes.status = 'RUNNING' and tags.`{_HOST_TAG}` = '{state.host}'"
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
    if run.info.status != "RUNNING" or _PID_TAG not in tags or _STARTED_TAG not in tags:
        return False
    return not is_alive(int(tags[_PID_TAG]), float(tags[_STARTED_TAG]))


def explain(error: BaseException, uri: str) -> str:
    """One short line without passwords: a UserError's own, else the store and the innermost cause."""
    if isinstance(error, UserError):
        return str(error)
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    line = " ".join(str(error).split()) or type(error).__name__
    return without_password(f"MLflow at {uri}: {line}")[:400]
