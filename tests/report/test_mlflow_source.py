"""The same tables from an MLflow store as from the run directories that it mirrors."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from depthrepro.config.logger import artifact_root
from depthrepro.core.processes import started_at
from depthrepro.report.__main__ import main
from depthrepro.report.mlflow_source import _Artifacts, _finished_runs
from depthrepro.report.paper import load_paper
from depthrepro.tracking.state import MirrorState, take_over
from depthrepro.tracking.upload import sync
from tests.report.conftest import written_files
from tests.tracking.helpers import STORE_WARNINGS

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]
TABLES = Path(__file__).parent / "experiments"
TABLE = load_paper(TABLES / "garg_resolution" / "paper.yaml")


@pytest.mark.slow
def test_an_mlflow_store_gives_the_same_tables(two_seeds, tmp_path, monkeypatch, empty_database):
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    for name in ("HTTP_REQUEST_TIMEOUT", "HTTP_REQUEST_MAX_RETRIES", "HTTP_REQUEST_BACKOFF_FACTOR"):
        monkeypatch.setenv(f"MLFLOW_{name}", "1")  # here, so that monkeypatch takes it back
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    uri = f"sqlite:///{tmp_path.as_posix()}/mlflow.db"
    for seed in (0, 1):
        run = two_seeds / "garg_kitti" / f"seed={seed}"
        state = MirrorState(uri, "garg2016", f"seed {seed}", artifact_root(uri, tmp_path), pid=os.getpid())
        state.pid_started, state.owner = started_at(state.pid), take_over(run)
        state.save(run)
        sync(run)
    (two_seeds / "garg_kitti" / "seed=2" / "status.json").unlink()
    (two_seeds / "garg_kitti" / "seed=2").rmdir()
    assert written_files(TABLE, "mlflow", tmp_path, tmp_path / "a", uri) == written_files(
        TABLE, "runs", two_seeds, tmp_path / "b"
    )


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["source=mlflow", f"experiments={TABLES}"]) == 2
    assert "mlflow.db: no MLflow store is there" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "notes.db").write_text("no database at all")
    assert main(["source=mlflow", "uri=sqlite:///notes.db", f"experiments={TABLES}"]) == 2
    assert "notes.db: not readable as an MLflow store" in capsys.readouterr().err


class Pages(list):
    token = None


def mlflow_run(run_id, run_dir, artifact_uri=""):
    tags = {"run_dir": run_dir} if run_dir else {}
    return SimpleNamespace(
        info=SimpleNamespace(run_id=run_id, artifact_uri=artifact_uri), data=SimpleNamespace(tags=tags)
    )


def test_trainings_of_a_shared_store_have_one_run_a_name_and_no_machine_s_path():
    pages = Pages(
        [
            mlflow_run("first", "/elsewhere/runs/garg/l9/seed=0"),
            mlflow_run("again", "/data/bob/runs/garg/l9/seed=0"),  # of another checkout, later
            mlflow_run("elsewhere", "/scratch/me/seed=3"),
            mlflow_run("sweep", "/elsewhere/runs/.sweeps/garg-1234"),
            mlflow_run("somebody's", ""),
        ]
    )
    client = SimpleNamespace(
        search_experiments=lambda: [SimpleNamespace(experiment_id="1")], search_runs=lambda *a, **k: pages
    )
    found = {name: run.info.run_id for name, run in _finished_runs(client).items()}
    assert found == {"runs/garg/l9/seed=0": "again", "me/seed=3": "elsewhere"}


class Server:
    """A client's two calls for artifacts, over names of files."""

    def __init__(self, *there):
        self.there, self.taken = there, []

    def list_artifacts(self, run_id, folder):
        inside = [n for n in self.there if folder is None or n.startswith(f"{folder}/")]
        depth = folder.count("/") + 1 if folder else 0
        names = {("/".join(n.split("/")[: depth + 1]), n.count("/") > depth) for n in inside}
        return [SimpleNamespace(path=name, is_dir=is_dir) for name, is_dir in sorted(names)]

    def download_artifacts(self, run_id, name, folder):
        self.taken.append((run_id, name, folder))
        (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_text("{}")


def test_test_sets_come_from_a_server(tmp_path):
    client = Server("summary.json", "tests/nyu/summary.json", "tests/nyu/figures/panel.png", "tests/kitti/summary.json")
    artifacts = _Artifacts(client, mlflow_run("id0", "x", "mlflow-artifacts:/1/id0/artifacts"), tmp_path / "id0")
    artifacts.fetch("summary.json")
    found = {path.parent.relative_to(artifacts.folder).as_posix() for path in artifacts.folder.rglob("summary.json")}
    assert found == {".", "tests/kitti", "tests/nyu"}
    assert len(client.taken) == 3 and not any("figures" in name for _, name, _ in client.taken)


def test_only_the_files_that_are_asked_for_come_from_a_server(tmp_path):
    client = Server("summary.json", "per_image.csv", "panel.zip")
    taken = client.taken
    artifacts = _Artifacts(client, mlflow_run("id0", "x", "mlflow-artifacts:/1/id0/artifacts"), tmp_path / "id0")
    artifacts.fetch("summary.json")
    assert taken == [("id0", "summary.json", str(tmp_path / "id0"))]
    artifacts.fetch("per_image.csv", "per_range.csv")  # an older run has no ranges
    assert [name for _, name, _ in taken] == ["summary.json", "per_image.csv"]
