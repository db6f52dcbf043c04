"""`make ui`: MLflow's pages over the store that training writes to, and where to look in them."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from depthrepro.config.logger import LoggerConfig, database_file, store_uri
from depthrepro.core.errors import UserError
from depthrepro.core.interrupt import stop_signals
from depthrepro.tracking.notes import VIEW

HOST = "127.0.0.1"
# The page opens on its part for language models; this is the part for models that are trained.
_TRAINING = "workflowType=machine_learning"
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that serve agents
    "PYTHONWARNINGS": "ignore:starlette.middleware.wsgi is deprecated",  # between two libraries of MLflow's own
}


def show(root: Path, port: int) -> int:
    """Say where the pages will be and serve them until somebody ends it; the server's exit code.

    Args:
        root: Folder of mlflow.db, where MLFLOW_TRACKING_URI names no store.
        port: Where to listen, on this machine only.

    Raises:
        UserError: As `announce`.
    """
    uri, lines = announce(root, port)
    print("\n".join(lines), flush=True)
    # A session of its own: Ctrl-C would reach all its processes at once, and they would end in tracebacks.
    server = subprocess.Popen(server_command(uri, port), env=server_environment(os.environ), start_new_session=True)
    if os.name == "posix":
        for number in stop_signals():
            signal.signal(number, lambda *_: os.killpg(server.pid, signal.SIGTERM))
    return server.wait()


def announce(root: Path, port: int) -> tuple[str, list[str]]:
    """Address of the store, and what to say about it.

    Raises:
        UserError: If there is no store yet, the runs are on a server, or the port cannot be used.
    """
    uri = store_uri(LoggerConfig(), root)
    if urlsplit(uri).scheme in ("http", "https"):
        raise UserError("the runs are on a server, which has its own pages: open MLFLOW_TRACKING_URI in a browser")
    database = database_file(uri)
    if database is not None and not database.exists():
        raise UserError(f"no runs yet: there is no {database.name}; type `make demo` first")
    pages = [] if database is None else experiment_pages(database, port)
    _check_port(port)
    first = f"MLflow will be on http://{HOST}:{port} in some seconds (Ctrl-C stops it)"
    return uri, [first, *(f"  {name}: {address}" for name, address in pages)]


def server_command(uri: str, port: int) -> list[str]:
    """Command line of the server."""
    store = ["--backend-store-uri", uri, "--registry-store-uri", uri]
    quiet = ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    return [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port), *quiet, *store]


def server_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Environment of the server; what the person has set stays."""
    return _SETTINGS | dict(given)


def experiment_pages(database: Path, port: int) -> list[tuple[str, str]]:
    """(name, address of its runs) of each experiment but MLflow's empty first one.

    Raises:
        UserError: If the file is no store of MLflow's.
    """
    query = (
        "SELECT e.experiment_id, e.name, t.value IS NOT NULL FROM experiments e LEFT JOIN experiment_tags t"
        " ON t.experiment_id = e.experiment_id AND t.key = ?"
        " WHERE e.lifecycle_stage = 'active' AND e.experiment_id != 0 ORDER BY e.name"
    )
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute(query, (VIEW,)).fetchall()
    except sqlite3.Error as error:
        raise UserError(f"{database} cannot be read as a store of MLflow's ({error})") from error
    share_key = f"viewStateShareKey={VIEW.rpartition('.')[2]}&"
    base = f"http://{HOST}:{port}/#/experiments"
    return [(name, f"{base}/{number}/runs?{share_key if view else ''}{_TRAINING}") for number, name, view in found]


def _check_port(port: int) -> None:
    why = "ports are 1 to 65535"
    if 0 < port < 65536:
        try:
            socket.create_server((HOST, port)).close()
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
        else:
            return
    raise UserError(f"port {port} cannot be used ({why}): choose another, such as `make ui PORT=5001`")
