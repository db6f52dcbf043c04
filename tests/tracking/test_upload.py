"""`Upload` and `sync`, in this process, on real sqlite stores."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from depthrepro.config.logger import artifact_root
from depthrepro.core.errors import UserError
from depthrepro.core.metrics_log import MetricsLog
from depthrepro.core.processes import started_at
from depthrepro.core.run_dir import RunDir
from depthrepro.tracking.shown import flatten, metric_name, printed
from depthrepro.tracking.state import MirrorState, take_over
from depthrepro.tracking.store import close_dead_runs, connect
from depthrepro.tracking.upload import Upload, sync
from tests.tracking.helpers import STORE_WARNINGS, only_run, points, write_rows

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]


@pytest.fixture
def state(root, run_dir):
    uri = f"sqlite:///{root}/mlflow.db"
    state = MirrorState(uri, "garg2016", "garg seed 0", artifact_root(uri, root), pid=os.getpid())
    state.pid_started = started_at(state.pid)
    state.owner = take_over(run_dir)
    state.save(run_dir)
    return state


@pytest.fixture
def open_upload(run_dir, state):
    """Opens the upload as a new process would, from the file."""

    def open_upload():
        fresh = MirrorState.load(run_dir)
        return Upload.open(run_dir, fresh, fresh.tracking_uri)

    return open_upload


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = started_at(process.pid)
    process.wait()
    return process.pid, started


def test_sync_sends_everything_and_again_changes_nothing(run_dir, root, client, state):
    (run_dir / "config.yaml").write_text("trainer: {epochs: 3}\ninput_size: [188, 620]\nlong: " + "x" * 900)
    (run_dir / "mlflow_tags.json").write_text(json.dumps({"scale": "demo", "synthetic": True, "git_commit": "abc"}))
    (run_dir / "status.json").write_text('{"status": "done"}')
    (run_dir / "figures").mkdir()
    for name in ("summary.json", "per_image.csv", "environment.txt", "figures/panel.png", "figures/notes.txt"):
        (run_dir / name).write_text(name)
    (run_dir / "checkpoints").mkdir()
    (run_dir / "checkpoints" / "last.pt").write_bytes(b"abc")
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.append(1, 0, {"train/loss": 0.5, "test/L12/abs_rel": float("nan")})
        log.append(2, 0, {"train/loss": 0.25})

    for _ in range(2):
        assert "up to step 2, FINISHED" in sync(run_dir)
        run = only_run(client)
        assert run.info.status == "FINISHED"
        assert run.info.run_name == "garg seed 0"
        assert run.info.artifact_uri == f"{(root / 'mlartifacts').as_uri()}/{run.info.run_id}/artifacts"
        assert points(client, run.info.run_id, "train/loss") == [(1, 0.5), (2, 0.25)]
        assert "test/L12/abs_rel" not in run.data.metrics
        long = run.data.params.pop("long")
        assert long == "x" * 500
        assert run.data.params == {"trainer.epochs": "3", "input_size": "188, 620"}
    tags = run.data.tags
    assert tags["non_finite"] == "test/L12/abs_rel: 1"
    assert (tags["scale"], tags["synthetic"], tags["mlflow.source.git.commit"]) == ("demo", "true", "abc")
    assert tags["run_dir"] == str(run_dir)
    assert tags["checkpoint"] == str(run_dir / "checkpoints" / "last.pt")
    assert tags["checkpoint_sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc"
    files = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert files == {"config.yaml", "environment.txt", "figures", "metrics.jsonl", "per_image.csv", "summary.json"}
    assert [f.path for f in client.list_artifacts(run.info.run_id, "figures")] == ["figures/panel.png"]


def test_points_that_arrived_before_the_mirror_died_are_not_sent_again(run_dir, client, open_upload):
    """Killed between sending and noting, then the steps after the checkpoint are done again at another time."""
    write_rows(run_dir, range(1, 6))
    open_upload().update()
    state = MirrorState.load(run_dir)
    state.last_step_sent = 2
    state.save(run_dir)
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.truncate_after(3)
    write_rows(run_dir, range(4, 8))
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.append(7, 0, {"val/loss": 1.0})
    open_upload().update()
    run = only_run(client)
    assert points(client, run.info.run_id, "train/loss") == [(step, float(step)) for step in range(1, 8)]
    assert points(client, run.info.run_id, "val/loss") == [(7, 1.0)]
    assert MirrorState.load(run_dir).last_step_sent == 7


def test_the_same_points_sent_twice_are_stored_once(run_dir, client, open_upload):
    """An answer that was lost on the way: the store has the batch, the mirror sends it again."""
    write_rows(run_dir, range(1, 4))
    upload = open_upload()
    upload.update()
    again = open_upload()
    again._last_steps = {}
    again.update()
    assert len(points(client, upload.state.run_id, "train/loss")) == 3


def test_more_points_than_one_batch_holds(run_dir, client, open_upload):
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        for step in range(1, 1203):
            log.append(step, 0, {"a": step, "b": -step})
    upload = open_upload()
    upload.update()
    for name, sign in (("a", 1), ("b", -1)):
        assert points(client, upload.state.run_id, name) == [(step, sign * step) for step in range(1, 1203)]


def test_a_run_created_but_not_noted_is_found_again(run_dir, client, open_upload):
    first = open_upload().state.run_id
    state = MirrorState.load(run_dir)
    state.run_id = None
    state.save(run_dir)
    assert open_upload().state.run_id == first
    only_run(client)


def test_a_run_deleted_in_the_store_is_mirrored_into_a_new_one(run_dir, client, open_upload):
    write_rows(run_dir, [1, 2])
    upload = open_upload()
    upload.update()
    client.delete_run(upload.state.run_id)
    again = open_upload()
    again.update()
    assert again.state.run_id != upload.state.run_id
    assert points(client, only_run(client).info.run_id, "train/loss") == [(1, 1.0), (2, 2.0)]


def test_a_deleted_experiment_is_one_line(client, state):
    connect(state.tracking_uri, state)
    client.delete_experiment(state.experiment_id)
    with pytest.raises(UserError, match=f"experiments restore --experiment-id {state.experiment_id}"):
        connect(state.tracking_uri, state)


@pytest.mark.parametrize("content", [None, "no database, but longer than a header would be" * 9])
def test_a_database_that_cannot_be_opened_fails_at_once(tmp_path, content):
    path = tmp_path / "x.db"
    path.mkdir() if content is None else path.write_text(content)
    uri = f"sqlite:///{path}"
    with pytest.raises(sqlite3.DatabaseError):
        connect(uri, MirrorState(uri, "garg2016", "a"))


def test_parameters_are_sent_once_even_if_the_configuration_changes(run_dir, client, open_upload):
    (run_dir / "config.yaml").write_text("a: 1")
    open_upload().update()
    (run_dir / "config.yaml").write_text("a: 2\nb: 3")
    open_upload().update()
    assert only_run(client).data.params == {"a": "1", "b": "3"}


def test_the_data_set_follows_the_other_parameters_once_it_is_known(run_dir, client, open_upload):
    (run_dir / "config.yaml").write_text("name: garg_loss/l1_hs\nseed: 1\ntrainer: {device: cpu}")
    tags = {"overrides": ["+experiment/garg_loss=l1_hs", "seed=1", "trainer.device=cpu"]}
    (run_dir / "mlflow_tags.json").write_text(json.dumps(tags))
    upload = open_upload()
    upload.update()
    first = {"Row": "l1_hs", "Seed": "1", "Table": "garg_loss", "Typed": "trainer.device=cpu"}
    assert only_run(client).data.params == first
    (run_dir / "mlflow_tags.json").write_text(json.dumps(tags | {"data": "streets (synthetic)"}))
    upload.update()
    run = only_run(client)
    assert run.data.params == first | {"Data": "streets (synthetic)"}
    assert run.data.tags["overrides"] == "+experiment/garg_loss=l1_hs seed=1 trainer.device=cpu"


def test_a_run_that_ends_before_its_data_was_read_has_its_parameters(run_dir, client, open_upload):
    (run_dir / "config.yaml").write_text("seed: 1")
    open_upload().finish("FAILED")
    assert only_run(client).data.params == {"Seed": "1"}


def test_a_resumed_run_shows_the_numbers_of_its_main_output_once(run_dir, client, open_upload):
    """The last stage with a share decides: L9 here, whatever else is evaluated."""
    stages = "{a: {levels: [L8]}, b: {levels: [L8, L9]}, c: {levels: [L12], share: 0}}"
    (run_dir / "config.yaml").write_text(f"trainer: {{stages: {stages}}}")
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.append(4, 1, {"train/loss": 0.5, "train/smoothness/L9": 0.1})
        log.append(4, 1, {"test/L9/abs_rel": 0.25, "test/L12/abs_rel": 0.5, "test/L9/silog": 20.0})
    for _ in range(2):
        open_upload().update()
    run = only_run(client)
    assert run.data.metrics == {"train/loss": 0.5, "Test/abs_rel": 0.25}
    assert points(client, run.info.run_id, "Test/abs_rel") == [(4, 0.25)]


def test_a_child_of_a_sweep_names_its_parent(client, open_upload, monkeypatch):
    monkeypatch.setenv("DEPTHREPRO_PARENT_RUN_ID", "parent")
    open_upload()
    assert only_run(client).data.tags["mlflow.parentRunId"] == "parent"


@pytest.mark.parametrize(("local", "expected"), [("done", "FINISHED"), ("failed", "FAILED"), ("stopped", "KILLED")])
def test_sync_takes_the_status_from_the_run_directory(run_dir, client, state, local, expected):
    (run_dir / "status.json").write_text(json.dumps({"status": local}))
    sync(run_dir)
    assert only_run(client).info.status == expected


def test_sync_of_a_run_whose_process_lives_leaves_it_running(run_dir, client, state):
    (run_dir / "status.json").write_text('{"status": "running", "config_hash": "a"}')
    run = RunDir(run_dir)
    run.lock()
    sync(run_dir)
    run.unlock()
    assert only_run(client).info.status == "RUNNING"


def test_sync_of_a_run_whose_process_died_says_killed(run_dir, client, state):
    (run_dir / "status.json").write_text('{"status": "running"}')
    state.pid, state.pid_started = dead_process()
    state.save(run_dir)
    assert "KILLED" in sync(run_dir)
    assert only_run(client).info.status == "KILLED"


def test_sync_of_an_untracked_directory_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"mlflow.json is missing"):
        sync(tmp_path)


def test_runs_left_running_by_dead_processes_are_closed_and_no_others(client, state):
    store = connect(state.tracking_uri, state)
    dead_pid, dead_started = dead_process()
    own = {"depthrepro.host": state.host, "depthrepro.pid": str(os.getpid())}
    dead = {"depthrepro.host": state.host, "depthrepro.pid": str(dead_pid)}
    tags = {
        "dead": dead | {"depthrepro.pid_started": str(dead_started)},
        "reused": own | {"depthrepro.pid_started": str(started_at(os.getpid()) - 3600)},
        "alive": own | {"depthrepro.pid_started": str(started_at(os.getpid()))},
        "elsewhere": dead | {"depthrepro.pid_started": str(dead_started), "depthrepro.host": "another"},
        "foreign": {},
        "itself": dead | {"depthrepro.pid_started": str(dead_started)},
    }
    ids = {name: client.create_run(state.experiment_id, tags=t).info.run_id for name, t in tags.items()}
    state.run_id = ids["itself"]
    assert set(close_dead_runs(store, state)) == {ids["dead"], ids["reused"]}
    status = {name: client.get_run(run_id).info.status for name, run_id in ids.items()}
    assert {name for name, s in status.items() if s == "KILLED"} == {"dead", "reused"}
    assert {s for name, s in status.items() if name not in ("dead", "reused")} == {"RUNNING"}


def test_flatten_keeps_scalar_leaves():
    config = {"a": {"b": 1, "t": True}, "size": [188, 620], "stages": [{"lr": 0.1}], "none": None, "empty": {}}
    assert flatten(config) == {
        "a.b": "1",
        "a.t": "true",
        "size": "188, 620",
        "stages.0.lr": "0.1",
        "none": "null",
    }


def test_names_and_values_fit_mlflow():
    assert metric_name("test/L12/δ<1.25") == "test/L12/__1.25"
    assert metric_name("/a//b/../c") == "a/c"
    assert len(metric_name("x" * 300)) == 250
    assert printed("postgresql://me:secret@host/db") == "postgresql://***@host/db"
