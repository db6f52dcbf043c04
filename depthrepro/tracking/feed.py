"""Feeds one MLflow run from one run directory. Every step may be repeated without harm.

No point is sent twice: when a run is continued, MLflow is asked for the last step of each metric, and only later steps
are sent. So a mirror that was killed between sending and noting it, and a resumed run that does its last steps again,
leave one point each. (The steps done again keep the values of the first time; on a CPU they are the same.)
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from depthrepro.core.metrics_log import Row, Tail
from depthrepro.tracking import store
from depthrepro.tracking.shown import description, main_output, metric_name, params, printed, shown_metric
from depthrepro.tracking.state import TAGS_FILE, MirrorState

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

PARENT_VARIABLE, SWEEP_VARIABLE = "DEPTHREPRO_PARENT_RUN_ID", "DEPTHREPRO_SWEEP_ID"
_ARTIFACTS = ("config.yaml", "environment.txt", "summary.json", "per_image.csv", "per_range.csv", "metrics.jsonl")
_MAX_METRICS, _MAX_PARAMS = 1000, 100

log = logging.getLogger(__name__)


class Feed:
    """An open MLflow run and the place in metrics.jsonl that it has reached.

    Args:
        run_dir: The run directory.
        state: Its state; `open` fills in the ids.
        client: Client of the store.
    """

    def __init__(self, run_dir: Path, state: MirrorState, client: MlflowClient) -> None:
        self.run_dir = run_dir
        self.state = state
        self.client = client
        self._tail = Tail(run_dir / "metrics.jsonl")
        self._last_steps: dict[str, int] = {}  # per metric, what the store has
        self._params: set[str] = set()  # names that the store has
        self._tags: dict[str, str] = {}  # what the store has

    @classmethod
    def open(cls, run_dir: Path, state: MirrorState, uri: str) -> Feed:
        """Reach the store and create the run, or continue it.

        Raises:
            SupersededError: If the run directory was started anew meanwhile.
            Exception: Whatever MLflow raises when the store cannot be reached.
        """
        client, state.experiment_id = store.connect(uri, state)
        feed = cls(run_dir, state, client)
        run = store.find_run(client, state)
        if run is None and state.run_id is not None:
            log.warning("run %s is gone from the store: mirroring into a new one", state.run_id)
            state.forget_run()
            state.save(run_dir)
        if run is None:
            run = client.create_run(state.experiment_id, tags=feed._first_tags(), run_name=state.run_name)
        feed._last_steps = {m.key: m.step for m in run.to_proto().data.metrics}
        feed._params = set(run.data.params)
        feed._tags = dict(run.data.tags)
        state.run_id = run.info.run_id
        state.save(run_dir)
        return feed

    def claim(self) -> None:
        """Name this host's training process as the run's, and set it RUNNING.

        In this order, so that nobody takes it for one whose process is gone.
        """
        self._set_tags(self._owner_tags())
        self.client.update_run(self.state.run_id, status="RUNNING")

    def update(self) -> None:
        """Send what is new: parameters, metrics, tags."""
        self._send_params()
        for rows in self._tail.batches(_MAX_METRICS):
            points = [point for row in rows for point in self._new_points(row)]
            for start in range(0, len(points), _MAX_METRICS):
                self._send_points(points[start : start + _MAX_METRICS])
            if rows:
                self.state.last_step_sent = max(self.state.last_step_sent, rows[-1]["step"])
                self.state.save(self.run_dir)
        self._set_tags(self._current_tags())

    def finish(self, status: str | None) -> None:
        """Send the rest, the artifacts and the checkpoint's address, then the status.

        Args:
            status: FINISHED, FAILED or KILLED; None leaves it as it is.
        """
        self._send_params(last=True)
        self.update()
        self._set_tags(self._checkpoint_tags() | self._description_tags())
        self._send_artifacts()
        if status is not None:
            self.client.set_terminated(self.state.run_id, status)

    def _new_points(self, row: Row) -> list[tuple[str, float, int, int]]:
        """(name, value, milliseconds, step) of the row's values that the store lacks."""
        main = main_output(self._config, self._given_tags())
        shown = {shown_metric(name, main): value for name, value in row["metrics"].items() if value is not None}
        return [
            (name, float(value), int(row["time"] * 1000), row["step"])
            for name, value in shown.items()
            if name is not None and row["step"] > self._last_steps.get(name, -1)
        ]

    def _send_points(self, points: list[tuple[str, float, int, int]]) -> None:
        from mlflow.entities import Metric

        self.client.log_batch(self.state.run_id, metrics=[Metric(*point) for point in points])
        for name, _, _, step in points:
            self._last_steps[name] = step

    def _send_params(self, *, last: bool = False) -> None:
        """Send the parameters, each once: MLflow refuses to change one.

        Which data set it is, training says only when it has read it; until then, or the `last` time, this goes on.
        """
        from mlflow.entities import Param

        if self.state.params_sent or not self._config:
            return
        given = self._given_tags()
        new = [Param(name, value) for name, value in params(self._config, given).items() if name not in self._params]
        for start in range(0, len(new), _MAX_PARAMS):
            self.client.log_batch(self.state.run_id, params=new[start : start + _MAX_PARAMS])
        self._params |= {param.key for param in new}
        if last or "data" in given:
            self.state.params_sent = True
            self.state.save(self.run_dir)

    @cached_property
    def _config(self) -> dict[str, Any]:
        """The content of config.yaml, which is there before the mirror starts; {} without."""
        file = self.run_dir / "config.yaml"
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}

    def _given_tags(self) -> dict[str, Any]:
        """What training wants the run to be found by."""
        file = self.run_dir / TAGS_FILE
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}

    def _set_tags(self, tags: dict[str, str]) -> None:
        from mlflow.entities import RunTag

        changed = {name: value for name, value in tags.items() if self._tags.get(name) != value}
        if changed:
            self.client.log_batch(self.state.run_id, tags=[RunTag(name, value) for name, value in changed.items()])
            self._tags.update(changed)

    def _first_tags(self) -> dict[str, str]:
        tags = {
            "depthrepro.token": self.state.token,
            "run_dir": str(self.run_dir),
            "mlflow.source.name": "depthrepro.train",
            "mlflow.source.type": "LOCAL",
        }
        sweep = {"mlflow.parentRunId": os.environ.get(PARENT_VARIABLE), "sweep_id": os.environ.get(SWEEP_VARIABLE)}
        return tags | self._owner_tags() | {name: value for name, value in sweep.items() if value}

    def _owner_tags(self) -> dict[str, str]:
        started = f"{self.state.pid_started:.2f}"
        return {store.HOST_TAG: self.state.host, store.PID_TAG: str(self.state.pid), store.STARTED_TAG: started}

    def _current_tags(self) -> dict[str, str]:
        """Tags of mlflow_tags.json, and a count of the values that were not finite, which MLflow cannot show."""
        given = {k: shlex.join(v) if isinstance(v, list) else v for k, v in self._given_tags().items()}
        tags = {metric_name(name): printed(value) for name, value in given.items()}
        if "git_commit" in tags:
            tags["mlflow.source.git.commit"] = tags["git_commit"]
        if self._tail.nulls:
            tags["non_finite"] = ", ".join(f"{name}: {count}" for name, count in sorted(self._tail.nulls.items()))
        return tags

    def _checkpoint_tags(self) -> dict[str, str]:
        checkpoint = self.run_dir / "checkpoints" / "last.pt"
        if not checkpoint.exists():
            return {}
        digest = hashlib.sha256()
        with checkpoint.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return {"checkpoint": str(checkpoint), "checkpoint_sha256": digest.hexdigest()}

    def _description_tags(self) -> dict[str, str]:
        """The note that MLflow shows on the run's page, once there are numbers."""
        try:
            summary = json.loads((self.run_dir / "summary.json").read_text(encoding="utf-8"))
            return {"mlflow.note.content": description(summary, self._config, self.run_dir)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not worth an error
            return {}

    def _send_artifacts(self) -> None:
        for name in _ARTIFACTS:
            if (self.run_dir / name).exists():
                self.client.log_artifact(self.state.run_id, str(self.run_dir / name))
        for figure in sorted((self.run_dir / "figures").glob("*.png")):
            self.client.log_artifact(self.state.run_id, str(figure), "figures")
        for file in sorted(self.run_dir.glob("tests/*/*")) + sorted(self.run_dir.glob("tests/*/figures/*.png")):
            if file.name in _ARTIFACTS or file.suffix == ".png":
                folder = file.parent.relative_to(self.run_dir).as_posix()
                self.client.log_artifact(self.state.run_id, str(file), folder)
