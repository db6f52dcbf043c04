"""The program as people run it: one command, killed at a bad moment, typed again."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from depthrepro.core.run_dir import WRITTEN
from tests.tracking.helpers import STORE_WARNINGS

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]

TINY = [
    "+experiment=garg_kitti",
    "data.synthetic={train_pairs: 8, val_pairs: 2, test_pairs: 3, width: 310, height: 94, seed: 0}",
    "input_size=[48,160]",
    "model.c6_filters=8",
    "model.output_scale=1",  # with this learning rate six steps leave zero disparity, which would not be scored
    "optimizer.lr=0.003",
    "trainer.epochs=3",
    "trainer.batch_size=4",
    "trainer.checkpoint_seconds=0",
    "trainer.log_every=1",
    "trainer.precision=fp32",
    "run_dir=run",
]


def command(folder, *arguments, launcher=()):
    folder.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KITTI", "MLFLOW"))}
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "depthrepro.train", *TINY, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, code=0):
    out, err = process.communicate(timeout=200)
    assert process.returncode == code, out + err
    return out, err


def read_json(path):
    return json.loads(path.read_text())


def steps_done(folder):
    try:
        return read_json(folder / "run" / "status.json").get("step") or 0
    except (OSError, ValueError):
        return 0


def wait_for_step(process, folder, step):
    deadline = time.monotonic() + 150
    while steps_done(folder) < step:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def final_weights(folder):
    return torch.load(folder / "run" / "checkpoints" / "last.pt", weights_only=True)["model"]


def train_untracked(folder):
    (folder / "out.txt").write_text(finish(command(folder, "logger=none"))[0])


@pytest.fixture(scope="session")
def whole(made_once):
    """An undisturbed run, without a tracker, and what it said; shared, so changed in copies only."""
    folder = made_once("garg_kitti", train_untracked)
    return folder, (folder / "out.txt").read_text()


@pytest.mark.slow
def test_a_run_says_what_it_is_and_leaves_a_whole_record(whole):
    folder, out = whole
    for text in ("garg_kitti", "scale demo", "streets (synthetic)", "fingerprint", "KITTI_RAW", "cpu", "at that pace"):
        assert text in out.splitlines()[0] or text in out
    summary = read_json(folder / "run" / "summary.json")
    assert set(summary["metrics"]) == {"L9", "L10", "L11", "L12"}
    assert set(summary["baselines"]) == {"mean_map", "sgbm"}
    assert summary["data"]["synthetic"] and summary["images"] == 3
    assert read_json(folder / "run" / "status.json")["status"] == "done"
    with (folder / "run" / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    keys = [(r["checkpoint"], r["method"], r["id"]) for r in rows]
    assert len(keys) == len(set(keys)) == 3 * (2 * 4 + 2)
    mean = np.mean([float(r["abs_rel"]) for r in rows if r["checkpoint"] == "last" and r["method"] == "L12"])
    assert summary["metrics"]["L12"]["abs_rel"] == pytest.approx(mean)
    for name in ("training.png", "panel.png"):
        assert (folder / "run" / "figures" / name).stat().st_size > 5000
    assert {path.name for path in (folder / "run").iterdir()} <= {".lock", *WRITTEN}, "force=true must know all"


@pytest.mark.slow
def test_the_same_command_on_a_finished_run_returns_its_numbers(whole):
    folder, _ = whole
    before = (folder / "run" / "summary.json").stat().st_mtime_ns
    out, _ = finish(command(folder, "logger=none"))
    assert "done already" in out and "AbsRel" in out
    assert (folder / "run" / "summary.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_lost_summary_is_written_again_without_training(whole, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "copy")
    summary, last = folder / "run" / "summary.json", folder / "run" / "checkpoints" / "last.pt"
    before, trained = read_json(summary), last.stat().st_mtime_ns
    summary.write_text("{")
    finish(command(folder, "logger=none"))
    assert read_json(summary)["metrics"] == before["metrics"] and last.stat().st_mtime_ns == trained
    assert (folder / "run" / "metrics.jsonl").read_text().count("test/L12/abs_rel") == 1


@pytest.mark.slow
def test_another_configuration_in_the_same_directory_is_refused(whole):
    folder, _ = whole
    _, err = finish(command(folder, "logger=none", "seed=5"), code=2)
    assert "another configuration" in err and len(err.strip().splitlines()) == 1


@pytest.mark.slow
def test_stopped_and_killed_it_ends_in_the_same_weights_and_one_mlflow_run(whole, tmp_path, empty_database):
    """SIGTERM in the first epoch, told truly; SIGKILL in a later one."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    process = command(tmp_path)
    wait_for_step(process, tmp_path, 1)
    process.send_signal(signal.SIGTERM)
    out, _ = finish(process, code=128 + signal.SIGTERM)
    assert "the same command goes on" in out
    assert read_json(tmp_path / "run" / "status.json")["status"] == "stopped"

    process = command(tmp_path)
    wait_for_step(process, tmp_path, steps_done(tmp_path) + 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert steps_done(tmp_path) < 6, "killed too late to prove anything"
    finish(command(tmp_path))
    folder, _ = whole
    ours, theirs = final_weights(tmp_path), final_weights(folder)
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    summaries = [read_json(place / "run" / "summary.json") for place in (tmp_path, folder)]
    assert summaries[0]["metrics"] == summaries[1]["metrics"]

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = [r for e in client.search_experiments() for r in client.search_runs([e.experiment_id])]
    assert [r.info.status for r in runs] == ["FINISHED"]
    assert [m.step for m in client.get_metric_history(runs[0].info.run_id, "train/loss")] == [1, 2, 3, 4, 5, 6]
    assert runs[0].info.run_id == summaries[0]["run_id"]


@pytest.mark.slow
def test_two_ranks_write_one_record_and_reach_the_same_weights(whole, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    out, _ = finish(command(tmp_path, "logger=none", launcher=launcher))
    assert "2 processes" in out and out.count("fingerprint") == 1
    for name, value in final_weights(whole[0]).items():
        torch.testing.assert_close(final_weights(tmp_path)[name], value, rtol=1e-3, atol=1e-4)
    with (tmp_path / "run" / "per_image.csv").open() as file:
        keys = [(r["checkpoint"], r["method"], r["id"]) for r in csv.DictReader(file)]
    assert len(keys) == len(set(keys)) == 3 * (2 * 4 + 2)
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps) and steps.count(1) == 1
