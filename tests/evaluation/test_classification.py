"""Accuracies and confusion by hand, and a classifier's run from training to report."""

import json

import numpy as np
import pytest
import torch

from depthrepro.core.protocol import Classification, Protocol, read_protocol
from depthrepro.evaluation.classification import confusion, top_k
from depthrepro.evaluation.rows import format_table
from depthrepro.report.figures.confusion import draw_confusion, read_confusion
from depthrepro.report.rows import run_rows
from tests.evaluation.scenes import read_rows

LOGITS = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0], [1.0, 5.0, 0.0, 2.0]])


def test_top_k_by_hand():
    labels = torch.tensor([0, 2, 0])
    assert top_k(LOGITS, labels, 1).tolist() == [1, 0, 0]
    assert top_k(LOGITS, labels, 2).tolist() == [1, 1, 0]
    assert top_k(LOGITS, labels, 9).tolist() == [1, 1, 1], "with fewer classes than k every answer counts"


def test_confusion_by_hand():
    assert confusion([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_a_classifiers_protocol_comes_back_and_so_does_that_of_depth():
    ours = Classification("val", (140, 140), 10)
    assert read_protocol(json.loads(json.dumps(ours.as_dict()))) == ours and "10 classes" in ours.describe()
    assert read_protocol(Protocol().as_dict()) == Protocol()


def test_a_run_from_training_to_rows(tmp_path, shared_cache):
    from hydra import compose, initialize_config_dir

    from depthrepro.config.composed import ComposedRun
    from depthrepro.config.register import register_schema
    from depthrepro.config.schema import CONFIG_DIR
    from depthrepro.runs.experiment import run_experiment

    register_schema()
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        cfg = compose(
            "config",
            overrides=[
                "+experiment=da_places/rgb",
                "logger=none",
                f"root={tmp_path}",
                f"cache_dir={shared_cache}",
                "data.root=null",
                "data.synthetic={train_images: 10, val_images: 10}",
                "trainer.epochs=1",
                "trainer.batch_size=5",
                "input_size=[32,32]",
            ],
        )
    assert run_experiment(ComposedRun(cfg, ["+experiment=da_places/rgb"])) is None
    (run,) = tmp_path.glob("runs/da_places/rgb/**/summary.json")
    rows = run_rows(run.parent, "run")
    by_method = {(row["method"], row["checkpoint"]): row for row in rows}
    assert set(by_method) == {("logits", "last"), ("logits", "best"), ("commonest", "-")}
    assert by_method["commonest", "-"]["top1"] == pytest.approx(0.1)
    per_image = read_rows(run.parent / "per_image.csv")
    mine = [row["top1"] for row in per_image if row["checkpoint"] == "last"]
    assert np.mean(mine) == pytest.approx(by_method["logits", "last"]["top1"]) and len(mine) == 10
    counts = read_confusion(run.parent / "confusion.csv")
    assert counts.to_numpy().sum() == 10 and np.trace(counts.to_numpy()) == sum(mine)
    assert (run.parent / "figures" / "confusion.png").is_file()
    assert "top-1" in format_table(json.loads(run.read_text())["metrics"])


def test_nothing_is_drawn_of_no_runs():
    assert draw_confusion({"row": []}, "title") is None
