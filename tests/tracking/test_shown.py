"""Parameters and metrics as MLflow shows them, and notes."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.tracking import notes
from depthrepro.tracking.notes import run_note
from depthrepro.tracking.shown import changes, main_output, params, shown_metric
from tests.tracking.helpers import CONFIG, SUMMARY

EXPERIMENTS = Path(CONFIG_DIR) / "experiment"
PROTOCOL = (
    "split test, ground truth raw_cam_z, crop garg, depth 1\N{EN DASH}50 m, alignment none, "
    "predictions resized bilinear to the ground truth"
)


def test_parameters_are_readable_and_what_varies_between_rows_sorts_first():
    """MLflow sorts as bytes; nothing it would spread over lines, and no two names that differ by their case alone."""
    typed = [
        "+experiment/garg_augmentation=flip",
        "seed=2",
        "root=/somewhere",
        "trainer.epochs=24",
        "trainer.device=cpu",
    ]
    shown = params(CONFIG, {"data": "streets (synthetic)", "overrides": typed})
    assert sorted(shown)[:6] == ["Data", "Row", "Scale", "Seed", "Table", "Typed"]
    assert shown == {
        "Data": "streets (synthetic)",
        "Row": "flip",
        "Scale": "demo",
        "Seed": "2",
        "Table": "garg_augmentation",
        "Typed": "trainer.epochs=24 trainer.device=cpu",
        "input_size": "96, 320",
        "augment": "StereoAugment",
        "augment.color": "null",
        "augment.flip": "true",
        "augment.scale": "1.0, 1.6",
        "data.sides": "l",
        "eval": PROTOCOL,
        "optimizer": "Adam",
        "optimizer.lr": "0.001",
        "loss": "StereoLoss",
        "loss.photometric.ssim_weight": "0.0",
        "loss.smoothness": "l2_smoothness",
        "trainer.epochs": "24",
        "trainer.stages": "L8 (share 1) > L8+L9 (share 2, learning rate times 0.1)",
    }
    assert len({name.lower() for name in shown}) == len(shown)


@pytest.mark.parametrize("group", ["augmentation", "loss", "padding", "resolution", "stages", "warp"])
def test_the_rows_of_a_table_differ_in_few_parameters(group):
    folder = EXPERIMENTS / f"garg_{group}"
    rows = [params(composed(f"+experiment/garg_{group}={file.stem}")) for file in sorted(folder.glob("*.yaml"))]
    names = set().union(*rows)
    assert len(names) <= 47
    varying = {name for name in names if len({row.get(name) for row in rows}) > 1}
    assert "Row" in varying
    assert 2 <= len(varying) <= 5, varying


def composed(*overrides):
    register_schema()
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return yaml.safe_load(OmegaConf.to_yaml(compose("config", overrides=list(overrides)), resolve=True))


@pytest.mark.parametrize(
    ("typed", "is_change"),
    [
        ("+experiment/garg_loss=l1_hs", False),
        ("+experiment=garg_kitti", False),
        ("seed=3", False),
        ("logger.required=false", False),
        ("hydra/launcher=joblib", False),
        ("root=/x", False),
        ("data.root=/x", True),
        ("data=kitti_stereo", True),
        ("seeds=3", True),
        ("+model.extra=a=b", True),
        ("~augment.color", True),
        ("/recipe@_global_=other", True),
        ("trainer.num_workers=4", True),
    ],
)
def test_what_was_typed_is_shown_unless_it_has_its_own_place(typed, is_change):
    assert changes([typed]) == ([typed] if is_change else [])


def test_metrics_are_a_handful():
    """Five outputs with nine metrics each, a loss in parts: what MLflow gets is the same eight names for every row."""
    rows = [f"test/L{level}/{name}" for level in range(8, 13) for name in DEPTH_METRICS]
    rows += [f"train/{part}/L{level}" for part in ("photometric", "smoothness") for level in range(8, 13)]
    rows += ["train/loss", "train/lr", "train/stage", "train/images_per_second", "val/loss"]
    for main in ("L9", "L12"):
        shown = sorted({shown_metric(name, main) for name in rows} - {None})
        assert shown[:3] == ["Test/abs_rel", "Test/delta1", "Test/rmse"]  # before system/, which MLflow names
        assert shown[3:] == ["train/images_per_second", "train/loss", "train/lr", "train/stage", "val/loss"]
    assert shown_metric("test/L9/abs_rel", "L12") is None
    assert shown_metric("test/abs_rel", None) == "Test/abs_rel"


def test_the_main_output_is_the_last_that_was_trained():
    assert main_output(CONFIG) == "L9"
    assert main_output({}) is None
    for row, main in (("l9", "L9"), ("l10_skip", "L10"), ("l11", "L11"), ("l12", "L12")):
        assert main_output(composed(f"+experiment/garg_resolution={row}")) == main


def test_the_note_of_a_run_says_what_it_is():
    lines = run_note(SUMMARY, CONFIG, Path("/runs/a b/seed=2")).split("\n\n")
    assert lines == [
        "**garg_augmentation/flip**, seed 2, scale demo, on streets (synthetic): **synthetic, not photographs**",
        "Output L9: **abs_rel 0.250, rmse 5.000, delta1 0.600**, mean of 60 test images.",
        f"Protocol: {PROTOCOL}",
        "Typed: `python -m depthrepro.train +experiment/garg_augmentation=flip 'data.synthetic={width: 310, seed: 0}'`",
        "To repeat it from its saved configuration: `python -m depthrepro.rerun '/runs/a b/seed=2'`",
    ]
    real = run_note({**SUMMARY, "data": {"name": "KITTI 2012", "synthetic": False}}, CONFIG, Path("r"))
    assert "rendered" not in real
    assert "Not evaluated." in run_note({**SUMMARY, "metrics": {}}, CONFIG, Path("r"))
    assert "runs/x/seed=2 has the same" in run_note({**SUMMARY, "reused_from": "runs/x/seed=2"}, CONFIG, Path("r"))


def test_the_note_of_an_experiment_says_where_its_tables_are_and_stays_as_a_person_wrote_it():
    tags = notes.missing_experiment_tags("garg2016", {})
    assert "Geometry to the Rescue" in tags[notes.NOTE]
    assert "python -m depthrepro.report source=mlflow" in tags[notes.NOTE]
    assert "no such number is one of a real data set" in tags[notes.NOTE]
    assert "Runs of `other`." in notes.missing_experiment_tags("other", {})[notes.NOTE]
    assert notes.NOTE not in notes.missing_experiment_tags("garg2016", {notes.NOTE: "mine"})
    assert notes.missing_experiment_tags("garg2016", tags) == {}
