"""Bring MLflow up to date with a run directory, after a store was away or the mirror was killed."""

from __future__ import annotations

import json
import logging
import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

from depthrepro.config.logger import without_password
from depthrepro.core.errors import UserError
from depthrepro.core.processes import is_alive
from depthrepro.tracking import store
from depthrepro.tracking.feed import Feed
from depthrepro.tracking.mirror import LOCK_FILE
from depthrepro.tracking.state import STATE_FILE, MirrorState, SupersededError

# status.json in MLflow's words
_STATUSES = {"done": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}


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
    uri = _address(state)
    store.prepare_environment(timeout_s)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with FileLock(run_dir / LOCK_FILE, timeout=0.5):
            feed = Feed.open(run_dir, state, uri)
            status = _status(run_dir, state)
            feed.finish(status)
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


def _address(state: MirrorState) -> str:
    """The store's address; the environment's where that differs only by the password, which is never written down."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    return given if without_password(given) == state.tracking_uri else state.tracking_uri


def _status(run_dir: Path, state: MirrorState) -> str | None:
    """MLflow's word for how the run stands; None for one that still runs, as far as this machine can know."""
    file = run_dir / "status.json"
    status = json.loads(file.read_text(encoding="utf-8")).get("status") if file.exists() else None
    if status in _STATUSES:
        return _STATUSES[status]
    if state.host != socket.gethostname() or is_alive(state.pid, state.pid_started):
        return None
    return "KILLED"
