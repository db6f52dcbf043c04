"""Scoring a finished run again: the same numbers without overrides, other protocols with, clear words otherwise."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from depthrepro import evaluate as program
from depthrepro.core.errors import UserError
from depthrepro.core.files import write_json
from depthrepro.core.protocol import Protocol
from depthrepro.evaluate import parse_arguments
from depthrepro.evaluation.saved_run import evaluate_again
from depthrepro.inference.predictions import prediction_path
from tests.evaluation.scenes import PROTOCOL, build, read_rows
from tests.evaluation.test_run_evaluation import evaluate, make_run


@pytest.fixture
def run(tmp_path):
    """A finished run directory, as training leaves it."""
    root = str(tmp_path / "data")
    splits = build(root)
    run = make_run(tmp_path / "run", last=0.05, best=0.07)
    summary = evaluate(run, splits)
    data = {"_target_": "tests.evaluation.scenes.build", "root": root, "test": 3}
    config = {"name": "tiny", "cache_dir": str(tmp_path / "cache"), "eval": PROTOCOL.as_dict(), "data": data}
    OmegaConf.save(OmegaConf.create(config), run / "config.yaml")
    described = {"name": splits.name, "synthetic": True, "fingerprint": splits.fingerprint}
    origin = {"experiment": "tiny", "scale": "demo", "seed": 0, "data": described}
    write_json(run / "summary.json", {**origin, "protocol": PROTOCOL.as_dict(), **summary})
    shutil.rmtree(run / "checkpoints")  # no network is needed
    return run


def summary_of(folder: Path):
    return json.loads((folder / "summary.json").read_text())


def test_without_overrides_the_runs_own_numbers_come_back_exactly(run):
    folder = evaluate_again(run, {})
    own, again = summary_of(run), summary_of(folder)
    assert {k: again[k] for k in own} == own
    assert (folder / "per_image.csv").read_bytes() == (run / "per_image.csv").read_bytes()


def test_other_protocols_get_folders_of_their_own(run):
    wide = evaluate_again(run, {"cap_m": 80, "crop": "none"})
    tight = evaluate_again(run, {"cap_m": 12.0, "crop": "garg", "alignment": "median"})
    assert wide.name.startswith("dense-none-1-80m-none-") and tight.name.startswith("dense-garg-1-12m-median-")
    assert wide.parent == tight.parent == run / "evaluations"
    protocol = Protocol.from_dict(summary_of(tight)["protocol"])
    assert (protocol.cap_m, protocol.crop.value, protocol.min_depth_m) == (12.0, "garg", PROTOCOL.min_depth_m)
    own = {(r["checkpoint"], r["method"], r["id"]): r["n_valid"] for r in read_rows(run / "per_image.csv")}
    cut = {(r["checkpoint"], r["method"], r["id"]): r["n_valid"] for r in read_rows(tight / "per_image.csv")}
    assert own.keys() == cut.keys() and all(cut[key] < own[key] for key in own)
    assert summary_of(tight)["experiment"] == "tiny"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"cap": 80}, r"unknown setting 'eval\.cap': did you mean 'eval\.cap_m'\?"),
        ({"crop": "kb"}, r"eval\.crop: Invalid value 'kb'"),
        ({"cap_m": "far"}, r"eval\.cap_m: .*far"),
        ({"cap_m": 0.5}, "need 0 < min_depth_m < cap_m"),
        ({"split": "eigen"}, r"eval\.split=eigen: the predictions are of split test"),
        ({"ground_truth": "improved"}, "none of 3 images has ground truth improved"),
        ({"flip_average": True}, r"eval\.flip_average=true: .*only a run with this setting has others"),
    ],
)
def test_mistakes_in_the_protocol(run, overrides, message):
    with pytest.raises(UserError, match=message):
        evaluate_again(run, overrides)
    assert not (run / "evaluations").exists()


def test_data_that_are_not_the_runs_are_refused(run):
    with pytest.raises(UserError, match=r"fingerprint .* is not the run's .*data\.root"):
        evaluate_again(run, {}, {"test": 2})
    with pytest.raises(UserError, match=r"unknown setting 'data\.rot': did you mean 'data\.root'\?"):
        evaluate_again(run, {}, {"rot": "/elsewhere"})


def test_data_that_moved_are_found_by_override(run, tmp_path):
    moved = tmp_path / "moved"
    shutil.move(tmp_path / "data", moved)
    folder = evaluate_again(run, {}, {"root": str(moved)})
    assert summary_of(folder)["metrics"] == summary_of(run)["metrics"]


def test_what_is_missing_is_named(run, tmp_path):
    with pytest.raises(UserError, match=r"nowhere/config\.yaml: no such file"):
        evaluate_again(tmp_path / "nowhere", {})
    with pytest.raises(UserError, match=r"no such file, so .*config\.yaml is no run directory"):
        evaluate_again(run / "config.yaml", {})
    prediction_path(run / "predictions" / "last", "scene/01").unlink()
    with pytest.raises(UserError, match=r"scene__01\.npz: no such prediction"):
        evaluate_again(run, {})
    shutil.rmtree(run / "predictions")
    with pytest.raises(UserError, match=r"predictions: no predictions; the run's own command"):
        evaluate_again(run, {})
    (run / "config.yaml").write_text("eval: [")
    with pytest.raises(UserError, match=r"config\.yaml: not readable as YAML"):
        evaluate_again(run, {})


def test_arguments():
    typed = ["run_dir=runs/x/seed=0", "eval.cap_m=80", "eval.crop=none", "data.root=/d", "test=nyu"]
    run, protocol, data, test = parse_arguments(typed)
    assert test == "nyu" and parse_arguments(typed[:1])[3] is None
    assert run == Path("runs/x/seed=0").resolve()
    assert protocol == {"cap_m": 80, "crop": "none"} and data == {"root": "/d"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval.cap_m=80"], "run_dir= is missing; .*evaluate --help lists"),
        (["run_dir=x", "cap_m=80"], r"unknown setting 'cap_m': did you mean 'eval\.cap_m'\?"),
        (["rundir=x"], r"unknown setting 'rundir': did you mean 'run_dir'\?"),
        (["run_dir=x", "eval.crop"], r"eval\.crop has no value: write eval\.crop=\.\.\."),
    ],
)
def test_mistyped_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        parse_arguments(arguments)


def test_the_program_prints_the_table_and_where_it_lies(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evaluate", f"run_dir={run}", "eval.cap_m=20"])
    program.main()
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out[1:7]] == ["L9", "L12", "L9", "L12", "mean_map", "sgbm"]
    assert "3 test images of scenes, synthetic data, scale demo" in out[7]
    assert "depth 1–20 m" in out[8] and str(run / "evaluations") in out[9]


def test_help_prints_the_settings(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evaluate", "--help"])
    program.main()
    out = capsys.readouterr().out
    assert "cap_m: 50.0" in out and "run_dir=" in out
