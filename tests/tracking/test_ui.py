"""`make ui`: its output, its refusals, and the real server."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from depthrepro.config.logger import artifact_root
from depthrepro.core.errors import UserError
from depthrepro.core.metrics_log import MetricsLog
from depthrepro.tracking import notes, ui
from depthrepro.tracking.state import MirrorState, take_over
from depthrepro.tracking.upload import Upload
from tests.tracking.helpers import CONFIG, STORE_WARNINGS, SUMMARY, wait_until

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]
MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.fixture
def finished_run(root, run_dir, client):
    """The store with one finished run, in an experiment of its own."""
    uri = f"sqlite:///{root}/mlflow.db"
    state = MirrorState(uri, "garg2016", "flip seed=2", artifact_root(uri, root), owner=take_over(run_dir))
    (run_dir / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    (run_dir / "summary.json").write_text(json.dumps(SUMMARY))
    (run_dir / "mlflow_tags.json").write_text(json.dumps({"data": "streets (synthetic)"}))
    (run_dir / "figures").mkdir()
    (run_dir / "figures" / "panel.png").write_bytes(b"png")
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.append(1, 0, {"train/loss": 0.5, "test/L9/abs_rel": 0.25})
    Upload.open(run_dir, state, uri).finish("FINISHED")
    return root


def test_a_former_experiment_gets_its_note_and_keeps_what_it_has(root, run_dir, client):
    uri = f"sqlite:///{root}/mlflow.db"
    number = client.create_experiment("garg2016", tags={notes.NOTE: "mine"})
    Upload.open(run_dir, MirrorState(uri, "garg2016", "a", owner=take_over(run_dir)), uri)
    tags = client.get_experiment(number).tags
    assert tags[notes.NOTE] == "mine"
    assert notes.VIEW in tags


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_ui_says_where_and_listens_on_this_machine_only(finished_run):
    port = free_port()
    uri, lines = ui.announce(finished_run, port)
    assert uri == f"sqlite:///{finished_run}/mlflow.db"
    assert f"http://127.0.0.1:{port} " in lines[0]
    page = f"http://127.0.0.1:{port}/#/experiments/1/runs?viewStateShareKey=rows&workflowType=machine_learning"
    assert lines[1:] == [f"  garg2016: {page}"]
    command = ui.server_command(uri, port)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--backend-store-uri") + 1] == uri


def test_a_setting_of_the_server_that_a_person_made_stays():
    jobs = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
    assert ui.server_environment({})[jobs] == "false"
    assert ui.server_environment({jobs: "true"})[jobs] == "true"


def test_ui_without_a_store_says_what_to_type_first(tmp_path):
    with pytest.raises(UserError, match=r"no runs yet: there is no mlflow\.db; type `make demo` first"):
        ui.announce(tmp_path, free_port())
    assert not list(tmp_path.iterdir())


def test_ui_of_runs_that_are_on_a_server_keeps_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@example.org")
    with pytest.raises(UserError, match="on a server") as caught:
        ui.announce(tmp_path, free_port())
    assert "secret" not in str(caught.value)


def test_ui_on_a_file_that_is_no_store_is_one_line(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database, but longer than a header would be" * 9)
    with pytest.raises(UserError, match="cannot be read as a store"):
        ui.announce(tmp_path, free_port())


def test_ui_names_another_port_when_this_one_is_taken(finished_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} cannot be used \(address already in use\).*PORT=5001"):
            ui.announce(finished_run, port)
    with pytest.raises(UserError, match="port 99999 cannot be used"):
        ui.announce(finished_run, 99999)


def test_make_starts_this_program():
    target = MAKEFILE.read_text().split("\nui:")[1].split("\n\n")[0]
    assert "python -m depthrepro.tracking ui --port $(PORT)" in target


def ask(port, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        content = answer.read()
    return json.loads(content) if content.startswith(b"{") else content


def is_up(port):
    try:
        return ask(port, "/health") == b"OK"
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
def test_the_real_server_shows_the_experiment(finished_run):
    """As `make ui` starts it: the note, the view's own search, what varies first, the figure, and a clean end."""
    port = free_port()
    command = [sys.executable, "-m", "depthrepro.tracking", "ui", "--port", str(port)]
    # Files, not pipes: nobody reads while the test waits.
    with (finished_run / "out").open("wb") as out, (finished_run / "err").open("wb") as err:
        server = subprocess.Popen(command, cwd=finished_run, stdout=out, stderr=err, start_new_session=True)
    try:
        wait_until(lambda: is_up(port) or server.poll() is not None, "the server answers", 120)
        assert server.poll() is None, (finished_run / "err").read_text()
        api = "/api/2.0/mlflow"
        experiment = ask(port, f"{api}/experiments/get-by-name?experiment_name=garg2016")["experiment"]
        tags = {tag["key"]: tag["value"] for tag in experiment["tags"]}
        assert "Geometry to the Rescue" in tags["mlflow.note.content"]
        view = json.loads(json.loads(tags["mlflow.sharedViewState.rows"])["state"])
        search = {"experiment_ids": [experiment["experiment_id"]], "filter": view["searchFilter"]}
        search["order_by"] = [f"{view['orderByKey']} ASC"]
        [run] = ask(port, f"{api}/runs/search", search)["runs"]
        data = {kind: {item["key"]: item["value"] for item in run["data"][kind]} for kind in ("params", "metrics")}
        assert (data["params"]["Row"], data["params"]["Seed"]) == ("flip", "2")
        assert data["metrics"] == {"train/loss": 0.5, "Test/abs_rel": 0.25}
        shown = {f"params.`{name}`" for name in data["params"]} | {f"metrics.`{name}`" for name in data["metrics"]}
        assert {"params.`Row`", "params.`Seed`", "metrics.`Test/abs_rel`"} <= shown & set(view["selectedColumns"])
        run_id = run["info"]["run_id"]
        assert ask(port, f"/get-artifact?run_uuid={run_id}&path=figures/panel.png") == b"png"
        assert b"<title>MLflow</title>" in ask(port, "/")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGINT)  # Ctrl-C
    assert server.wait(30) == 0
    said = (finished_run / "err").read_text()
    assert "Traceback" not in said and "Warning" not in said, said
    assert not is_up(port)
