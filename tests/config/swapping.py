"""Composing experiments with one option of a group swapped, and building what comes out."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.data.input_transform import InputTransform
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.runs.experiment import build_around
from depthrepro.training.compatibility import check_arguments

register_schema()
EXPERIMENTS = sorted(
    p.relative_to(f"{CONFIG_DIR}/experiment").with_suffix("").as_posix()
    for p in Path(CONFIG_DIR, "experiment").rglob("*.yaml")
)
DATA_FOLDERS = (
    *(
        "KITTI_RAW",
        "KITTI_STEREO",
        "KITTI_2015",
        "KITTI_DEPTH",
        "NYU",
        "NYU_SYNC",
        "MINIPLACES",
        "SINTEL",
        "DDAD",
        "ETH3D",
        "DIODE",
    ),
    *("SUN_RGBD", "IBIMS", "HYPERSIM", "VIRTUAL_KITTI2"),
    *("BLENDEDMVS", "DIML", "HRWSI", "IRS", "MEGADEPTH", "TARTANAIR"),
    *("BDD100K", "GOOGLE_LANDMARKS", "IMAGENET21K", "LSUN", "OBJECTS365", "OPEN_IMAGES", "PLACES365", "SA1B"),
    "MLFLOW_TRACKING_URI",
)
# A recipe is no option to swap: it names options of all the others.
GROUPS = (
    *("model", "data", "loss", "optimizer", "scheduler", "augment", "stages", "eval", "trainer", "logger", "scale"),
    "test_sets",
)


def options(group: str) -> list[str]:
    """Names of a group's options."""
    return sorted(path.stem for path in Path(CONFIG_DIR, group).glob("*.yaml"))


def typed(experiment: str) -> str:
    """What one types for an experiment."""
    table, slash, row = experiment.partition("/")
    return f"+experiment/{table}={row}" if slash else f"+experiment={experiment}"


def composed(*overrides: str) -> DictConfig:
    """A configuration as the program composes it; faster where Hydra is initialised already and keeps its files."""
    if GlobalHydra.instance().is_initialized():
        return compose("config", overrides=list(overrides))
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return compose("config", overrides=list(overrides))


def without_other_runs(cfg: DictConfig, folder: Path) -> None:
    """Put a small network in place of other runs' checkpoints, which a clean checkout has not."""
    if str(cfg.model.get("weights")).endswith("last.pt"):
        cfg.model.weights = None
    if str(cfg.model.get("depth_network")).endswith("last.pt"):
        cfg.model.depth_network = small_checkpoint(folder)


def small_checkpoint(folder: Path) -> str:
    """A checkpoint of a small depth network."""
    path = folder / "last.pt"
    if not path.is_file():
        options = {"encoder": "resnet18", "out_channels": [4, 4, 8, 8], "features": 8}
        transform = {"height": 64, "width": 64, "multiple": 32}
        target = f"{DepthAnything.__module__}.DepthAnything"
        state = {"model": DepthAnything(**options).state_dict(), "model_config": {"_target_": target, **options}}
        torch.save({**state, "input": transform}, path)
    return str(path)


def network(cfg: DictConfig) -> nn.Module:
    """The configuration's network; of those with the same settings one is built."""
    return _network(OmegaConf.to_yaml(cfg.model, resolve=True))


@functools.lru_cache(maxsize=32)
def _network(settings: str) -> nn.Module:
    model: nn.Module = instantiate(OmegaConf.create(settings), _convert_="all")
    return model


def build(cfg: DictConfig, folder: Path) -> None:
    """All that is built before the data, as the program does; networks are built once, and none of a hub.

    Raises:
        UserError: As the program.
    """
    without_other_runs(cfg, folder)
    job = ComposedRun(cfg, [])
    settings = job.settings
    check_arguments(cfg)
    if cfg.model._target_.endswith("HFDepth"):
        return
    if cfg.model.get("encoder") == "vitl":
        cfg.model.encoder = "vits"
    model = network(cfg)
    build_around(model, cfg, settings.trainer, InputTransform(*cfg.input_size, **vars(settings.input)))
    instantiate(cfg.optimizer, _convert_="all")(model.parameters())
    instantiate(cfg.scheduler, _convert_="all")
