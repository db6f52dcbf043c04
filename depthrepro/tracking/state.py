"""RUN/mlflow.json: which MLflow run mirrors this run directory, and how far it got."""

from __future__ import annotations

import json
import socket
import uuid
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.core.files import write_atomic, write_json

STATE_FILE = "mlflow.json"
TAGS_FILE = "mlflow_tags.json"
OWNER_FILE = "mlflow.owner"


class SupersededError(Exception):
    """A later training process has the run directory now; its mirror does all that is left to do."""


def take_over(run_dir: Path) -> str:
    """Mark the run directory as this process's, so that mirrors of earlier ones leave; returns the mark."""
    owner = uuid.uuid4().hex
    write_atomic(run_dir / OWNER_FILE, owner)
    return owner


@dataclass
class MirrorState:
    """What must survive the mirror process.

    Attributes:
        tracking_uri: Store, without a password.
        experiment: Name of the MLflow experiment.
        run_name: Name of the MLflow run.
        artifact_root: Folder of the experiment's artifacts, as a URI; None = the server chooses.
        token: Tag of the run; finds it again if the process dies between creating it and noting its id.
        experiment_id: MLflow's id; None before the store was reached.
        run_id: MLflow's id; None before the run was created.
        last_step_sent: Step of the last row that arrived, -1 for none.
        params_sent: Whether the parameters arrived.
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
    params_sent: bool = False
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
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}): delete it, and the run is mirrored anew") from error

    def continues(self, wanted: MirrorState) -> bool:
        """Whether `wanted` is the same run in the same store and experiment."""
        return (self.tracking_uri, self.experiment) == (wanted.tracking_uri, wanted.experiment)

    def forget_run(self) -> None:
        """Start over in the same store: the run is gone from it."""
        self.token, self.run_id, self.last_step_sent, self.params_sent = uuid.uuid4().hex, None, -1, False

    def check_owner(self, run_dir: Path) -> None:
        """Make sure that no later training process has taken the run directory over.

        Raises:
            SupersededError: If one has, or if the directory was cleared.
        """
        file = run_dir / OWNER_FILE
        if not file.exists() or file.read_text(encoding="utf-8") != self.owner:
            raise SupersededError(f"{run_dir} was taken over")

    def save(self, run_dir: Path) -> None:
        """Write the file.

        Raises:
            SupersededError: If the run directory was taken over: what it says now is another's.
        """
        self.check_owner(run_dir)
        write_json(run_dir / STATE_FILE, asdict(self))
