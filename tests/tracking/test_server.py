"""Servers that are not there, that hang, and a real one that dies and comes back."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from depthrepro.core.errors import UserError
from depthrepro.tracking import LoggerConfig, MetricsLog, Tracker
from depthrepro.tracking.upload import sync
from tests.tracking.helpers import only_run, points, wait_until

QUICK = {"experiment": "garg2016", "flush_seconds": 0.2, "timeout_s": 2.0, "system_metrics": False}


def listen(port=0):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def free_port():
    with listen() as listener:
        return listener.getsockname()[1]


class Door:
    """Forwards a port of its own to a server; closed, it looks as if the server had died."""

    def __init__(self, target):
        self.target, self.port = target, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.open()

    def open(self):
        self.closing, self.ends = False, []
        self.thread = threading.Thread(target=self._accept, args=(listen(self.port),), daemon=True)
        self.thread.start()

    def close(self):
        self.closing = True
        self.thread.join()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes who reads from it
            end.close()

    def _accept(self, listener):
        listener.settimeout(0.02)
        with listener:
            while not self.closing:
                with contextlib.suppress(TimeoutError):
                    near = listener.accept()[0]
                    far = socket.create_connection(("127.0.0.1", self.target))
                    self.ends += [near, far]
                    for source, sink in ((near, far), (far, near)):
                        threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_database):
    """Port of a real MLflow server."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_database, folder / "server.db")
    port = free_port()
    command = ["server", "--backend-store-uri", f"sqlite:///{folder}/server.db", "--workers", "1", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, "--host", "127.0.0.1", "--artifacts-destination", str(folder)],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def answers():
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200
        except OSError:
            return False

    wait_until(answers, "the MLflow server answers", seconds=200)
    yield port
    os.killpg(process.pid, 9)
    process.wait()


@pytest.mark.slow
def test_a_server_that_dies_delays_nothing_and_is_caught_up_with(server, tmp_path, make_client):
    door = Door(server)
    run_dir = tmp_path / "run"
    warnings = []
    settings = LoggerConfig(tracking_uri=door.url, **QUICK)
    tracker = Tracker.start(run_dir, settings, root=tmp_path, warn=warnings.append)
    client = make_client(f"http://127.0.0.1:{server}")
    log = MetricsLog(run_dir / "metrics.jsonl")

    def arrived():
        return [step for step, _ in points(client, tracker.run_id, "train/loss")]

    tracker.ready()
    log.append(1, 0, {"train/loss": 1})
    wait_until(lambda: arrived() == [1], "the first point arrives")
    door.close()
    before = time.monotonic()
    log.append(2, 0, {"train/loss": 2})
    assert time.monotonic() - before < 1
    wait_until(lambda: warnings, "the loss is told")
    door.open()
    wait_until(lambda: arrived() == [1, 2], "the mirror catches up by itself")

    door.close()
    log.append(3, 0, {"train/loss": 3})
    log.close()
    (run_dir / "status.json").write_text('{"status": "done"}')
    before = time.monotonic()
    assert not tracker.finish("FINISHED")
    assert time.monotonic() - before < 30
    assert only_run(client).info.status == "RUNNING"
    assert len(warnings) == 2  # once while training, and what to do at the end
    assert warnings[0].endswith("training goes on, the mirror tries again")
    assert f"python -m depthrepro.tracking sync {run_dir}" in warnings[1]
    with pytest.raises(UserError, match=f"MLflow at {door.url}: .*nothing is lost, try again later"):
        sync(run_dir)

    door.open()
    assert "up to step 3, FINISHED" in sync(run_dir)
    assert only_run(client).info.status == "FINISHED"
    assert arrived() == [1, 2, 3]
    door.close()


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path):
    url = f"http://me:secret@127.0.0.1:{free_port()}"
    tracker = Tracker.start(tmp_path / "run", LoggerConfig(tracking_uri=url, **QUICK), root=tmp_path)
    with pytest.raises(UserError, match=r"MLflow at http://\*\*\*@127.0.0.1:\d+: .*logger.required=false") as caught:
        tracker.ready()
    assert "refused" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not tracker.finish("FAILED")
    assert all("secret" not in file.read_text() for file in (tmp_path / "run").iterdir())


def test_a_server_that_hangs_is_given_up_within_the_timeout(tmp_path):
    with listen() as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tracker = Tracker.start(tmp_path / "run", LoggerConfig(tracking_uri=url, **QUICK), root=tmp_path)
        wait_until(lambda: (tmp_path / "run" / "mlflow.json").exists(), "the mirror has begun")
        before = time.monotonic()
        with pytest.raises(UserError, match="timed out"):
            tracker.ready()
        assert time.monotonic() - before < 60  # seconds of importing MLflow on a busy machine included


def test_a_server_that_is_not_required_costs_a_warning(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    warnings = []
    settings = LoggerConfig(tracking_uri=url, required=False, **QUICK)
    tracker = Tracker.start(tmp_path / "run", settings, root=tmp_path, warn=warnings.append)
    tracker.ready()
    assert len(warnings) == 1
    assert "going on without it" in warnings[0]
    assert tracker.run_id is None
    assert not tracker.finish("FINISHED")
    assert "sync" in warnings[1]
