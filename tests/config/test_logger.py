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
