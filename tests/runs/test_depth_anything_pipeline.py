"""Teacher, pseudo-labels, student: the three steps one after the other, on rendered images, in seconds."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException

from depthrepro.config.composed import ComposedRun
from depthrepro.config.identity import resolve_run_dir
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import RunDir
from depthrepro.evaluation.saved_run import evaluate_again
from depthrepro.pseudo_label import label, take_shard
from depthrepro.report.rows import load_runs
from depthrepro.runs.experiment import run_experiment
from depthrepro.runs.summary import is_done

register_schema()
SMALL = (
    *("input_size=[64,96]", "model.out_channels=[8,8,8,8]", "model.features=8", "trainer.precision=fp32"),
    *("trainer.batch_size=2", "trainer.epochs=1", "tests.heldout.data.images=2", "logger=none"),
)
TEACHER = ("+experiment=da_teacher", "data.synthetic.streets.images=6", "data.val_every=3", *SMALL)
STUDENT = (
    *("+experiment=da_student", "data.labelled.synthetic.streets.images=6", "data.labelled.val_every=3"),
    *("data.unlabelled.worlds.images=6", *SMALL),
)


def composed(root, *overrides):
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return compose("config", overrides=[*overrides, f"root={root}"])


def train(root, *overrides):
    cfg = composed(root, *overrides)
    assert run_experiment(ComposedRun(cfg, list(overrides))) is None
    # Hydra's folder is named by what was typed, so the teacher's is put where a student looks for it.
    return RunDir(resolve_run_dir(cfg, list(overrides)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder in which the three steps have been done."""
    before = dict(os.environ)
    for name in ("KITTI_RAW", "KITTI_STEREO", "KITTI_2015", "KITTI_DEPTH"):
        os.environ.pop(name, None)
    folder = tmp_path_factory.mktemp("root")
    train(folder, *TEACHER, f"run_dir='{folder}/runs/da_teacher/seed=0'")
    label(composed(folder, *STUDENT), (0, 1))
    train(folder, *STUDENT, f"run_dir='{folder}/runs/da_student/seed=0'")
    yield folder
    os.environ.clear()
    os.environ.update(before)


def summary(root, name):
    return json.loads((root / "runs" / name / "seed=0" / "summary.json").read_text())


@pytest.mark.parametrize("name", ["da_teacher", "da_student"])
def test_a_run_is_scored_on_its_test_sets(root, name):
    whole = summary(root, name)
    assert whole["metrics"] == {} and set(whole["tests"]) == {"heldout"}
    own = json.loads((root / "runs" / name / "seed=0" / "tests" / "heldout" / "summary.json").read_text())
    assert own["images"] == 2 and own["data"]["synthetic"] and "ground_plane" in own["baselines"]
    assert own["metrics"] == whole["tests"]["heldout"]
    assert (root / "runs" / name / "seed=0" / "tests" / "heldout" / "figures" / "panel.png").is_file()


def test_the_report_reads_them_as_runs_of_their_own(root):
    rows, unfinished = load_runs(root / "runs")
    assert not unfinished
    assert set(rows["run"]) == {f"runs/{name}/seed=0/tests/heldout" for name in ("da_teacher", "da_student")}
    assert set(rows.loc[rows["kind"] == "level", "method"]) == {"affine_inv_depth"}


def test_checkpoints_carry_the_input_and_the_network(root):
    state = load_checkpoint(root / "runs" / "da_student" / "seed=0" / "checkpoints" / "last.pt")
    assert state["input"]["keep_aspect"] and state["input"]["height"] == 64
    assert state["model_config"]["encoder"] == "efficientnet_lite0"


def test_labels_are_there_already_and_are_not_made_again(root, capsys):
    folder = label(composed(root, *STUDENT), (0, 1))
    assert "done already: 6 labels" in capsys.readouterr().out and len(list(folder.rglob("*.png"))) == 6


def test_two_shards_make_the_same_labels(root, tmp_path):
    whole = label(composed(root, *STUDENT), (0, 1))
    cfg = composed(root, *STUDENT, f"data.pseudo_labels={tmp_path}")
    for number in (1, 0):
        parts = label(cfg, (number, 2))
    for file in whole.rglob("*.png"):
        assert (parts / file.relative_to(whole)).read_bytes() == file.read_bytes()


def test_a_student_without_labels_and_one_without_a_teacher_are_told_what_to_type(root, tmp_path):
    with pytest.raises(UserError, match=r"no complete pseudo-labels.*depthrepro\.pseudo_label"):
        train(root, *STUDENT, "data.pseudo_labels=elsewhere", f"run_dir={tmp_path}/a")
    with pytest.raises(InstantiationException, match=r"no teacher yet.*\+experiment=da_teacher"):
        train(root, *STUDENT, "data.teacher=none.pt", f"run_dir={tmp_path}/b")
    with pytest.raises(UserError, match="has no unlabelled images"):
        label(composed(root, *TEACHER), (0, 1))


