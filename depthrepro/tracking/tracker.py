"""The training process's side of the mirror: starts it, asks whether it is well, and tells it how training ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from depthrepro.config.logger import LoggerConfig, artifact_root, former_file_store, store_uri, without_password
from depthrepro.core.errors import UserError
from depthrepro.core.processes import started_at
from depthrepro.tracking.state import LOG_FILE, STATUSES, MirrorState, add_tags, take_over

# The mirror keeps to the logger's timeout by itself; these bound a mirror that hangs.
_START_S = 120.0
_FINISH_S = 60.0

Warn = Callable[[str], None]


def _to_stderr(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _run_name(run_dir: Path, root: Path) -> str:
    """`L9 seed=0 garg_resolution`, `seed=0 max_steps=20 garg_kitti`: its place in runs/, what tells it apart first.

    A list of runs shows some 25 characters of it: of the settings that were changed, the shortest come first.
    """
    runs = root / "runs"
    *above, seed = run_dir.relative_to(runs).parts if run_dir.is_relative_to(runs) else run_dir.parts[-2:]
    changes = [word for part in above if "=" in part for word in part.split("+")]
    leaves = sorted((re.sub(r"^[^=]*\.", "", word) for word in changes), key=len)
    table, rows = above[:1], [part for part in above[1:] if "=" not in part]
    return " ".join([*rows, seed, *leaves, *table])


def _new_state(run_dir: Path, settings: LoggerConfig, uri: str, root: Path) -> MirrorState:
    return MirrorState(
        tracking_uri=without_password(uri),
        experiment=settings.experiment,
        run_name=settings.run_name or _run_name(run_dir, root),
        artifact_root=artifact_root(uri, root),
        pid=os.getpid(),
        pid_started=started_at(os.getpid()),
        owner=take_over(run_dir),
    )


def _start_mirror(run_dir: Path) -> subprocess.Popen[str]:
    with (run_dir / LOG_FILE).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "depthrepro.tracking", "mirror", str(run_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for training, which then tells the mirror
        )


class Tracker:
    """Handle on the mirror process; of rank 0 only. With `kind="none"` every method does nothing.

    Example:
        tracker = Tracker.start(run_dir, settings)  # returns at once
        ...  # build the data set meanwhile
        tracker.ready()
        tracker.set_tags({"fingerprint": "..."})
        ...  # train, writing RUN/metrics.jsonl
        tracker.finish("FINISHED")

    Args:
        run_dir: The run directory.
        settings: Settings of the logger.
        process: The mirror; None for none.
        warn: Told of what does not stop training, one line each.
    """

    def __init__(
        self, run_dir: Path, settings: LoggerConfig, process: subprocess.Popen[str] | None, warn: Warn
    ) -> None:
        self.run_dir = run_dir
        self.run_id: str | None = None
        self._settings = settings
        self._process = process
        self._warn = warn
        self._last: dict[str, Any] = {}  # the mirror's latest event but warnings; {} before the first
        self._changed = threading.Condition()
        self._finished = False
        if process is not None:
            threading.Thread(target=self._read, daemon=True, name="mlflow mirror").start()

    @classmethod
    def start(
        cls, run_dir: Path | str, settings: LoggerConfig, *, root: Path | str = ".", warn: Warn = _to_stderr
    ) -> Tracker:
        """Start the mirror and return without waiting for it.

        Args:
            run_dir: The run directory; its config.yaml should be there already.
            settings: Settings of the logger.
            root: Folder of mlflow.db and mlartifacts/, where the settings and the environment name no store.
            warn: Told of what does not stop training, one line each.

        Raises:
            UserError: If the store's address makes no sense.
        """
        run_dir, root = Path(run_dir).resolve(), Path(root).expanduser().resolve()
        if settings.kind == "none":
            return cls(run_dir, settings, None, warn)
        uri = store_uri(settings, root)
        if notice := former_file_store(uri, root):
            warn(notice)
        run_dir.mkdir(parents=True, exist_ok=True)
        state = _new_state(run_dir, settings, uri, root)
        tracker = cls(run_dir, settings, _start_mirror(run_dir), warn)
        tracker._say({"settings": asdict(replace(settings, tracking_uri=uri)), "state": asdict(state)})
        return tracker

    def ready(self) -> None:
        """Wait until the MLflow run is open.

        A store that cannot be reached is an error if `settings.required`, else one warning.

        Raises:
            UserError: If the store cannot be reached or used, and is required.
        """
        if self._process is None:
            return
        if self._wait(_START_S, "ready", "unreachable", "failed") == "ready":
            return
        told = self._last.get("message") or f"the MLflow mirror gave no answer, see {self.run_dir / LOG_FILE}"
        if self._settings.required:
            self._finished = True
            self._stop()
            raise UserError(f"{told}; to go on without MLflow: logger.required=false")
        self._warn(f"{told}; going on without it, {self._how_to_fix()}")

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Add tags to the run: scale, data set, fingerprint, git commit and the like.

        They go to RUN/mlflow_tags.json, which keeps earlier ones, and from there to MLflow.

        Args:
            tags: Name to a value that JSON can hold.
        """
        if self._process is not None:
            add_tags(self.run_dir, tags)

    def finish(self, status: str) -> bool:
        """Tell how training ended and wait, bounded, until MLflow has everything; the second call does nothing.

        Args:
            status: FINISHED, FAILED or KILLED.

        Returns:
            Whether everything arrived. If not, a warning has named the command that catches up.

        Raises:
            ValueError: If `status` is none of these.
        """
        if status not in STATUSES.values():
            raise ValueError(f"status {status!r} is none of {', '.join(STATUSES.values())}")
        if self._process is None or self._finished:
            return self._last.get("event", "done") == "done"
        self._finished = True
        self._say({"status": status})
        outcome = self._wait(_FINISH_S, "done", "failed")
        if outcome is None:
            self._warn(f"MLflow is still being sent to in the background; if that fails, {self._how_to_fix()}")
        elif outcome == "failed":
            self._warn(f"MLflow lacks part of this run ({self._last['message']}); {self._how_to_fix()}")
        self._stop()
        return outcome == "done"

    def _how_to_fix(self) -> str:
        return f"`python -m depthrepro.tracking sync {self.run_dir}` catches up"

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(OSError):  # the mirror is gone, which the reader notices
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        """Take the mirror's events until it ends (a thread of its own)."""
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = json.loads(line)
                kind = event["event"]
            except (ValueError, TypeError, KeyError):  # printed by an interpreter's start-up hook, say
                continue
            if kind == "warning":
                self._warn(event["message"])
            else:
                self._set(event)
        if (last := self._last.get("event")) not in ("done", "failed"):
            message = f"the MLflow mirror ended, see {self.run_dir / LOG_FILE}"
            if last == "ready" and not self._finished:
                self._warn(f"{message}; {self._how_to_fix()}")
            self._set({"event": "failed", "message": message})
        self._process.wait()
        self._process.stdout.close()

    def _set(self, event: dict[str, Any]) -> None:
        with self._changed:
            self._last = event
            self.run_id = event.get("run_id", self.run_id)
            self._changed.notify_all()

    def _wait(self, seconds: float, *events: str) -> str | None:
        """The latest event once it is one of `events`; None if that takes longer than `seconds`."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._last.get("event") in events, seconds)
            return str(self._last["event"]) if came else None

    def _stop(self) -> None:
        """Close the mirror's stdin, upon which it ends by itself; the reader waits for that, nobody else."""
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
