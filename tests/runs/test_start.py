"""What a run does before it trains: whose folder it takes, when an old run goes, and whether its data are the same."""

import json

import pytest

from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import RunDir
from depthrepro.runs.experiment import run_experiment
from depthrepro.runs.record import Record
from depthrepro.runs.start import start
from tests.config.swapping import composed

register_schema()


def asked(folder, *overrides):
    typed = ["+experiment=garg_kitti", "logger=none", f"root={folder}", f"run_dir={folder}/run", *overrides]
    return ComposedRun(composed(*typed), typed)


def finished(job, **summary):
    """A folder as a finished run of `job` leaves it."""
    run = job.run
    run.lock()
    run.checkpoints.mkdir()
    run.last.write_text("weights")
    results = {"metrics": {}, "baselines": {}, "tests": {}, "images": 0, "steps": 1}
    run.summary.write_text(json.dumps(results | summary))
    run.write_status("done", config_hash=job.hash)
    run.unlock()
    return run


@pytest.mark.parametrize("mistake", ["trainer.finest=L99", "data.root=/no/such/folder", "data.synthetic.nope=1"])
def test_force_deletes_an_old_run_only_when_the_new_one_is_built(mistake, tmp_path):
    mistake = mistake if "nope" not in mistake else f"+{mistake}"
    job = asked(tmp_path, "force=true", mistake)
    before = {p: p.read_bytes() for p in finished(job).path.rglob("*") if p.is_file() and p.name != ".lock"}
    with pytest.raises(Exception, match=r"L99|no such folder|nope"):
        run_experiment(job)
    assert before == {p: p.read_bytes() for p in job.run.path.rglob("*") if p.is_file() and p.name != ".lock"}
    assert job.run.status()["status"] == "done"


def test_force_does_not_empty_a_folder_that_is_no_run(tmp_path):
    job = asked(tmp_path, "force=true")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds files, but no run"):
        start(job)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/../../x"])
def test_a_run_s_name_stays_inside_runs(name, tmp_path):
    cfg = composed("+experiment=garg_kitti", f"root={tmp_path}", f"name={name}")
    with pytest.raises(UserError, match=r"leads out of .*runs: choose a name"):
        _ = ComposedRun(cfg, []).run


def test_a_finished_run_stays_finished_whatever_happens_to_a_later_test_set(tmp_path):
    job = asked(tmp_path)
    finished(job)
    for status in ("failed", "stopped"):
        record = Record(job)
        record.finish(status)  # has not started: nothing is written
        record.start()
        record.finish(status, "the folder of another test set is gone")
        assert RunDir(job.run.path).status()["status"] == "done"
