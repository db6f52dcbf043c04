"""The process of a job and what its starter makes of it, without any training."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from omegaconf import OmegaConf

from depthrepro.core.errors import UserError
from depthrepro.core.processes import started_at
from depthrepro.core.run_dir import RunDir
from depthrepro.runs.summary import format_summary
from depthrepro.sweep import start
from depthrepro.sweep.folder import SweepFolder
from depthrepro.sweep.job import Screen, wait_until_free
from depthrepro.sweep.listing import failures, main_numbers, table


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A launched sweep of three jobs whose processes run what the test says."""
    folder = SweepFolder(tmp_path / "sweep")
    folder.jobs.mkdir(parents=True)
    rows = [("a", 1), ("b", 2), ("c", 3)]
    sweep = {
        "launch": "now", "launcher": "basic", "at_once": 1, "threads": None, "root": str(tmp_path), "code": "code",
        "pid": os.getpid(), "pid_started": started_at(os.getpid()), "launched": [1, 2, 3],
        "jobs": [
            {"number": n, "label": f"{r} seed=0", "row": r, "seed": 0, "run_dir": f"runs/{r}", "status": "queued"}
            for r, n in rows
        ],
    }  # fmt: skip
    folder.write(sweep)
    for _, number in rows:
        folder.set_state(number, "queued")
    monkeypatch.setattr(start, "fingerprint", lambda state: "code")
    return folder


def run(folder, number, code, monkeypatch, **options):
    """Start job `number` whose process runs this code."""

    def popen(sweep, folder, number, watched, log):
        return subprocess.Popen([sys.executable, "-c", code], stdout=log, stderr=log, **options)

    monkeypatch.setattr(start, "_popen", popen)
    return start.start_job(OmegaConf.create({"path": str(folder.path), "launch": "now", "number": number}))


def test_jobs_end_as_their_processes_do(folder, monkeypatch, capsys):
    assert run(folder, 1, "print('fine')", monkeypatch) == "done"
    assert (
        run(folder, 2, "print('step 1'); print('error: no such folder'); raise SystemExit(2)", monkeypatch) == "failed"
    )
    assert run(folder, 3, "import os; os.kill(os.getpid(), 9)", monkeypatch) == "failed"
    out = capsys.readouterr().out
    assert "[1/3] a seed=0 -> " in out
    assert "[2/3] b seed=0: FAILED: no such folder; log " in out and str(folder.log(2)) in out
    assert "[3/3] c seed=0: FAILED: ended by SIGKILL (out of memory?)" in out
    assert folder.log(2).read_text().splitlines() == ["step 1", "error: no such folder"]
    sweep = folder.read()
    for job in sweep["jobs"]:
        job["status"] = folder.state(job["number"])["status"]
    listed = failures(sweep, folder)
    assert listed.startswith("2 of 3 jobs failed:") and str(folder.log(3)) in listed
    assert [line.split()[:3] for line in table(sweep).splitlines()[1:]] == [
        ["a", "0", "done"], ["b", "0", "failed"], ["c", "0", "failed"],
    ]  # fmt: skip


def test_a_stopping_sweep_starts_nothing_and_an_earlier_launch_neither(folder, monkeypatch):
    folder.request_stop()
    assert run(folder, 1, "raise SystemExit(1)", monkeypatch) == "queued"
    folder.forget_last_launch()
    assert (
        start.start_job(OmegaConf.create({"path": str(folder.path), "launch": "an earlier one", "number": 1}))
        == "queued"
    )
    assert folder.state(1) == {"status": "queued"} and not folder.log(1).exists()


def test_changed_code_is_told_once(folder, monkeypatch, capsys):
    monkeypatch.setattr(start, "fingerprint", lambda state: "other code")
    for number in (1, 2):
        run(folder, number, "", monkeypatch)
    err = capsys.readouterr().err
    assert err.count("has changed since the sweep was launched") == 1 and "from job 1 on" in err


