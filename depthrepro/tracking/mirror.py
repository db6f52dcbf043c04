"""The mirror process: `python -m depthrepro.tracking mirror RUN_DIR`, started by `Tracker`.

`channel.py` is how the two talk; everything else goes to stderr, which is RUN/mlflow_mirror.log. When stdin
or the training process ends without a status, the run was KILLED.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from depthrepro.config.logger import LoggerConfig, artifact_root, without_password
from depthrepro.core.errors import UserError
from depthrepro.tracking import store
from depthrepro.tracking.channel import Inbox, Outbox
from depthrepro.tracking.feed import Feed
from depthrepro.tracking.state import MirrorState, SupersededError

LOCK_FILE = "mlflow.lock"
_LONGEST_PAUSE_S = 60.0

log = logging.getLogger(__name__)


class Mirror:
    """Keeps an MLflow run abreast of a run directory until training ends.

    Args:
        run_dir: The run directory.
        config: Settings of the logger.
        uri: Address of the store.
        root: Folder of the tracking store, where the former file store may lie too.
        state: State of the run directory.
        inbox: What training says.
        send: Tells training an event.
    """

    def __init__(
        self,
        run_dir: Path,
        config: LoggerConfig,
        uri: str,
        root: Path,
        state: MirrorState,
        inbox: Inbox,
        send: Callable[..., None],
    ) -> None:
        self.run_dir, self.config, self.uri, self.root, self.state = run_dir, config, uri, root, state
        self.inbox, self.send = inbox, send
        self._feed: Feed | None = None
        self._monitor: Any = None
        self._failures = 0  # in a row
        self._warned = False
        self._error, self._told_remedy = "", False

    def run(self) -> int:
        """Mirror until the end; the process's exit code."""
        if self._attempt(self._connect):
            self._attempt(self._close_dead_runs)
        else:
            remedy = "start that server or change" if self.uri.startswith("http") else "change"
            message = self._error + ("" if self._told_remedy else f"; {remedy} logger.tracking_uri")
            self.send("failed" if self.config.required else "unreachable", message=message)
            if self.config.required:
                return 1
        while not self.inbox.over(self._pause()):
            self._attempt(self._step)
        self._stop_monitor()
        return self._deliver(self.inbox.status or "KILLED")

    def _deliver(self, status: str) -> int:
        """Send the rest and the status, giving up one timeout after the first failure; the exit code."""
        self._failures = 0
        deadline = time.monotonic() + self.config.timeout_s
        while not self._attempt(lambda: self._finish(status)):
            if time.monotonic() > deadline:
                message = self._error
                self._attempt(lambda: self._set_status(status))  # whatever else did not arrive
                self.send("gave_up", message=message)
                return 1
            time.sleep(min(self._pause(), 2.0))
        self.send("done")
        return 0

    def _pause(self) -> float:
        """Seconds until the next attempt; longer after each failure."""
        return float(min(self.config.flush_seconds * 2**self._failures, _LONGEST_PAUSE_S))

    def _attempt(self, action: Callable[[], None]) -> bool:
        """Do it; a failure is logged, and told once if the store had been reached before."""
        try:
            self.state.check_owner(self.run_dir)
            action()
        except SupersededError:
            raise
        except Exception as error:
            log.exception("this will be tried again")
            self._error, self._told_remedy = store.explain(error, self.uri), isinstance(error, UserError)
            if self._feed is not None and not self._warned and not self.inbox.over(0):
                self._warned = True
                self.send("warning", message=f"{self._error}; training goes on, the mirror tries again")
            self._failures = min(self._failures + 1, 10)
            return False
        if self._monitor is None or self._failures:
            self._restart_monitor()
        self._failures = 0
        return True

    def _connect(self) -> None:
        notice = store.former_file_store(self.uri, self.root)
        feed = Feed.open(self.run_dir, self.state, self.uri)
        feed.claim()
        self._feed = feed
        self.send("ready", run_id=self.state.run_id)
        if notice:
            self.send("warning", message=notice)
        if hasattr(os, "nice"):
            os.nice(5)  # from here on training goes first

    def _step(self) -> None:
        if self._feed is None:
            self._connect()
        assert self._feed is not None
        self._feed.update()

    def _finish(self, status: str) -> None:
        self._step()
        assert self._feed is not None
        self._feed.finish(status)

    def _set_status(self, status: str) -> None:
        if self._feed is not None:
            self._feed.client.set_terminated(self.state.run_id, status)

    def _close_dead_runs(self) -> None:
        assert self._feed is not None
        store.close_dead_runs(self._feed.client, self.state)

    def _restart_monitor(self) -> None:
        """Start MLflow's system metrics, whose thread ends by itself when the store fails; they are worth no error."""
        if not self.config.system_metrics or self._feed is None or self.inbox.over(0):
            return
        self._stop_monitor()
        try:
            from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

            self._monitor = SystemMetricsMonitor(self.state.run_id, resume_logging=True, tracking_uri=self.uri)
            self._monitor.start()
        except Exception:
            log.exception("no system metrics")
            self.config.system_metrics = False

    def _stop_monitor(self) -> None:
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None


class _WithoutPasswords(logging.Formatter):
    """Tracebacks quote addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return without_password(super().format(record))


def prepare_state(run_dir: Path, config: LoggerConfig, uri: str, root: Path, inbox: Inbox) -> MirrorState:
    """State to go on with: the one found if it is of this store and experiment, else a new one; written."""
    wanted = MirrorState(
        tracking_uri=without_password(uri),
        experiment=config.experiment,
        run_name=config.run_name or "/".join(run_dir.parts[-2:]),
        artifact_root=artifact_root(uri, root),
    )
    found = MirrorState.load(run_dir)
    state = found if found is not None and found.continues(wanted) else wanted
    state.host, state.pid, state.pid_started = wanted.host, int(inbox.hello["pid"]), inbox.pid_started
    state.owner = str(inbox.hello["owner"])
    state.save(run_dir)
    return state


def main(run_dir: Path) -> int:
    """Body of the mirror process; returns its exit code."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # it ends with training, and tells how training ended
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    send = Outbox()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutPasswords("%(asctime)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    inbox = Inbox(sys.stdin)
    if not inbox.hello:
        return 1
    config, uri = LoggerConfig(**inbox.hello["settings"]), str(inbox.hello["uri"])
    root = Path(inbox.hello["root"])
    store.prepare_environment(config.timeout_s)
    try:
        # The mirror of a process that was just killed may still be sending: it leaves after the call it is in.
        with FileLock(run_dir / LOCK_FILE, timeout=4 * config.timeout_s + 10):
            state = prepare_state(run_dir, config, uri, root, inbox)
            return Mirror(run_dir, config, uri, root, state, inbox, send).run()
    except Timeout:
        send("failed", message=f"another process still mirrors {run_dir}")
    except SupersededError as error:
        log.info("%s: leaving", error)
    except UserError as error:
        send("failed", message=str(error))
    return 1
