"""Every experiment composes and builds at both scales; names and hashes follow what was typed."""

import dataclasses
import re
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from depthrepro.config import (
    CONFIG_DIR,
    RootConfig,
    TrainerConfig,
    config_hash,
    override_folder,
    register_schema,
    resolve_run_dir,
)
from depthrepro.evaluation.protocol import Protocol
from depthrepro.plan import make_plan
from depthrepro.tracking.settings import LoggerConfig

register_schema()
EXPERIMENTS = sorted(
    p.relative_to(f"{CONFIG_DIR}/experiment").with_suffix("").as_posix()
    for p in Path(CONFIG_DIR, "experiment").rglob("*.yaml")
)
GROUPS = {"model", "loss", "optimizer", "scheduler", "augment", "stages", "eval", "logger"}


def composed(*overrides):
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return compose("config", overrides=list(overrides))


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_builds(experiment, scale, monkeypatch):
    for name in ("KITTI_RAW", "KITTI_STEREO", "KITTI_DEPTH", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    cfg = composed(f"+experiment={experiment}", f"scale={scale}")
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, RootConfig) and settings.scale == scale
    assert cfg.name == experiment.split("/")[-1]
    model = instantiate(cfg.model, _convert_="all")
    instantiate(cfg.optimizer, _convert_="all")(model.parameters())
    for group in ("loss", "scheduler", "augment"):
        assert callable(instantiate(cfg[group], _convert_="all"))
    plan = make_plan(settings.trainer, steps_per_epoch=2)
    with torch.inference_mode():
        for stage in plan.stages:
            assert set(model(torch.zeros(1, 3, *cfg.input_size), stage.levels)) == set(stage.levels)


@pytest.mark.parametrize(
    "option",
    sorted(f"{p.parent.name}={p.stem}" for p in Path(CONFIG_DIR).glob("*/*.yaml") if p.parent.name in GROUPS),
)
def test_every_option_of_every_group_builds(option):
    cfg = composed("+experiment=garg_kitti", option)
    group = option.split("=")[0]
    if group in ("stages", "eval", "logger"):
        OmegaConf.to_object(cfg)
    elif group == "optimizer":
        model = instantiate(cfg.model, _convert_="all")
        instantiate(cfg.optimizer, _convert_="all")(model.parameters())
    else:
        instantiate(cfg[group], _convert_="all")


@pytest.mark.parametrize("schema", [TrainerConfig, Protocol, LoggerConfig, RootConfig])
def test_every_setting_is_read(schema):
    package = Path(CONFIG_DIR).parent / "depthrepro"
    sources = "\n".join(p.read_text() for p in package.rglob("*.py"))
    unread = [f.name for f in dataclasses.fields(schema) if not re.search(rf"\.{f.name}\b", sources)]
    assert not unread


def test_folder_of_the_experiment_as_written_is_plain():
    assert override_folder(["+experiment=garg_kitti", "seed=3"], None) == ""


def test_settings_that_leave_the_result_alone_do_not_rename_the_run():
    same = [
        "+experiment=garg_kitti",
        "logger=none",
        "logger.timeout_s=3",
        "trainer.device=cpu",
        "trainer.num_workers=2",
    ]
    assert override_folder(same, None) == ""


def test_changed_settings_get_a_readable_hashed_folder():
    one = override_folder(["+experiment=garg_kitti", "scale=paper", "trainer.max_steps=2"], None)
    assert re.fullmatch(r"paper-2-[0-9a-f]{8}", one)
    assert one == override_folder(["trainer.max_steps=2", "scale=paper"], None)
    assert one != override_folder(["trainer.max_steps=3", "scale=paper"], None)
    assert re.fullmatch(r"[0-9a-f]{8}", override_folder([], "somewhere"))
    assert not set(override_folder(["model.x=[1,2]", "loss.a={b: 'c/d'}"], None)) & set("/=,:'[]{} ")


def test_real_data_and_embedded_data_have_run_directories_of_their_own(monkeypatch, tmp_path):
    monkeypatch.delenv("KITTI_RAW", raising=False)
    embedded = resolve_run_dir(composed("+experiment=garg_kitti", f"root={tmp_path}"), [])
    monkeypatch.setenv("KITTI_RAW", "somewhere")
    real = resolve_run_dir(composed("+experiment=garg_kitti", f"root={tmp_path}"), [])
    assert embedded == tmp_path / "runs" / "garg_kitti" / "seed=0"
    assert real.parent.parent == tmp_path / "runs" / "garg_kitti" and real.name == "seed=0"


def test_hash_ignores_where_and_follows_what():
    base = config_hash(composed("+experiment=garg_kitti"))
    assert base == config_hash(
        composed("+experiment=garg_kitti", "root=/elsewhere", "trainer.device=cpu", "force=true")
    )
    assert base != config_hash(composed("+experiment=garg_kitti", "trainer.epochs=77"))
    assert base != config_hash(composed("+experiment=garg_kitti", "seed=1"))
