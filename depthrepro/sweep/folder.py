"""The folder of a sweep: its jobs as launched, how each stands, and the request to stop."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from depthrepro.core.files import write_atomic, write_json
from depthrepro.core.processes import is_alive
from depthrepro.core.reading import reading


class SweepFolder:
    """Names and contents of the files under runs/.sweeps/<name>-<hash>/, an absolute path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sweep = path / "sweep.json"
        self.jobs = path / "jobs"
        self.lock = path / "sweep.lock"
        self.code = path / "code.diff"
        self._stop = path / "stop"

    def snapshot(self, number: int) -> Path:
        """The job's resolved configuration."""
        return self.jobs / f"{number:02d}.yaml"

    def log(self, number: int) -> Path:
        """Everything the job printed."""
        return self.jobs / f"{number:02d}.log"

    def read(self) -> dict[str, Any]:
        """Content of sweep.json; {} for a new sweep.

        Raises:
            UserError: If the file is damaged.
        """
        return _read_json(self.sweep)

    def write(self, content: dict[str, Any]) -> None:
        """Replace sweep.json; only the sweep's own process does."""
        write_json(self.sweep, content)

    def state(self, number: int) -> dict[str, Any]:
        """Status of a job and what belongs to it; {} before the sweep was launched."""
        return _read_json(self.jobs / f"{number:02d}.json")

    def set_state(self, number: int, status: str, **values: Any) -> None:
        """Replace the job's state; only the process that starts the job does."""
        write_json(self.jobs / f"{number:02d}.json", {"status": status, **values})

    def running(self) -> list[int]:
        """Jobs that run on this machine."""
        states = {int(f.stem): _read_json(f) for f in sorted(self.jobs.glob("*.json"))}
        return [
            number
            for number, state in states.items()
            if state.get("status") == "running"
            and state["host"] == socket.gethostname()
            and is_alive(state["pid"], state["pid_started"])
        ]

    def request_stop(self) -> None:
        """Tell every job of this sweep to write its checkpoint and stop, and to start no other."""
        write_atomic(self._stop, "")

    def stop_requested(self) -> bool:
        """Whether the sweep is being stopped."""
        return self._stop.exists()

    def first(self, name: str) -> bool:
        """Whether nobody has asked for `name` since the launch: for what is to be said once, by whichever process."""
        try:
            (self.path / f"told_{name}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def forget_last_launch(self) -> None:
        """Let jobs run again, and say things anew."""
        for marker in (self._stop, *self.path.glob("told_*")):
            marker.unlink(missing_ok=True)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with reading(path, fix="delete it and type the command again"):
        return dict(json.loads(path.read_text(encoding="utf-8")))
