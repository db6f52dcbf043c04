"""Sweeps as people run them: one command, disturbed in the middle, typed again."""

import os
import re
import shutil
import signal
import time

import psutil
import pytest

from tests.sweep.helpers import finish, read_json, start, sweep_folder, wait_for_training, write_rows
from tests.tracking.helpers import STORE_WARNINGS, wait_until

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]


def processes_under(folder):
    """Processes whose command or working directory names the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        try:
            named = str(folder) in " ".join(process.info["cmdline"] or []) or process.cwd() == str(folder)
        except psutil.Error:
            continue
        if named and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info["cmdline"])
    return found


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["+experiment/garg_warp=glob(x*)"], {}, "glob(x*) matches nothing"),
        (["+experiment/garg_warp=glob(*)", "trainer.max_step=2"], {}, "did you mean 'trainer.max_steps'?"),
        (["+experiment=garg_kitti", "seed=0,1", "hydra/launcher=joblb"], {}, "did you mean 'joblib'?"),
        (["+experiment=garg_kitti", "seed=0,1"], {"RANK": "0"}, "torchrun"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_starts(tmp_path, arguments, environment, expected):
    out, err = finish(start(tmp_path, *arguments, "logger=none", **environment), code=2)
    assert out == "" and err.startswith("error: ") and len(err.splitlines()) == 1
    assert expected in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_failing_job_stops_no_other_and_edits_reach_no_later_job(tmp_path):
    table = write_rows(tmp_path, a=0.0005, b=0.0005, c=0.0005)
    (table / "b.yaml").write_text((table / "b.yaml").read_text() + "data: {root: /nowhere/kitti}\n")
    process = start(tmp_path, "+experiment/tiny=glob(*)", "logger=none")
    wait_until(lambda: sweep_folder(tmp_path), "the sweep is launched")
    write_rows(tmp_path, c=0.25)
    (table / "a.yaml").write_text("not: [a, config")
    out, _ = finish(process, code=1)
    folder = sweep_folder(tmp_path)
    log = folder / "jobs" / "02.log"
    assert "/nowhere/kitti" in log.read_text()
    assert len(re.findall(rf"b seed=0: .*/nowhere/kitti.*log .*{log.name}", out)) == 2  # at once, and at the end
    assert "1 of 3 jobs failed" in out and "the same command again" in out
    sweep = read_json(folder / "sweep.json")
    assert [job["status"] for job in sweep["jobs"]] == ["done", "failed", "done"]
    assert sweep["status"] == "failed"
    saved = (tmp_path / sweep["jobs"][2]["run_dir"] / "config.yaml").read_text()
    assert "lr: 0.0005" in saved and "0.25" not in saved

    write_rows(tmp_path, a=0.0005, b=0.0005, c=0.0005)  # b is repaired
    trained = [tmp_path / sweep["jobs"][i]["run_dir"] / "summary.json" for i in (0, 2)]
    before = [file.stat().st_mtime_ns for file in trained]
    out, _ = finish(start(tmp_path, "+experiment/tiny=glob(*)", "logger=none"))
    assert "2 of 3 already: a seed=0, c seed=0" in out and "[2/3] b seed=0: AbsRel" in out and "[1/3]" not in out
    assert [file.stat().st_mtime_ns for file in trained] == before


@pytest.mark.slow
def test_killed_between_two_workers_and_typed_again_every_row_is_there_once(tmp_path, empty_database):
    write_rows(tmp_path, a=0.0005)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    arguments = ["+experiment/tiny=a", "seed=range(0,3)", "hydra/launcher=joblib"]
    process = start(tmp_path, *arguments, epochs=10)
    wait_for_training(process, tmp_path, runs=2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    out, _ = finish(start(tmp_path, *arguments, epochs=10))
    assert "2 at a time" in out and out.count("AbsRel 0") + out.count("AbsRel 1") >= 2
    wait_until(lambda: not processes_under(tmp_path), "nothing of the killed sweep is left", seconds=30)
    logs = "".join(f.read_text() for f in tmp_path.rglob("mlflow_mirror.log"))
    assert "database is locked" not in logs

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = [r for e in client.search_experiments() for r in client.search_runs([e.experiment_id])]
    assert {r.info.status for r in runs} == {"FINISHED"}
    (parent,) = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children = [r for r in runs if r is not parent]
    names = sorted(r.info.run_name for r in children)
    assert [name.split()[:2] for name in names] == [["a", f"seed={seed}"] for seed in range(3)]
    assert all(name.endswith(" tiny") for name in names)
    assert {r.data.tags["mlflow.parentRunId"] for r in children} == {parent.info.run_id}
    assert {r.data.tags["sweep_id"] for r in runs} == {sweep_folder(tmp_path).name}
    assert parent.info.run_name.startswith("tiny/a data.synthetic=")
    assert {k: parent.data.tags[k] for k in ("jobs", "jobs_done", "jobs_failed")} == {
        "jobs": "3", "jobs_done": "3", "jobs_failed": "0",
    }  # fmt: skip
    for child in children:
        steps = [m.step for m in client.get_metric_history(child.info.run_id, "train/loss")]
        assert steps == sorted(set(steps))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_writes_its_checkpoint_and_goes_on(tmp_path, number):
    write_rows(tmp_path, a=0.0005)
    process = start(tmp_path, "+experiment/tiny=a", "seed=0,1", "logger=none", epochs=100)
    wait_for_training(process, tmp_path)
    os.killpg(process.pid, number)  # as the terminal does, to everything in the foreground
    out, err = finish(process, code=128 + number, timeout=40)
    assert "waiting for the checkpoint" in err and "0 of 2 jobs done; the same command" in out
    sweep = read_json(sweep_folder(tmp_path) / "sweep.json")
    assert [job["status"] for job in sweep["jobs"]] == ["stopped", "queued"] and sweep["status"] == "stopped"
    assert read_json(tmp_path / sweep["jobs"][0]["run_dir"] / "status.json")["status"] == "stopped"
    assert not processes_under(tmp_path)


@pytest.mark.slow
def test_submitits_local_executor(tmp_path):
    write_rows(tmp_path, a=0.0005)
    out, _ = finish(start(tmp_path, "+experiment/tiny=a", "logger=none", "hydra/launcher=submitit_local"))
    folder = sweep_folder(tmp_path)
    assert "[1/1] tiny/a seed=0: AbsRel" in out
    assert read_json(folder / "sweep.json")["jobs"][0]["status"] == "done"
    assert any((folder / ".submitit").iterdir())
    begin = time.monotonic()
    out, _ = finish(start(tmp_path, "+experiment/tiny=a", "logger=none", "hydra/launcher=submitit_local"))
    assert "1 of 1 already" in out and time.monotonic() - begin < 10  # no process was started
