"""The tracker with its mirror process, on real sqlite stores: how runs end, and how they go on."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import psutil
import pytest

from depthrepro.core.errors import UserError
from depthrepro.tracking import LoggerConfig, MetricsLog, Tracker
from depthrepro.tracking.upload import sync
from tests.tracking.helpers import STORE_WARNINGS, only_run, points, wait_until, write_rows

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]

QUICK = {"experiment": "garg2016", "flush_seconds": 0.2, "timeout_s": 5.0}

# A training process with a loader worker, which holds copies of its pipes and outlives it.
TRAINING = """
import os, sys, time
from depthrepro.tracking import LoggerConfig, MetricsLog, Tracker
root, run_dir, steps, fork = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "fork"
settings = LoggerConfig(experiment="garg2016", flush_seconds=0.2, system_metrics=False)
tracker = Tracker.start(run_dir, settings, root=root)
worker = os.fork() if fork else -1
if worker == 0:
    time.sleep(120)
    os._exit(0)
log = MetricsLog(run_dir + "/metrics.jsonl")
for step in range(1, steps + 1):
    log.append(step, 0, {"train/loss": step})
tracker.ready()
print(worker, flush=True)
input()
tracker.finish("FINISHED")
"""


def start_training(root, run_dir, steps, fork=False):
    arguments = [str(root), str(run_dir), str(steps), "fork" if fork else "alone"]
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def mirrors_of(run_dir):
    """Mirror processes of the run directory, of living and dead training processes."""
    command_lines = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [line for line in command_lines if line[-2:] == ["mirror", str(run_dir)]]


def test_a_failed_run_that_goes_on_is_one_run(root, run_dir, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.3")
    (run_dir / "config.yaml").write_text("seed: 0")
    warnings = []
    tracker = Tracker.start(run_dir, LoggerConfig(**QUICK), root=root, warn=warnings.append)
    write_rows(run_dir, [1, 2, 3])
    tracker.ready()
    tracker.set_tags({"scale": "demo"})
    tracker.set_tags({"fingerprint": "f00"})
    first = tracker.run_id
    wait_until(lambda: "system/cpu_utilization_percentage" in only_run(client).data.metrics, "system metrics come")
    assert tracker.finish("FAILED")
    assert tracker.finish("FINISHED")  # said once
    run = only_run(client)
    assert run.info.run_id == first
    assert run.info.status == "FAILED"
    assert run.info.run_name == "seed=0 garg"
    assert (run.data.tags["scale"], run.data.tags["fingerprint"]) == ("demo", "f00")
    assert run.data.params == {"Seed": "0"}

    tracker = Tracker.start(run_dir, LoggerConfig(**QUICK), root=root, warn=warnings.append)
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.truncate_after(2)
    write_rows(run_dir, [3, 4])
    tracker.ready()
    assert tracker.run_id == first
    assert only_run(client).info.status == "RUNNING"
    for stop in (signal.SIGINT, signal.SIGTERM):  # sent to a whole job; training tells how it ended
        tracker._process.send_signal(stop)
    with pytest.raises(UserError, match="being mirrored by a running process"):
        sync(run_dir)
    assert tracker.finish("FINISHED")
    run = only_run(client)
    assert run.info.status == "FINISHED"
    assert points(client, first, "train/loss") == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    samples = points(client, first, "system/cpu_utilization_percentage")
    assert len({step for step, _ in samples}) == len(samples)
    assert warnings == []


def test_a_killed_run_is_told_killed_and_goes_on_without_doubled_points(root, run_dir, client):
    training = start_training(root, run_dir, 5, fork=True)
    worker = int(training.stdout.readline())
    try:
        run_id = only_run(client).info.run_id
        wait_until(lambda: len(points(client, run_id, "train/loss")) == 5, "the points arrive")
        assert client.get_run(run_id).info.status == "RUNNING"
        with (run_dir / "metrics.jsonl").open("a") as file:
            file.write('{"step": 6, "epo')
        training.kill()
        training.wait()
        wait_until(lambda: client.get_run(run_id).info.status == "KILLED", "the mirror notices", seconds=20)
    finally:
        os.kill(worker, signal.SIGKILL)
        training.stdin.close()
        training.stdout.close()

    for _ in range(2):  # killed before it did anything
        short = start_training(root, run_dir, 0)
        time.sleep(0.3)
        short.kill()
        short.communicate()
    tracker = Tracker.start(run_dir, LoggerConfig(**QUICK, system_metrics=False), root=root)
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.truncate_after(3)  # the checkpoint's step
        for step in range(4, 9):
            log.append(step, 0, {"train/loss": step})
    tracker.ready()
    assert tracker.finish("FINISHED")
    wait_until(lambda: not mirrors_of(run_dir), "the mirrors of all processes have left")
    assert only_run(client).info.run_id == run_id
    assert only_run(client).info.status == "FINISHED"
    assert points(client, run_id, "train/loss") == [(step, float(step)) for step in range(1, 9)]


def test_a_killed_mirror_costs_a_warning_and_sync_catches_up(root, run_dir, client):
    warnings = []
    tracker = Tracker.start(run_dir, LoggerConfig(**QUICK, system_metrics=False), root=root, warn=warnings.append)
    tracker.ready()
    tracker._process.kill()
    wait_until(lambda: warnings, "the loss of the mirror is told")
    write_rows(run_dir, [1, 2])
    assert not tracker.finish("FINISHED")
    assert all(f"python -m depthrepro.tracking sync {run_dir}" in line and "\n" not in line for line in warnings)
    (run_dir / "status.json").write_text('{"status": "done"}')
    done = subprocess.run(
        [sys.executable, "-m", "depthrepro.tracking", "sync", str(run_dir), str(root)], capture_output=True, text=True
    )
    assert done.returncode == 2  # the second folder is no run
    assert "up to step 2, FINISHED" in done.stdout
    assert "error: " in done.stderr.splitlines()[-1]
    assert "mlflow.json is missing" in done.stderr
    assert only_run(client).info.status == "FINISHED"
    assert points(client, tracker.run_id, "train/loss") == [(1, 1.0), (2, 2.0)]


@pytest.mark.slow
def test_processes_that_start_together_share_one_new_store(tmp_path, make_client):
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    folders = [tmp_path / "runs" / f"seed={seed}" for seed in (0, 1)]
    for folder in folders:
        folder.mkdir(parents=True)
    both = [start_training(tmp_path, folder, 2) for folder in folders]
    for training in both:
        _, errors = training.communicate("\n", timeout=200)
        assert training.returncode == 0, errors
    client = make_client(f"sqlite:///{tmp_path}/mlflow.db")
    experiments = [e for e in client.search_experiments() if e.name == "garg2016"]
    assert len(experiments) == 1
    runs = client.search_runs([experiments[0].experiment_id])
    assert {run.data.tags["run_dir"] for run in runs} == set(map(str, folders))
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert [points(client, run.info.run_id, "train/loss") for run in runs] == [[(1, 1.0), (2, 2.0)]] * 2
    connection = sqlite3.connect(tmp_path / "mlflow.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_no_logger_does_nothing(tmp_path):
    tracker = Tracker.start(tmp_path / "run", LoggerConfig(kind="none"))
    tracker.ready()
    tracker.set_tags({"scale": "demo"})
    assert tracker.finish("FINISHED")
    assert tracker.run_id is None
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_status_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'done' is none of FINISHED, FAILED, KILLED"):
        Tracker.start(tmp_path, LoggerConfig(kind="none")).finish("done")
