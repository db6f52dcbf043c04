"""What a run does before it trains: whose folder it takes, when an old run goes, and whether its data are the same."""

import json
import shutil
import signal

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist
from hydra.utils import instantiate
from omegaconf import OmegaConf

from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import RunDir
from depthrepro.runs import summary
from depthrepro.runs.experiment import Experiment, run_experiment
from depthrepro.runs.record import Record
from depthrepro.runs.reuse import choose_equivalent
from depthrepro.runs.start import start
from tests.config.swapping import composed

register_schema()


def asked(folder, *overrides):
    typed = ["+experiment=garg_kitti", "logger=none", f"root={folder}", f"run_dir={folder}/run", *overrides]
    return ComposedRun(composed(*typed), typed)


def finished(job, **further):
    """A folder as a finished run of `job` leaves it."""
    run = job.run
    run.lock()
    run.checkpoints.mkdir()
    run.last.write_text("weights")
    results = {"metrics": {}, "baselines": {}, "tests": {}, "images": 0, "steps": 1}
    run.summary.write_text(json.dumps(results | further))
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
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == [signal.SIG_DFL] * 2


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    typed = ["+experiment=garg_kitti", "model=depth_anything_lite", f"root={tmp_path}"]
    with pytest.raises(UserError, match="StereoLoss trains networks that predict disp_frac"):
        run_experiment(ComposedRun(composed(*typed), typed))
    assert list(tmp_path.iterdir()) == []


def test_force_does_not_empty_a_folder_that_is_no_run(tmp_path):
    job = asked(tmp_path, "force=true")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds files, but no run"):
        start(job)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", ["../../x", "/elsewhere/x", "a/../../x"])
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


@pytest.fixture
def folder_of_pairs(tmp_path):
    """A tiny data set in left/right folders, and the words that train on it."""
    rng = np.random.default_rng(0)
    for name in range(6):
        for side in ("left", "right"):
            path = tmp_path / "pairs" / side / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), rng.integers(0, 255, (40, 80, 3), np.uint8))
    (tmp_path / "pairs" / "calibration.yaml").write_text(
        "{fx: 60, fy: 60, cx: 40, cy: 20, baseline_m: 0.5, width: 80, height: 40}"
    )
    return tmp_path / "pairs"


def test_corrected_data_are_told_and_no_old_result_is_given_for_them(folder_of_pairs, tmp_path, capsys):
    typed = ("data=stereo_folder", f"data.root={folder_of_pairs}", "input_size=[48,96]", f"cache_dir={tmp_path}/cache")
    job = asked(tmp_path, *typed)
    then = instantiate(job.cfg.data, _convert_="all").fingerprint
    finished(job, data={"fingerprint": then, "synthetic": False}, scale="demo")
    assert start(job) is None and "done already" in capsys.readouterr().out
    cv2.imwrite(str(folder_of_pairs / "left" / "0.png"), np.zeros((40, 80, 3), np.uint8))
    summary._fingerprint.cache_clear()  # as in another process
    now = instantiate(job.cfg.data, _convert_="all").fingerprint
    with pytest.raises(
        UserError, match=rf"other data, fingerprint {then} -> {now}: train again with force=true"
    ) as told:
        start(job)
    assert "\n" not in str(told.value) and now != then
    another = asked(tmp_path, *typed, f"run_dir={tmp_path}/runs/another")
    shutil.move(job.run.path, tmp_path / "runs" / "old")
    assert another.hash == job.hash and choose_equivalent(another) is None
    shutil.rmtree(folder_of_pairs)  # nothing to compare with any more
    summary._fingerprint.cache_clear()
    assert choose_equivalent(another) is not None


def test_a_test_set_whose_folder_has_changed_is_scored_again(tmp_path, monkeypatch):
    job = asked(tmp_path)
    run = finished(job, data={"fingerprint": "f"})
    (run.path / "tests" / "kitti").mkdir(parents=True)
    (run.path / "tests" / "kitti" / "summary.json").write_text('{"data": {"fingerprint": "old"}}')
    cfg = OmegaConf.create({"tests": {"kitti": {"data": {"root": "/somewhere"}}, "halls": {"data": {"seed": 0}}}})
    monkeypatch.setattr(summary, "_fingerprint", lambda node: "new" if "somewhere" in node else "other")
    assert summary.changed_tests(run, cfg) == {"kitti": "old -> new"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer"), "stopped"),
        (dist.DistBackendError("NCCL communicator was aborted"), "stopped"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "failed"),
    ],
)
def test_a_rank_that_was_killed_stops_the_others_and_fails_nothing(error, status, tmp_path, monkeypatch):
    def prepare(experiment):
        experiment.record.start()
        raise error

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(Experiment, "prepare", prepare)
    job = asked(tmp_path)
    with pytest.raises(UserError if status == "stopped" else RuntimeError) as raised:
        Experiment(job, torch.device("cpu")).run_and_record()
    assert job.run.status()["status"] == status
    assert status == "failed" or "another of the 2 processes ended: the same command goes on" in str(raised.value)