def test_an_outside_checkpoint_can_be_the_teacher(root, tmp_path):
    elsewhere = shutil.copy(root / "runs" / "da_student" / "seed=0" / "checkpoints" / "last.pt", tmp_path / "mine.pt")
    folder = label(composed(root, *STUDENT, f"data.teacher={elsewhere}", f"data.pseudo_labels={tmp_path}"), (0, 1))
    assert json.loads((folder / "manifest.json").read_text())["teacher"] == "mine.pt"
    assert folder.name != label(composed(root, *STUDENT), (0, 1)).name


def test_the_student_starts_anew_and_moves(root):
    teacher, student = (
        load_checkpoint(root / "runs" / name / "seed=0" / "checkpoints" / "last.pt")["model"]
        for name in ("da_teacher", "da_student")
    )
    assert any(not torch.equal(teacher[key], student[key]) for key in teacher)
    statistics = [key for key in teacher if key.startswith("encoder") and key.endswith("running_mean")]
    assert statistics and all(torch.equal(teacher[key], student[key]) for key in statistics), (
        "kept as ImageNet left them"
    )


def test_a_test_set_that_comes_later_is_scored_without_training_again(root, capsys):
    overrides = (*TEACHER, f"run_dir='{root}/runs/da_teacher/seed=0'", "+tests.second=${tests.heldout}")
    run = RunDir(root / "runs" / "da_teacher" / "seed=0")
    cfg = composed(root, *overrides)
    assert is_done(run) and not is_done(run, tests=cfg.tests)
    before = json.loads((run.path / "summary.json").read_text())
    run_experiment(ComposedRun(cfg, list(overrides)))
    after = json.loads((run.path / "summary.json").read_text())
    assert after["steps"] == before["steps"] and set(after["tests"]) == {"heldout", "second"}
    assert after["tests"]["second"] == before["tests"]["heldout"]
    assert is_done(run, tests=cfg.tests) and "training   " not in capsys.readouterr().out


METRIC = (
    *("+experiment=da_zero_shot_metric/nyu_student", "input_size=[64,96]", "model.out_channels=[8,8,8,8]"),
    *("model.features=8", "model.bins.bins=8", "model.bins.dim=8", "trainer.precision=fp32", "logger=none"),
    *("trainer.batch_size=2", "trainer.epochs=1", "data.val_every=3"),
    *("data.synthetic.images=6", "data.synthetic.test_images=2", "tests.halls.data.images=2"),
)


def test_a_student_becomes_metric_and_is_scored_on_interiors_it_has_not_seen(root, capsys):
    """Beside it the mean depth map of the rooms it learnt from; both can be scored again in other terms."""
    run = train(root, *METRIC, f"run_dir='{root}/runs/metric/seed=0'")
    told = capsys.readouterr().out
    assert "2 test images of rooms (synthetic)" in told and "\nhalls " in told
    weights = load_checkpoint(run.path / "checkpoints" / "last.pt")["model"]
    student = load_checkpoint(root / "runs" / "da_student" / "seed=0" / "checkpoints" / "last.pt")["model"]
    statistics = [key for key in student if key.startswith("encoder") and key.endswith("running_mean")]
    assert all(torch.equal(weights[key], student[key]) for key in statistics)
    own = json.loads((run.path / "summary.json").read_text())
    there = json.loads((run.path / "tests" / "halls" / "summary.json").read_text())
    assert set(own["tests"]) == {"halls"} and own["images"] == there["images"] == 2
    assert there["protocol"]["alignment"] == "none" and there["protocol"]["flip_average"] is True
    assert there["baselines"]["mean_map"]["abs_rel"] != own["baselines"]["mean_map"]["abs_rel"]
    again = json.loads((evaluate_again(run.path, {}, test="halls") / "summary.json").read_text())
    assert again["metrics"] == there["metrics"] and again["baselines"] == there["baselines"]
    aligned = json.loads((evaluate_again(run.path, {"alignment": "median"}, test="halls") / "summary.json").read_text())
    assert aligned["metrics"]["depth"]["silog"] != 0 and "mean_map" not in aligned["baselines"]


def test_shards_on_the_command_line():
    assert take_shard(["a=1", "shard=1/4"]) == (["a=1"], (1, 4))
    assert take_shard(["a=1"]) == (["a=1"], (0, 1))
    with pytest.raises(UserError, match="shard must be K/N"):
        take_shard(["shard=first"])