FOLLOWER = """
import signal, sys, time
from pathlib import Path
from depthrepro.sweep.job import watch
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
watch(Path(sys.argv[1]), [(int(sys.argv[2]), float(sys.argv[3]))])
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["asked", "orphaned"])
def test_a_job_stops_when_its_sweep_is_stopped_or_killed(folder, how):
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    arguments = [str(folder.snapshot(1)), str(parent.pid), str(started_at(parent.pid))]
    job = subprocess.Popen([sys.executable, "-c", FOLLOWER, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert job.stdout.readline() == "ready\n"
        time.sleep(0.7)
        assert job.poll() is None
        if how == "asked":
            folder.request_stop()
        else:
            parent.send_signal(signal.SIGKILL)
        assert job.wait(10) == 7
    finally:
        for process in (parent, job):
            process.kill()
            process.wait()
        job.stdout.close()


def test_the_directory_of_a_dying_run_is_waited_for(tmp_path, capsys):
    holder, run = RunDir(tmp_path / "run"), RunDir(tmp_path / "run")
    holder.lock()
    threading.Timer(0.8, holder.unlock).start()
    wait_until_free(run, seconds=10)
    assert capsys.readouterr().out.count("is in use by process") == 1
    run.lock()
    with pytest.raises(UserError, match="in use"):
        wait_until_free(RunDir(tmp_path / "run"), seconds=0)
    run.unlock()


def test_bars_go_to_the_terminal_and_the_rest_to_the_log_too(tmp_path):
    with (tmp_path / "terminal").open("w") as terminal, (tmp_path / "log").open("w") as log:
        screen = Screen(terminal, log)
        for text in ("\rtraining 50 %", "\rtraining 100 %", "\n", "warning: slow", "\n"):
            screen.write(text)
        screen.flush()
    assert (tmp_path / "terminal").read_bytes() == b"\rtraining 50 %\rtraining 100 %\nwarning: slow\n"
    assert (tmp_path / "log").read_text() == "warning: slow\n"


def test_the_main_number_is_that_of_the_finest_level(tmp_path):
    (tmp_path / "summary.json").write_text('{"metrics": {"L9": {"abs_rel": 0.3}, "L12": {"abs_rel": 0.2}, "L10": {}}}')
    assert main_numbers(tmp_path) == "AbsRel 0.2000 (L12)"
    trained = '{"output": "L9", "metrics": {"L9": {"abs_rel": 0.3}, "L12": {"abs_rel": 0.2}}}'
    (tmp_path / "summary.json").write_text(trained)
    assert main_numbers(tmp_path) == "AbsRel 0.3000 (L9)"
    (tmp_path / "summary.json").write_text('{"metrics": {}}')
    assert main_numbers(tmp_path) == main_numbers(tmp_path / "nowhere") == ""


def test_a_run_with_test_sets_tells_each(tmp_path):
    tests = '{"a": {"affine_inv_depth": {"abs_rel": 0.2}}, "b": {"affine_inv_depth": {"abs_rel": 0.31}}}'
    (tmp_path / "summary.json").write_text(f'{{"metrics": {{}}, "tests": {tests}}}')
    assert main_numbers(tmp_path) == "AbsRel 0.2000 (a), 0.3100 (b)"


def test_a_run_that_could_not_be_scored_says_why(tmp_path):
    reason = "trainer.max_steps ended the training early: L12 is the same everywhere"
    summary = {"metrics": {}, "baselines": {}, "tests": {}, "not_evaluated": reason}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert main_numbers(tmp_path) == format_summary(summary) == f"not evaluated: {reason}"


@pytest.mark.parametrize("content", ["{", "[3]", "7", "\0\0"])
def test_a_damaged_file_of_a_sweep_is_one_line(folder, content):
    folder.sweep.write_text(content)
    with pytest.raises(UserError, match=r"sweep\.json: cannot be read \(.*; delete it and type the command again$"):
        folder.read()
