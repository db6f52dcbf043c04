"""The tracking files of a run directory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from depthrepro.config.register import register_schema
from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import WRITTEN
from depthrepro.tracking import state, tracker
from depthrepro.tracking.state import MirrorState, SupersededError, add_tags, read_tags, take_over
from tests.config.swapping import composed

register_schema()


def test_state_survives(tmp_path):
    state = MirrorState("sqlite:///x.db", "garg2016", "a", run_id="r", last_step_sent=7, owner=take_over(tmp_path))
    state.save(tmp_path)
    assert MirrorState.load(tmp_path) == state


def test_state_of_a_directory_that_was_taken_over_is_left_alone(tmp_path):
    old, new = (MirrorState("sqlite:///x.db", "garg2016", "a", owner=take_over(tmp_path)) for _ in range(2))
    new.save(tmp_path)
    with pytest.raises(SupersededError):
        old.save(tmp_path)
    assert MirrorState.load(tmp_path) == new
    (tmp_path / "mlflow.owner").unlink()  # force=true clears the directory
    with pytest.raises(SupersededError):
        new.check_owner(tmp_path)


@pytest.mark.parametrize("content", ["{", json.dumps({"run_id": "r"}), "[3]", "7", "\0\0"])
def test_damaged_state_is_one_line(tmp_path, content):
    for name, read in (("mlflow.json", MirrorState.load), ("mlflow_tags.json", read_tags)):
        if (name, content[:2]) == ("mlflow_tags.json", '{"'):
            continue  # any tags will do
        (tmp_path / name).write_text(content)
        with pytest.raises(UserError, match=rf"{name}: cannot be read \(.*; delete it"):
            read(tmp_path)


def test_a_run_directory_goes_on_in_the_same_store_and_begins_anew_in_another(tmp_path):
    owner = take_over(tmp_path)
    MirrorState("sqlite:///x.db", "garg2016", "a", run_id="r", last_step_sent=7, pid=1, owner=owner).save(tmp_path)
    same = MirrorState("sqlite:///x.db", "garg2016", "a", pid=2, owner=owner).continue_from(tmp_path)
    assert (same.run_id, same.last_step_sent, same.pid) == ("r", 7, 2)
    assert MirrorState.load(tmp_path) == same
    other = MirrorState("sqlite:///y.db", "garg2016", "a", owner=owner).continue_from(tmp_path)
    assert (other.run_id, other.last_step_sent) == (None, -1)
    assert MirrorState.load(tmp_path) == other


def test_tags_add_up(tmp_path):
    assert read_tags(tmp_path) == {}
    add_tags(tmp_path, {"scale": "demo", "data": "a"})
    add_tags(tmp_path, {"data": "b"})
    assert read_tags(tmp_path) == {"scale": "demo", "data": "b"}


def test_training_imports_neither_mlflow_nor_torch():
    code = "import sys, depthrepro.tracking; print({'mlflow', 'torch', 'sqlalchemy', 'pandas'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("garg_resolution/L9/seed=0", "L9 seed=0 garg_resolution"),
        (
            "garg_kitti/input_size=64x192+trainer.max_steps=8-40ce7b86/seed=1",
            "seed=1 input_size=64x192 max_steps=8-40ce7b86 garg_kitti",
        ),
        (
            "garg_kitti/data.synthetic=-train_pairs-8+trainer.max_steps=8/seed=1",
            "seed=1 max_steps=8 synthetic=-train_pairs-8 garg_kitti",
        ),
        ("mine", "mine"),
    ],
)
def test_a_run_is_called_by_what_tells_it_from_others(tmp_path, place, name):
    assert tracker._run_name(tmp_path / "runs" / place, tmp_path) == name


def test_a_run_elsewhere_is_called_by_its_folder(tmp_path):
    assert tracker._run_name(Path("/elsewhere/mine/run"), tmp_path) == "run mine"
    assert composed("+experiment=garg_kitti").logger.run_name is None


def test_a_run_s_files_for_mlflow_are_the_runs():
    """`force=true` deletes what stands in that list."""
    assert {state.STATE_FILE, state.OWNER_FILE, state.LOCK_FILE, state.TAGS_FILE, state.LOG_FILE} <= set(WRITTEN)
