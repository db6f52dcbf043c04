"""Sends a run directory to its MLflow run. Every step may be repeated without harm.

No point is sent twice: when a run is continued, MLflow is asked for the last step of each metric, and only later steps
are sent. So a mirror that was killed between sending and noting it, and a resumed run that does its last steps again,
leave one point each. (The steps done again keep the values of the first time; on a CPU they are the same.)
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import socket
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from depthrepro.config.logger import without_password
from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.core.metrics_log import Row, Tail
from depthrepro.core.processes import is_alive
from depthrepro.core.run_dir import RunDir
from depthrepro.tracking import store
from depthrepro.tracking.notes import run_note
from depthrepro.tracking.shown import main_output, metric_name, params, printed, shown_metric
from depthrepro.tracking.state import LOCK_FILE, STATE_FILE, STATUSES, MirrorState, SupersededError, read_tags

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_ARTIFACTS = ("config.yaml", "environment.txt", "summary.json", "per_image.csv", "per_range.csv", "metrics.jsonl")
_ARTIFACT_FOLDERS = ("", "figures", "tests/*", "tests/*/figures")
_MAX_METRICS, _MAX_PARAMS = 1000, 100  # MLflow's limits for one call

log = logging.getLogger(__name__)


class Upload:
    """An open MLflow run and the place in metrics.jsonl that it has reached; `open` makes one."""

    def __init__(self, run_dir: Path, state: MirrorState, client: MlflowClient) -> None:
        self.run_dir = run_dir
        self.state = state
        self.client = client
        self._files = RunDir(run_dir)
        self._tail = Tail(self._files.metrics)
        self._params_are_complete = False
        # What the store has:
        self._last_steps: dict[str, int] = {}  # per metric
        self._params: set[str] = set()
        self._tags: dict[str, str] = {}

    @classmethod
    def open(cls, run_dir: Path, state: MirrorState, uri: str) -> Upload:
        """Reach the store and create the run, or continue it.

        Raises:
            SupersededError: If the run directory was started anew meanwhile.
            Exception: Whatever MLflow raises when the store cannot be reached.
        """
        client = store.connect(uri, state)
        upload = cls(run_dir, state, client)
        run = store.find_run(client, state)
        if run is None and state.run_id is not None:
            log.warning("run %s is gone from the store: mirroring into a new one", state.run_id)
            state.forget_run()
            state.save(run_dir)
        if run is None:
            run = store.create_run(client, state, run_dir)
        upload._last_steps = {m.key: m.step for m in run.to_proto().data.metrics}
        upload._params = set(run.data.params)
        upload._tags = dict(run.data.tags)
        state.run_id = run.info.run_id
        state.save(run_dir)
        return upload

    def claim(self) -> None:
        """Name this host's training process as the run's, and set it RUNNING.

        In this order, so that nobody takes it for one whose process is gone.
        """
        self._send_tags(store.owner_tags(self.state))
        self.client.update_run(self.state.run_id, status="RUNNING")

    def update(self) -> None:
        """Send what is new: parameters, metrics, tags."""
        given = read_tags(self.run_dir)
        # Which data set it is, training says only when it has read it.
        self._send_params(given, complete="data" in given)
        for rows in self._tail.batches(_MAX_METRICS):
            self._send_points([point for row in rows for point in self._new_points(row)])
            if rows:
                self.state.last_step_sent = max(self.state.last_step_sent, rows[-1]["step"])
                self.state.save(self.run_dir)
        self._send_tags(self._current_tags(given))

    def finish(self, status: str | None) -> None:
        """Send the rest, the artifacts and the checkpoint's address, then the status.

        Args:
            status: FINISHED, FAILED or KILLED; None leaves it as it is.
        """
        self._send_params(read_tags(self.run_dir), complete=True)
        self.update()
        self._send_tags(self._checkpoint_tags() | self._note_tags())
        self._send_artifacts()
        if status is not None:
            self.set_status(status)

    def set_status(self, status: str) -> None:
        """Tell MLflow how the run ended: FINISHED, FAILED or KILLED."""
        self.client.set_terminated(self.state.run_id, status)

    def _new_points(self, row: Row) -> list[tuple[str, float, int, int]]:
        """(name, value, milliseconds, step) of the row's values that the store lacks."""
        main = main_output(self._config, read_tags(self.run_dir))
        shown = {shown_metric(name, main): value for name, value in row["metrics"].items() if value is not None}
        return [
            (name, float(value), int(row["time"] * 1000), row["step"])
            for name, value in shown.items()
            if name is not None and row["step"] > self._last_steps.get(name, -1)
        ]

    def _send_points(self, points: list[tuple[str, float, int, int]]) -> None:
        from mlflow.entities import Metric  # importing mlflow takes 2 s, here and below

        for start in range(0, len(points), _MAX_METRICS):
            batch = points[start : start + _MAX_METRICS]
            self.client.log_batch(self.state.run_id, metrics=[Metric(*point) for point in batch])
            self._last_steps |= {name: step for name, _, _, step in batch}

    def _send_params(self, given: dict[str, Any], *, complete: bool) -> None:
        """Send those parameters that the store lacks: it refuses to change one. Once `complete`, no more follow."""
        from mlflow.entities import Param

        if self._params_are_complete or not self._config:
            return
        new = [Param(name, value) for name, value in params(self._config, given).items() if name not in self._params]
        for start in range(0, len(new), _MAX_PARAMS):
            self.client.log_batch(self.state.run_id, params=new[start : start + _MAX_PARAMS])
        self._params |= {param.key for param in new}
        self._params_are_complete = complete

    def _send_tags(self, tags: dict[str, str]) -> None:
        from mlflow.entities import RunTag

        changed = {name: value for name, value in tags.items() if self._tags.get(name) != value}
        if changed:
            self.client.log_batch(self.state.run_id, tags=[RunTag(name, value) for name, value in changed.items()])
            self._tags |= changed

    def _send_artifacts(self) -> None:
        for folder in _ARTIFACT_FOLDERS:
            for file in sorted(self.run_dir.glob(f"{folder}/*" if folder else "*")):
                if file.name in _ARTIFACTS or (folder and file.suffix == ".png"):
                    place = file.parent.relative_to(self.run_dir).as_posix() if folder else None
                    self.client.log_artifact(self.state.run_id, str(file), place)

    @cached_property
    def _config(self) -> dict[str, Any]:
        """The content of config.yaml, which is there before the mirror starts; {} without."""
        file = self._files.config
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}

    def _current_tags(self, given: dict[str, Any]) -> dict[str, str]:
        """Training's tags, and a count of the values that were not finite, which MLflow cannot show."""
        lines = {name: shlex.join(value) if isinstance(value, list) else value for name, value in given.items()}
        tags = {metric_name(name): printed(value) for name, value in lines.items()}
        if "git_commit" in tags:
            tags["mlflow.source.git.commit"] = tags["git_commit"]
        if self._tail.nulls:
            tags["non_finite"] = ", ".join(f"{name}: {count}" for name, count in sorted(self._tail.nulls.items()))
        return tags

    def _checkpoint_tags(self) -> dict[str, str]:
        checkpoint = self._files.last
        return {"checkpoint": str(checkpoint), "checkpoint_sha256": sha256(checkpoint)} if checkpoint.exists() else {}

    def _note_tags(self) -> dict[str, str]:
        """The note that MLflow shows on the run's page, once there are numbers."""
        try:
            summary = json.loads(self._files.summary.read_text(encoding="utf-8"))
            return {"mlflow.note.content": run_note(summary, self._config, self.run_dir)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not worth an error
            return {}


def sync(run_dir: Path, timeout_s: float = 10.0) -> str:
    """Send what the MLflow run of `run_dir` lacks; doing it twice changes nothing.

    Args:
        run_dir: The run directory.
        timeout_s: Seconds the store may take to answer.

    Returns:
        One line that says what the store has now.

    Raises:
        UserError: If the directory was never tracked, is being mirrored right now, or the store cannot be reached.
    """
    run_dir = run_dir.resolve()
    state = MirrorState.load(run_dir)
    if state is None:
        raise UserError(f"{run_dir / STATE_FILE} is missing: not a run directory, or the run had logger=none")
    # The password is never written down, so the environment's address is used where it is the same but for that.
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    uri = given if without_password(given) == state.tracking_uri else state.tracking_uri
    store.prepare_environment(timeout_s)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with FileLock(run_dir / LOCK_FILE, timeout=0.5):
            status = _status(run_dir, state)
            Upload.open(run_dir, state, uri).finish(status)
    except Timeout:
        raise UserError(f"{run_dir} is being mirrored by a running process: nothing to catch up with") from None
    except SupersededError:
        raise UserError(f"{run_dir} was started again meanwhile: its own process mirrors it") from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{store.explain(error, uri)}; nothing is lost, try again later") from error
    reached = f"up to step {state.last_step_sent}, {status or 'RUNNING'}"
    return f"{run_dir}: {state.tracking_uri} has run {state.run_id} {reached}"


def _status(run_dir: Path, state: MirrorState) -> str | None:
    """MLflow's word for how the run ended; None for one that still runs, as far as this machine can know."""
    status = RunDir(run_dir).status().get("status")
    if status in STATUSES:
        return STATUSES[status]
    if state.host != socket.gethostname() or is_alive(state.pid, state.pid_started):
        return None
    return "KILLED"
