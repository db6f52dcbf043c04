"""A run that starts from another run's checkpoint says at once that it is missing, and how to make it."""

import json
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir

from depthrepro.config.identity import config_hash
from depthrepro.config.prerequisites import check_checkpoints
from depthrepro.config.register import register_schema
from depthrepro.config.resolvers import trained
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.errors import UserError

register_schema()


def composed(root, *overrides):
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return compose("config", overrides=[*overrides, f"root={root}"])


def checkpoint(root, *parts, scale="demo", overrides=(), status="done"):
    path = root.joinpath("runs", *parts, "checkpoints", "last.pt")
    path.parent.mkdir(parents=True)
    path.touch()
    run = path.parents[1]
    (run / "config.yaml").write_text(f"name: x\nscale: {scale}\nseed: 0\n")
    (run / "status.json").write_text(json.dumps({"status": status}))
    (run / "summary.json").write_text(json.dumps({"overrides": list(overrides)}))
    return path


@pytest.mark.parametrize(
    ("experiment", "key", "command"),
    [
        ("da_metric_kitti", r"model\.weights", r"\+experiment=da_student, or all it needs: make student"),
        ("da_encoders/teacher", r"model\.weights", r"\+experiment=da_teacher$"),
        ("da_places/rgb_depth", r"data\.depth\.checkpoint", r"\+experiment=da_student, or"),
        ("da_places/rgb_depth_tuned", r"model\.depth_network", r"\+experiment=da_student, or"),
        ("da_student", r"data\.teacher", r"\+experiment=da_teacher seed=3$"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(experiment, key, command, tmp_path, monkeypatch):
    monkeypatch.delenv("DEPTH_ANYTHING_WEIGHTS", raising=False)
    cfg = composed(tmp_path, f"+experiment={experiment}", "seed=3")
    with pytest.raises(UserError, match=rf"^{key}: .* is not there; train it first: .*{command}"):
        check_checkpoints(cfg)


def test_a_whole_network_to_start_from_must_be_named(tmp_path, monkeypatch):
    monkeypatch.delenv("DEPTH_ANYTHING_WEIGHTS", raising=False)
    with pytest.raises(UserError, match=r"^model\.weights_of=network: no weights are named; set DEPTH_"):
        check_checkpoints(composed(tmp_path, "+experiment=da_metric_kitti", "scale=paper"))
    named = composed(tmp_path, "+experiment=da_metric_kitti", "scale=paper", "initial_weights=student.pth")
    with pytest.raises(UserError, match=r"^model\.weights: student\.pth is not there; name a file of weights that is$"):
        check_checkpoints(named)
    (tmp_path / "student.pth").touch()
    check_checkpoints(named)


def test_a_checkpoint_that_is_there_or_coming_is_enough(tmp_path):
    cfg = composed(tmp_path, "+experiment=da_metric_kitti", "seed=3")
    check_checkpoints(cfg, coming={tmp_path / "runs" / "da_student" / "seed=0"})
    checkpoint(tmp_path, "da_student", "seed=0")
    check_checkpoints(cfg)


def test_runs_that_start_from_no_other_need_nothing(tmp_path):
    for experiment in ("garg_kitti", "da_teacher", "da_places/rgb", "da_in_domain_kitti/imagenet"):
        check_checkpoints(composed(tmp_path, f"+experiment={experiment}"))


def test_a_run_of_ones_own_is_not_told_a_command(tmp_path):
    cfg = composed(tmp_path, "+experiment=da_metric_kitti", "model.weights=mine/checkpoints/last.pt")
    with pytest.raises(UserError, match="name the checkpoint of a run that is finished"):
        check_checkpoints(cfg)


def test_a_run_that_is_not_finished_is_no_start(tmp_path):
    checkpoint(tmp_path, "da_student", "seed=0", status="stopped")
    with pytest.raises(UserError, match=r"of a run that is stopped; train it first: .*da_student"):
        check_checkpoints(composed(tmp_path, "+experiment=da_metric_kitti"))


def test_runs_with_settings_of_their_own_are_not_taken_unasked(tmp_path):
    plain = str(tmp_path / "runs" / "da_student" / "seed=0" / "checkpoints" / "last.pt")
    typed = ["+experiment=da_student"]
    checkpoint(tmp_path, "da_student", "1-0a0a0a0a", "seed=0", overrides=[*typed, "trainer.epochs=1"])
    assert trained("da_student", str(tmp_path), "demo", 0) == plain
    real = checkpoint(
        tmp_path, "da_student", "kitti-1b1b1b1b", "seed=0", overrides=["+experiment=da_student", "seed=0"]
    )
    assert trained("da_student", str(tmp_path), "demo", 0) == str(real)
    typed.append("scale=paper")
    paper = checkpoint(tmp_path, "da_student", "paper-2c2c2c2c", "seed=0", scale="paper", overrides=typed)
    assert trained("da_student", str(tmp_path), "paper", 0) == str(paper)
    checkpoint(tmp_path, "da_student", "seed=0")
    assert trained("da_student", str(tmp_path), "demo", 0) == plain


def test_every_seed_starts_from_the_same_student(tmp_path):
    file = checkpoint(tmp_path, "da_student", "seed=0")
    checkpoint(tmp_path, "da_student", "seed=2")
    assert composed(tmp_path, "+experiment=da_in_domain_nyu/student", "seed=2").model.weights == str(file)


@pytest.mark.parametrize("sweep", [[], ["-m"]])
def test_a_run_whose_result_another_has_needs_no_checkpoint(sweep, tmp_path):
    """Two tables share a row; the student that it started from has been deleted since."""
    cfg = composed(tmp_path, "+experiment=da_encoders/student")
    equivalent = tmp_path / "runs" / "da_in_domain_nyu" / "student" / "seed=0"
    (equivalent / "checkpoints").mkdir(parents=True)
    (equivalent / "checkpoints" / "last.pt").touch()
    (equivalent / "config.yaml").write_text("name: da_in_domain_nyu/student\nseed: 0\n")
    (equivalent / "status.json").write_text(json.dumps({"status": "done", "config_hash": config_hash(cfg)}))
    data = {"name": "rooms", "synthetic": True, "fingerprint": "f", "counts": {}, "encodings": {}}
    result = {"metrics": {}, "metrics_best": {}, "baselines": {}, "data": data, "scale": "demo", "seed": 0, "steps": 0}
    (equivalent / "summary.json").write_text(json.dumps(result))
    typed = ["+experiment=da_encoders/student", f"root={tmp_path}", "logger=none", *sweep]
    done = subprocess.run([sys.executable, "-m", "depthrepro.train", *typed], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "da_encoders" / "student" / "seed=0" / "checkpoints" / "last.pt").is_file()


@pytest.mark.parametrize("sweep", [[], ["seed=0,1", "-m"]])
def test_the_program_stops_before_anything_is_loaded(sweep, tmp_path):
    program = [sys.executable, "-X", "importtime", "-m", "depthrepro.train"]
    typed = ["+experiment=da_metric_kitti", f"root={tmp_path}", "logger=none", *sweep]
    done = subprocess.run([*program, *typed], capture_output=True, text=True)
    assert done.returncode == 2 and "make student" in done.stderr
    assert " torch\n" not in done.stderr, "torch was imported"
    assert not list(tmp_path.glob("runs/da_metric_kitti/**/status.json"))


def test_labels_ask_for_their_teacher_before_anything_is_rendered(tmp_path):
    program = [sys.executable, "-X", "importtime", "-m", "depthrepro.pseudo_label", "+experiment=da_student"]
    done = subprocess.run([*program, f"root={tmp_path}"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.splitlines()[-1].endswith("+experiment=da_teacher")
    assert " torch\n" not in done.stderr, "torch was imported"
    published = subprocess.run(
        [*program[:1], *program[3:], f"root={tmp_path}", "data.teacher=vitl14.pth"], capture_output=True, text=True
    )
    assert published.stderr == "error: data.teacher: vitl14.pth is not there; name a file of weights that is\n"


def test_the_help_of_pseudo_label_is_its_own():
    program = [sys.executable, "-m", "depthrepro.pseudo_label", "--help"]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert "shard=1/4" in said and "Train, evaluate" not in said
