"""Rivals as a person runs them: a folder that transformers saved, through the program, into the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.report.blocks import build_blocks
from depthrepro.report.paper import load_paper
from depthrepro.report.rows import load_runs
from tests.models.test_hf import saved
from tests.runs.test_depth_anything_pipeline import train

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
INDOORS = (
    *("logger=none", "data.synthetic.images=6", "data.synthetic.test_images=2", "data.val_every=3"),
    "tests.halls.data.images=2",
)
RELATIVE = ("logger=none", "data.synthetic.streets.images=6", "data.val_every=3", "tests.heldout.data.images=2")


@pytest.fixture(autouse=True)
def rendered_data(monkeypatch):
    for name in ("NYU", "KITTI_RAW", "KITTI_STEREO", "KITTI_2015", "KITTI_DEPTH"):
        monkeypatch.delenv(name, raising=False)


def measured(root, table):
    """(test set, row) of every line of ours in a table."""
    blocks = build_blocks(load_paper(EXPERIMENTS / table / "paper.yaml"), load_runs(root / "runs")[0])
    lines = [(block.test, line) for block in blocks for line in block.lines["last"]]
    return {(test, line.label) for test, line in lines if line.role == "level" and not line.missing}


def test_a_metric_rival_stands_in_the_tables_of_its_own_domain_and_of_others(tmp_path, capsys):
    saved("zoedepth", tmp_path / "zoedepth")
    run = train(tmp_path, "+experiment=da_rivals/zoedepth_nyu", f"model.path={tmp_path}/zoedepth", *INDOORS)
    assert "averaged with the mirror image's prediction" in capsys.readouterr().out
    own = json.loads((run.path / "summary.json").read_text())
    assert own["images"] == 2 and own["protocol"]["flip_average"] and set(own["tests"]) == {"halls"}
    assert 0 < own["metrics"]["depth"]["abs_rel"] and "mean_map" in own["baselines"]
    assert measured(tmp_path, "da_in_domain_nyu") == {("", "ZoeDepth (reproduced)")}
    assert measured(tmp_path, "da_zero_shot_metric") == {("halls", "ZoeDepth (reproduced), NYUv2")}


def test_a_relative_rival_is_refused_in_metres_before_anything_is_predicted(tmp_path):
    saved("midas", tmp_path / "midas")
    with pytest.raises(UserError, match=r"HFDepth.*eval\.alignment=lstsq_inv_depth"):
        train(tmp_path, "+experiment=da_rivals/zoedepth_nyu", f"model.path={tmp_path}/midas", *INDOORS)
    assert not list(tmp_path.glob("runs/**/per_image.csv"))


def test_a_relative_rival_stands_beside_its_published_row(tmp_path):
    saved("midas", tmp_path / "midas")
    run = train(tmp_path, "+experiment=da_rivals/midas", f"model.path={tmp_path}/midas", *RELATIVE)
    found = json.loads((run.path / "tests" / "heldout" / "summary.json").read_text())
    assert found["protocol"]["alignment"] == "lstsq_inv_depth" and found["metrics"]["affine_inv_depth"]["abs_rel"] > 0
    assert measured(tmp_path, "da_zero_shot") == {("heldout", "MiDaS v3.1 (BEiT-L-512)")}
