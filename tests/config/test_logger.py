import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from depthrepro.config.logger import (
    LoggerConfig,
    artifact_root,
    database_file,
    former_file_store,
    store_uri,
    without_password,
)
from depthrepro.core.errors import UserError
from depthrepro.core.processes import is_alive, started_at
from depthrepro.tracking.state import MirrorState, SupersededError, take_over


def test_the_default_store_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = store_uri(LoggerConfig(), Path("."))
    assert uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert database_file(uri) == tmp_path / "mlflow.db"
    assert artifact_root(uri, Path(".")) == (tmp_path / "mlartifacts").as_uri()


def test_the_settings_win_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert store_uri(LoggerConfig(), tmp_path) == "http://127.0.0.1:5000"
    assert store_uri(LoggerConfig(tracking_uri="databricks"), tmp_path) == "databricks"
    assert artifact_root("http://127.0.0.1:5000", tmp_path) is None  # the server's to choose


def test_a_relative_database_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = LoggerConfig(tracking_uri="sqlite:///sub/x.db?timeout=9")
    assert store_uri(config, tmp_path) == f"sqlite:///{tmp_path}/sub/x.db?timeout=9"


@pytest.mark.parametrize("uri", ["./mlruns", "mlruns", "file:///data/mlruns"])
def test_the_former_file_store_is_refused_with_how_to_fix_it(uri, tmp_path):
    with pytest.raises(UserError, match=r"migrate-filestore --source \S*mlruns --target sqlite"):
        store_uri(LoggerConfig(tracking_uri=uri), tmp_path)


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(uri, tmp_path):
    with pytest.raises(UserError, match="keeps nothing"):
        store_uri(LoggerConfig(tracking_uri=uri), tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "wandb"}, "logger.kind is 'wandb': choose one of mlflow, none"),
        ({"timeout_s": 0}, "logger.timeout_s must be positive"),
        ({"flush_seconds": -1}, "logger.flush_seconds must be positive"),
    ],
)
def test_bad_settings_are_named(values, message):
    with pytest.raises(UserError, match=message):
        LoggerConfig(**values)


def test_passwords_are_hidden():
    assert without_password("see postgresql://me:pa-ss@host/db.") == "see postgresql://***@host/db."
    assert without_password("http://host:5000/a@b") == "http://host:5000/a@b"


def test_runs_of_the_former_file_store_are_mentioned_before_the_database_exists(tmp_path):
    uri = store_uri(LoggerConfig(), tmp_path)
    assert former_file_store(uri, tmp_path) is None
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    assert f"mlflow migrate-filestore --source {tmp_path} --target" in str(former_file_store(uri, tmp_path))
    (tmp_path / "mlflow.db").touch()
    assert former_file_store(uri, tmp_path) is None


def test_a_process_is_told_from_a_later_one_with_its_number():
    own = os.getpid()
    assert is_alive(own, started_at(own))
    assert not is_alive(own, started_at(own) - 3600)


def test_a_process_that_ended_is_dead_also_as_a_zombie():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = started_at(process.pid)
    assert is_alive(process.pid, started)
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, not yet collected
    assert not is_alive(process.pid, started)
    process.wait()
    assert not is_alive(process.pid, started)
    assert started_at(process.pid) == 0


def test_state_survives(tmp_path):
    state = MirrorState("sqlite:///x.db", "garg2016", "a", run_id="r", last_step_sent=7, owner=take_over(tmp_path))
    state.save(tmp_path)
    assert MirrorState.load(tmp_path) == state


def test_state_of_a_directory_that_was_taken_over_is_left_alone(tmp_path):
    old, new = (MirrorState("sqlite:///x.db", "garg2016", "a", owner=take_over(tmp_path)) for _ in range(2))
    new.save(tmp_path)
    with pytest.raises(SupersededError):
        old.save(tmp_path)
    assert MirrorState.load(tmp_path) == new
    (tmp_path / "mlflow.owner").unlink()  # force=true clears the directory
    with pytest.raises(SupersededError):
        new.check_owner(tmp_path)


@pytest.mark.parametrize("content", ["{", json.dumps({"run_id": "r"})])
def test_damaged_state_is_one_line(tmp_path, content):
    (tmp_path / "mlflow.json").write_text(content)
    with pytest.raises(UserError, match=r"mlflow.json is damaged .*delete it"):
        MirrorState.load(tmp_path)


def test_training_imports_neither_mlflow_nor_torch():
    code = "import sys, depthrepro.tracking; print({'mlflow', 'torch', 'sqlalchemy', 'pandas'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
