"""The run directory: its files, its status, and the lock that keeps two processes apart."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.core.files import full_disk, remove_leftovers, write_json
from depthrepro.core.reading import reading, reason

MARKERS = ("summary.json", "status.json", "config.yaml")  # any of them makes a folder a run directory
# Everything that a run writes into its directory.
WRITTEN = (
    *("metrics.jsonl", "environment.txt", "checkpoints", "figures", "nonfinite"),
    *("predictions", "panel", "per_image.csv", "per_range.csv", "confusion.csv", "tests", "evaluations"),
    *("mlflow.json", "mlflow.owner", "mlflow.lock", "mlflow_tags.json", "mlflow_mirror.log"),
    *MARKERS,
)


class InUseError(UserError):
    """Another process has the run directory."""


def now() -> str:
    """Current time, ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class RunDir:
    """Names of everything a run leaves behind, under one folder.

    Args:
        path: The folder; created when the lock is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.status_file = path / "status.json"
        self.metrics = path / "metrics.jsonl"
        self.summary = path / "summary.json"
        self.environment = path / "environment.txt"
        self.checkpoints = path / "checkpoints"
        self.last = self.checkpoints / "last.pt"
        self.best = self.checkpoints / "best.pt"
        self._lock_file = path / ".lock"
        self._lock_handle: int | None = None
        self._made: list[Path] = []

    def status(self) -> dict[str, Any]:
        """Content of status.json; {} for a new run. "running" whose process is gone reads "stopped".

        Raises:
            UserError: If the file is damaged.
        """
        if not self.status_file.exists():
            return {}
        with reading(self.status_file, fix="delete it, or start again with force=true"):
            status = dict(json.loads(self.status_file.read_text(encoding="utf-8")))
        if status.get("status") == "running" and not self._is_locked():
            status |= {"status": "stopped", "message": "its process was killed"}
        return status

    def write_status(self, status: str, message: str | None = None, **values: Any) -> None:
        """Replace status.json; what `values` leaves out is kept."""
        kept = {k: v for k, v in self.status().items() if k not in ("status", "message", "updated")}
        write_json(self.status_file, {"status": status, **kept, **values, "message": message, "updated": now()})

    def lock(self) -> None:
        """Take the directory for this process; freed by the system however the process ends.

        Raises:
            InUseError: If another process holds it.
            UserError: If it holds files, but no run: nothing is written or deleted there.
        """
        self._refuse_foreign()
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if full_disk(error):
                raise
            raise UserError(
                f"{self.path} cannot be made ({reason(error)}): name another folder with root=... or run_dir=..."
            ) from error
        handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock_without_waiting(handle)
        except OSError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() if hasattr(os, "pread") else "unknown"
            os.close(handle)
            raise InUseError(
                f"{self.path} is in use by process {holder}: wait for it, or give this run its own run_dir=..."
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._lock_handle, self._made = handle, made

    def _refuse_foreign(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file: name a folder with run_dir=...")
        present = {entry.name for entry in self.path.glob("*")} - {self._lock_file.name}
        present -= {name for name in present if name.startswith(".") and name.endswith(".tmp")}  # of a killed process
        if present and not (self._lock_file.exists() and present & set(MARKERS)) and not self._has_status():
            raise UserError(
                f"{self.path} holds files, but no run, so nothing is written or deleted there: name a new folder with "
                "run_dir=..."
            )

    def _has_status(self) -> bool:
        """Whether status.json is a run's, which names its configuration."""
        try:
            return "config_hash" in json.loads(self.status_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            return False

    def _is_locked(self) -> bool:
        """Whether a process, this one or another, has the directory."""
        try:
            handle = os.open(self._lock_file, os.O_RDWR)
        except OSError:
            return False
        try:
            _lock_without_waiting(handle)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def refuse_other(self, config_hash: str) -> None:
        """Make sure that the directory holds no other configuration's run.

        Raises:
            UserError: If the run recorded here has another configuration hash.
        """
        if self.status().get("config_hash") not in (None, config_hash):
            raise UserError(
                f"{self.path} holds a run of another configuration (compare {self.config.name} there): "
                "start again with force=true, or keep both with run_dir=..."
            )

    def unlock(self, *, drop_empty: bool = False) -> None:
        """Give the directory back; `drop_empty`: and delete what was made for a run of which nothing was written."""
        if self._lock_handle is None:
            return
        drop_empty = drop_empty and bool(self._made)
        if drop_empty and [entry.name for entry in self.path.glob("*")] == [self._lock_file.name]:
            self._lock_file.unlink()
        os.close(self._lock_handle)
        self._lock_handle = None
        for folder in self._made if drop_empty else ():
            try:
                folder.rmdir()
            except OSError:  # not empty
                break

    def clear(self) -> None:
        """Delete what the run wrote and nothing else: `force=true`. Last what makes it a run: a kill may come."""
        for entry in (self.path / name for name in WRITTEN):
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
            remove_leftovers(entry)


def find_runs(root: Path) -> list[Path]:
    """Run directories under `root`, sorted; nothing is searched below one (predictions hold many files)."""
    found: list[Path] = []
    for folder, subfolders, files in os.walk(root):
        if any(marker in files for marker in MARKERS):
            found.append(Path(folder))
            subfolders.clear()
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
    return sorted(found)


def _lock_without_waiting(handle: int) -> None:
    """Exclusive advisory lock on an open file; OSError if someone else has it."""
    if os.name == "nt":
        import msvcrt  # of Windows alone

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl  # of POSIX alone

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
