"""When a run counts as done, and which test sets it still owes."""

import json

import pytest
from omegaconf import OmegaConf

from depthrepro.config.identity import data_root
from depthrepro.core.protocol import Protocol
from depthrepro.core.run_dir import RunDir
from depthrepro.runs.summary import due_tests, is_done, main_output

PROTOCOL = Protocol().as_dict()


def finished(path, *scored):
    run = RunDir(path)
    path.mkdir(parents=True)
    run.summary.write_text(json.dumps({"tests": {}}))
    run.write_status("done", config_hash="abc")
    for name in scored:
        (path / "tests" / name).mkdir(parents=True)
        (path / "tests" / name / "summary.json").write_text(json.dumps({"protocol": PROTOCOL}))
    return run


def sets(**roots):
    return {
        name: {"data": {"_target_": "x"} if root == "none" else {"root": root}, "protocol": PROTOCOL}
        for name, root in roots.items()
    }


def test_a_new_folder_makes_a_finished_run_owe_its_score(tmp_path):
    run = finished(tmp_path / "run", "heldout")
    assert due_tests(run, sets(heldout="none", nyu=None)) == []
    assert due_tests(run, sets(heldout="none", nyu="somewhere")) == ["nyu"]
    assert is_done(run, "abc", sets(heldout="none", nyu=None))
    assert not is_done(run, "abc", sets(heldout="none", nyu="somewhere"))
    assert not is_done(run, "xyz")


@pytest.mark.parametrize("content", ["{", "{}", '{"protocol": {"cap_m": 10}}'])
def test_damaged_scores_and_those_of_another_protocol_are_owed(tmp_path, content):
    run = finished(tmp_path / "run", "heldout")
    (run.path / "tests" / "heldout" / "summary.json").write_text(content)
    assert due_tests(run, sets(heldout="none")) == ["heldout"]


def test_every_root_below_names_the_data():
    data = {"_target_": "x", "labelled": {"sources": {"a": {"root": None}}}, "unlabelled": {"k": {"root": "kitti"}}}
    assert data_root(OmegaConf.create(data)) == "kitti"
    data["labelled"]["sources"]["a"]["root"] = "blended"
    assert data_root(OmegaConf.create(data)) == "blended+kitti"
    assert data_root(OmegaConf.create({"root": None, "other": 3})) is None


def test_a_further_test_set_shows_the_output_that_the_run_is_named_for():
    levels = {"L9": {"abs_rel": 0.2}, "L12": {"abs_rel": 0.9}}
    assert main_output(levels, "L9") == {"abs_rel": 0.2} and main_output(levels, "another") == {"abs_rel": 0.9}
