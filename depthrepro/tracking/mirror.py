"""The mirror process: `python -m depthrepro.tracking mirror RUN_DIR`, started by `Tracker`.

The two talk through pipes, in JSON, one object a line:

- stdin: first {"settings": ..., "state": ...}, at the end {"status": "FINISHED"};
- stdout: {"event": ...} with `ready` (run_id), `unreachable` (message; it goes on trying), `warning` (message), and
  as the last `done` or `failed` (message).

All else goes to stderr, which is RUN/mlflow_mirror.log. Where training ends without a status, the run was KILLED.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from depthrepro.config.logger import LoggerConfig, without_password
from depthrepro.core.errors import UserError
from depthrepro.core.processes import is_alive
from depthrepro.tracking import store
from depthrepro.tracking.state import LOCK_FILE, MirrorState, SupersededError
from depthrepro.tracking.upload import Upload

_LONGEST_PAUSE_S = 60.0

log = logging.getLogger(__name__)


class Training:
    """The training process as its mirror sees it: its first words, whether it still runs, how it ended.

    Args:
        stream: Stdin.

    Attributes:
        hello: First line; {} if training ended before it.
        status: How training ended, as far as it has said so.
    """

    def __init__(self, stream: IO[str]) -> None:
        self.hello: dict[str, Any] = json.loads(stream.readline() or "{}")
        self.status: str | None = None
        self._stream = stream
        self._over = threading.Event()
        threading.Thread(target=self._read, daemon=True, name="stdin").start()

    def over(self, seconds: float) -> bool:
        """Wait up to `seconds`; whether training has ended.

        The process is watched too: loader workers hold copies of the pipe, which may stay open after it.
        """
        pid, started = self.hello["state"]["pid"], self.hello["state"]["pid_started"]
        end = time.monotonic() + seconds
        while not self._over.is_set() and is_alive(pid, started):
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._over.wait(min(left, 1.0))
        return True

    def _read(self) -> None:
        self.status = json.loads(self._stream.readline() or "{}").get("status")
        self._over.set()


class Mirror:
    """Keeps an MLflow run up to date with a run directory until training ends.

    Args:
        run_dir: The run directory.
        state: Its state.
        settings: Settings of the logger; `tracking_uri` is the store's whole address, with password if it has one.
        training: The training process.
        send: Tells training an event.
    """

    def __init__(
        self, run_dir: Path, state: MirrorState, settings: LoggerConfig, training: Training, send: Callable[..., None]
    ) -> None:
        self.run_dir, self.state, self.settings, self.training, self.send = run_dir, state, settings, training, send
        self.uri = str(settings.tracking_uri)
        self._upload: Upload | None = None
        self._monitor: Any = None  # MLflow's of the machine's load
        self._failures = 0  # in a row
        self._error: Exception | None = None  # the latest
        self._warned = False

    def run(self) -> int:
        """Mirror until the end; the process's exit code."""
        if self._attempt(self._open):
            self._attempt(lambda: store.close_dead_runs(self._open().client, self.state))
        else:
            self.send("failed" if self.settings.required else "unreachable", message=self._why_unreachable())
            if self.settings.required:
                return 1
        while not self.training.over(self._pause()):
            self._attempt(lambda: self._open().update())
        self._stop_monitor()
        return self._deliver(self.training.status or "KILLED")

    def _open(self) -> Upload:
        """The upload, opened when it is first asked for."""
        if self._upload is None:
            upload = Upload.open(self.run_dir, self.state, self.uri)
            upload.claim()
            self._upload = upload
            self.send("ready", run_id=self.state.run_id)
            if hasattr(os, "nice"):
                os.nice(5)  # from here on training goes first
        return self._upload

    def _deliver(self, status: str) -> int:
        """Send the rest and the status, giving up one timeout after the first failure; the exit code."""
        self._failures = 0
        deadline = time.monotonic() + self.settings.timeout_s
        while not self._attempt(lambda: self._open().finish(status)):
            if time.monotonic() > deadline:
                message = self._describe_error()
                if self._upload is not None:
                    self._attempt(lambda: self._open().set_status(status))  # whatever else did not arrive
                self.send("failed", message=message)
                return 1
            time.sleep(min(self._pause(), 2.0))
        self.send("done")
        return 0

    def _pause(self) -> float:
        """Seconds until the next attempt; longer after each failure."""
        return float(min(self.settings.flush_seconds * 2**self._failures, _LONGEST_PAUSE_S))

    def _attempt(self, action: Callable[[], object]) -> bool:
        """Do it; a failure is logged, and told once if the store had been reached before."""
        try:
            self.state.check_owner(self.run_dir)
            action()
        except SupersededError:
            raise
        except Exception as error:
            log.exception("this will be tried again")
            self._error = error
            if self._upload is not None and not self._warned and not self.training.over(0):
                self._warned = True
                self.send("warning", message=f"{self._describe_error()}; training goes on, the mirror tries again")
            self._failures = min(self._failures + 1, 10)
            return False
        if self._monitor is None or self._failures:
            self._restart_monitor()
        self._failures = 0
        return True

    def _describe_error(self) -> str:
        assert self._error is not None
        return store.explain(self._error, self.uri)

    def _why_unreachable(self) -> str:
        if isinstance(self._error, UserError):  # says how to fix it
            return str(self._error)
        how = "start that server or change" if self.uri.startswith("http") else "change"
        return f"{self._describe_error()}; {how} logger.tracking_uri"

    def _restart_monitor(self) -> None:
        """Start MLflow's system metrics, whose thread ends by itself when the store fails; they are worth no error."""
        if not self.settings.system_metrics or self._upload is None or self.training.over(0):
            return
        self._stop_monitor()
        try:
            from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor  # 2 s

            self._monitor = SystemMetricsMonitor(self.state.run_id, resume_logging=True, tracking_uri=self.uri)
            self._monitor.start()
        except Exception:
            log.exception("no system metrics")
            self.settings.system_metrics = False

    def _stop_monitor(self) -> None:
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None


class _WithoutPasswords(logging.Formatter):
    """Tracebacks quote addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return without_password(super().format(record))


def _prepare_process() -> Callable[..., None]:
    """Ignore signals, log to stderr, and keep stdout for events; the function that sends one."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # it ends with training, and tells how training ended
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutPasswords("%(asctime)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to the log

    def send(event: str, **values: Any) -> None:
        try:
            print(json.dumps({"event": event, **values}), file=events, flush=True)
        except OSError:  # training is gone
            log.info("nobody reads: %s %s", event, values)

    return send


def main(run_dir: Path) -> int:
    """Body of the mirror process; returns its exit code."""
    send = _prepare_process()
    training = Training(sys.stdin)
    if not training.hello:
        return 1
    settings = LoggerConfig(**training.hello["settings"])
    store.prepare_environment(settings.timeout_s)
    try:
        # The mirror of a process that was just killed may still be sending: it leaves after the call it is in.
        with FileLock(run_dir / LOCK_FILE, timeout=4 * settings.timeout_s + 10):
            state = MirrorState(**training.hello["state"]).continue_from(run_dir)
            return Mirror(run_dir, state, settings, training, send).run()
    except Timeout:
        send("failed", message=f"another process still mirrors {run_dir}: wait until it has ended")
    except SupersededError as error:
        log.info("%s: leaving", error)
    except UserError as error:
        send("failed", message=str(error))
    return 1
