"""A run repeated from its saved configuration: the same numbers, in a new place, with every difference told."""

import json
import shutil
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.rerun import apply_overrides, compare_numbers, differences, main, new_folder
from tests.test_train import whole  # noqa: F401 - fixture


def rerun(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "depthrepro.rerun", "run", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(whole, tmp_path):  # noqa: F811
    """A copy of a tiny run, untracked."""
    return shutil.copytree(whole[0], tmp_path / "copy")


@pytest.mark.slow
def test_the_same_numbers_in_a_new_directory(folder):
    before = {p: p.read_bytes() for p in (folder / "run").rglob("*") if p.is_file()}
    code, said, err = rerun(folder)
    assert code == 0, err
    assert "equal to the last digit" in said and "not equal" not in said
    new = json.loads((folder / "run-rerun" / "summary.json").read_text())
    old = json.loads((folder / "run" / "summary.json").read_text())
    assert new["metrics"] == old["metrics"] and new["rerun_of"].endswith("run")
    assert before == {p: p.read_bytes() for p in (folder / "run").rglob("*") if p.is_file()}


def test_a_dry_run_tells_the_differences_and_loads_no_torch(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    saved = folder / "run" / "config.yaml"
    saved.write_text(saved.read_text().replace("weight_decay: 0.0", "weight_decay: 0.5"))
    environment = folder / "run" / "environment.txt"
    environment.write_text(environment.read_text() + "a-lost-package==1.0\n")
    main([str(folder / "run"), "trainer.epochs=7", "trainer.num_workers=2", "--dry-run"])
    said = capsys.readouterr().out
    assert "changed by hand:\n  trainer.epochs: 3 -> 7\n  trainer.num_workers: 0 -> 2" in said
    assert "nothing differs" not in said
    assert "optimizer.weight_decay: 0.5 -> 0.0" in said
    assert "a-lost-package: 1.0 -> (none)" in said
    assert not (folder / "run-rerun").exists()
    light = "import sys, depthrepro.rerun as r; r.main(sys.argv[1:]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", light, "run", "--dry-run"], cwd=folder, check=True, capture_output=True)


def test_never_an_existing_directory(tmp_path):
    old = tmp_path / "seed=0"
    assert new_folder(old).name == "seed=0-rerun"
    (tmp_path / "seed=0-rerun").mkdir()
    assert new_folder(old).name == "seed=0-rerun2"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer.epoch=3", r"unknown setting 'trainer.epoch': did you mean 'trainer.epochs'"),
        ("trainer.epochs=many", "trainer.epochs: "),
        ("trainer.epochs.x=1", "unknown setting"),
        ("fast", "cannot use 'fast'"),
    ],
)
def test_overrides_are_checked(word, message):
    from depthrepro.config.schema import RootConfig, TrainerConfig

    cfg = OmegaConf.structured(RootConfig(name="x", trainer=TrainerConfig(epochs=3)))
    with pytest.raises(UserError, match=message):
        apply_overrides(cfg, [word])


def test_a_setting_that_is_gone_names_the_commit_to_go_back_to(folder):
    saved = folder / "run" / "config.yaml"
    saved.write_text(saved.read_text() + "a_former_setting: 1\n")
    code, _, err = rerun(folder, "--dry-run")
    assert code == 2 and err.count("\n") == 1
    assert "a_former_setting" in err and "git checkout" in err


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("config.yaml", "", "config.yaml: names no data, so it is no run's configuration"),
        ("summary.json", "", "summary.json: cannot be read"),
        ("summary.json", "[1]", "summary.json: cannot be read"),
    ],
)
def test_a_damaged_record_is_one_line(tmp_path, name, content, line):
    (tmp_path / "config.yaml").write_text("data: {}\n")
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=line):
        main([str(tmp_path), "--dry-run"])


def test_no_run_there(tmp_path):
    code, _, err = rerun(tmp_path, "--dry-run")
    assert code == 2 and "no such file" in err and err.count("\n") == 1


def test_differences_by_hand():
    then, now = {"a": {"b": 1, "c": [1, 2]}, "x": None}, {"a": {"b": 2, "c": [1, 2]}, "y": 3}
    assert differences(then, now) == [("a.b", "1", "2"), ("x", "None", "(none)"), ("y", "(none)", "3")]
    assert compare_numbers({}, {"metrics": {}}) == "no numbers to compare"
    old, new = ({"metrics": {"L9": dict.fromkeys(METRICS, value)}} for value in (0.2, 0.3))
    told = compare_numbers(old, new, [("trainer.epochs", "3", "7")]).splitlines()[-1]
    assert told == "not equal; trainer.epochs was 3 and is 7"
