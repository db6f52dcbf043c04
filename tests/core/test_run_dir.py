import json
import os
import subprocess
import sys

import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.files import write_atomic
from depthrepro.core.run_dir import RunDir


def test_status_keeps_what_is_not_replaced(tmp_path):
    run = RunDir(tmp_path)
    assert run.status() == {}
    run.write_status("running", experiment="x", step=3)
    run.write_status("failed", "no luck", step=4)
    status = run.status()
    assert (status["status"], status["experiment"], status["step"], status["message"]) == ("failed", "x", 4, "no luck")


def test_damaged_status_names_the_file(tmp_path):
    (tmp_path / "status.json").write_text("{")
    with pytest.raises(UserError, match=r"status\.json: cannot be read .*; delete it"):
        RunDir(tmp_path).status()


def test_atomic_write_leaves_nothing_beside(tmp_path):
    write_atomic(tmp_path / "a" / "b.txt", "one")
    write_atomic(tmp_path / "a" / "b.txt", "two")
    assert (tmp_path / "a" / "b.txt").read_text() == "two"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_lock_keeps_a_second_process_out_and_ends_with_its_holder(tmp_path):
    hold = (
        "import sys, pathlib; from depthrepro.core.run_dir import RunDir; "
        f"RunDir(pathlib.Path({json.dumps(str(tmp_path))})).lock(); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline().strip() == "held"
    with pytest.raises(UserError, match=f"in use by process {holder.pid}"):
        RunDir(tmp_path).lock()
    holder.kill()
    holder.communicate()
    run = RunDir(tmp_path)
    run.lock()
    run.unlock()


def test_clear_deletes_what_the_run_wrote_and_nothing_else(tmp_path):
    run = RunDir(tmp_path)
    run.lock()
    run.write_status("done")
    for name in ("figures", "mine"):
        (run.path / name).mkdir()
        (run.path / name / "a.png").touch()
    for name in ("notes.txt", "mlflow.json", ".summary.json.77.tmp"):
        (run.path / name).write_text("x")
    run.clear()
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".lock", "a.png", "mine", "notes.txt"]
    run.unlock()


@pytest.mark.parametrize("present", [["thesis.tex"], ["config.yaml"], ["status.json"], ["a/b.txt"]])
def test_a_folder_that_is_no_run_is_neither_emptied_nor_written_to(tmp_path, present):
    for name in present:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(UserError, match=r"holds files, but no run.*run_dir=") as refused:
        RunDir(tmp_path).lock()
    assert "\n" not in str(refused.value)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(present)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        RunDir(tmp_path / "file").lock()


def test_a_run_however_it_ended_can_be_taken_again(tmp_path):
    run = RunDir(tmp_path / "run")
    run.lock()
    (run.path / ".status.json.123.tmp").write_text("{")  # of a process killed while writing
    run.unlock()
    run.lock()
    run.write_status("running", config_hash="a")
    run.unlock()
    (run.path / ".lock").unlink()  # a copy without hidden files
    run.lock()
    (run.path / "config.yaml").write_text("")
    run.status_file.write_text("{")
    run.unlock()
    run.lock()
    run.unlock()


def test_a_run_that_is_deleted_halfway_is_still_a_run(tmp_path, monkeypatch):
    run = RunDir(tmp_path)
    run.lock()
    run.write_status("done", config_hash="a")
    for name in ("per_image.csv", "metrics.jsonl", "confusion.csv"):
        (tmp_path / name).touch()
    deleted = []

    def unlink(path, missing_ok=False):
        if path.exists():
            deleted.append(path.name)

    monkeypatch.setattr("pathlib.Path.unlink", unlink)
    run.clear()
    run.unlock()
    assert len(deleted) == 4 and deleted[-1] == "status.json"


def test_a_run_whose_process_is_gone_does_not_run_for_ever(tmp_path):
    run = RunDir(tmp_path)
    run.lock()
    run.write_status("running", config_hash="a")
    assert run.status()["status"] == RunDir(tmp_path).status()["status"] == "running"
    os.close(run._lock_handle)  # as the system does for a killed process
    assert (run.status()["status"], run.status()["message"]) == ("stopped", "its process was killed")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    line = r"x cannot be made \(.*\): name another folder with root=\.\.\. or run_dir=\.\.\.$"
    with pytest.raises(UserError, match=line):
        RunDir(tmp_path / "file" / "runs" / "x").lock()
