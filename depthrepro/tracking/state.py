"""The tracking files of a run directory: which MLflow run mirrors it, how far that is, and its tags.

Every name and every reading and writing of these files is here; `depthrepro.tracking` lists what each is for.
"""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from depthrepro.core.files import write_atomic, write_json
from depthrepro.core.reading import reading

STATE_FILE, OWNER_FILE, LOCK_FILE = "mlflow.json", "mlflow.owner", "mlflow.lock"
TAGS_FILE = "mlflow_tags.json"
LOG_FILE = "mlflow_mirror.log"
STATUSES = {"done": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}  # status.json in MLflow's words


class SupersededError(Exception):
    """A later training process has the run directory now; its mirror does all that is left to do."""


def read_tags(run_dir: Path) -> dict[str, Any]:
    """Tags that training gave the run, from mlflow_tags.json; {} without any."""
    file = run_dir / TAGS_FILE
    if not file.exists():
        return {}
    with reading(file, fix="delete it"):
        return dict(json.loads(file.read_text(encoding="utf-8")))


def add_tags(run_dir: Path, tags: Mapping[str, object]) -> None:
    """Write tags to mlflow_tags.json, which keeps the earlier ones."""
    write_json(run_dir / TAGS_FILE, read_tags(run_dir) | dict(tags))


def take_over(run_dir: Path) -> str:
    """Mark the run directory as this process's, so that mirrors of earlier ones leave; returns the mark."""
    owner = uuid.uuid4().hex
    write_atomic(run_dir / OWNER_FILE, owner)
    return owner


@dataclass
class MirrorState:
    """Content of mlflow.json: all that must outlive the mirror process.

    Attributes:
        tracking_uri: Store, without a password.
        experiment: Name of the MLflow experiment.
        run_name: Name of the MLflow run.
        artifact_root: Folder of the experiment's artifacts, as a URI; None = the server chooses.
        token: Tag of the run; finds it again if the process dies between creating it and noting its id.
        experiment_id: MLflow's id; None before the store was reached.
        run_id: MLflow's id; None before the run was created.
        last_step_sent: Step of the last row that arrived, -1 for none.
        pid: Training process.
        pid_started: When it started, Unix seconds; tells it from a later process with the same number.
        host: Machine it runs on.
        owner: Mark of the training process, which mlflow.owner holds as long as none came after it.
    """

    tracking_uri: str
    experiment: str
    run_name: str
    artifact_root: str | None = None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    experiment_id: str | None = None
    run_id: str | None = None
    last_step_sent: int = -1
    pid: int = 0
    pid_started: float = 0.0
    host: str = field(default_factory=socket.gethostname)
    owner: str = ""

    @classmethod
    def load(cls, run_dir: Path) -> MirrorState | None:
        """State of a run directory; None if it was never mirrored.

        Raises:
            UserError: If the file is damaged.
        """
        path = run_dir / STATE_FILE
        if not path.exists():
            return None
        with reading(path, fix="delete it, and the run is mirrored anew"):
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def continue_from(self, run_dir: Path) -> MirrorState:
        """This new state, or the one in the run directory if that is of the same store and experiment; written.

        Raises:
            UserError: If mlflow.json is damaged.
            SupersededError: If the run directory was taken over.
        """
        state, found = self, MirrorState.load(run_dir)
        if found is not None and (found.tracking_uri, found.experiment) == (self.tracking_uri, self.experiment):
            state = replace(found, host=self.host, pid=self.pid, pid_started=self.pid_started, owner=self.owner)
        state.save(run_dir)
        return state

    def forget_run(self) -> None:
        """Start over in the same store: the run is gone from it."""
        self.token, self.run_id, self.last_step_sent = uuid.uuid4().hex, None, -1

    def check_owner(self, run_dir: Path) -> None:
        """Make sure that no later training process has taken the run directory over.

        Raises:
            SupersededError: If one has, or if the directory was cleared.
        """
        file = run_dir / OWNER_FILE
        if not file.exists() or file.read_text(encoding="utf-8") != self.owner:
            raise SupersededError(f"{run_dir} was taken over")

    def save(self, run_dir: Path) -> None:
        """Write mlflow.json.

        Raises:
            SupersededError: If the run directory was taken over: what the file says now is another's.
        """
        self.check_owner(run_dir)
        write_json(run_dir / STATE_FILE, asdict(self))
