"""A store for each test, copied from one that is made once."""

import shutil

import pytest


@pytest.fixture(autouse=True)
def _no_store_from_outside(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "DEPTHREPRO_PARENT_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    # Set here so that monkeypatch takes it back: `sync` in this process sets it where it is missing.
    for name, value in {"TIMEOUT": "2", "MAX_RETRIES": "1", "BACKOFF_FACTOR": "1"}.items():
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture
def root(tmp_path, empty_database):
    """Folder with an empty store, as a checkout would be."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def client(root, make_client):
    return make_client(f"sqlite:///{root}/mlflow.db")


@pytest.fixture
def run_dir(root):
    path = root / "runs" / "garg" / "seed=0"
    path.mkdir(parents=True)
    return path
