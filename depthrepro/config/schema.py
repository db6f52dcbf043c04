"""Typed parts of the configuration.

Objects (`model`, `data`, `loss`, `optimizer`, `scheduler`, `augment`) are configured by `_target_`, so that a
constructor's signature is their schema. Everything else is one of the dataclasses below: schema and runtime value at
once. Nothing here imports torch: `--help` and `--cfg job` stay light.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from depthrepro.config.logger import LoggerConfig
from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.core.protocol import Protocol
from depthrepro.core.reading import reading, reason

CONFIG_DIR = str(Path(__file__).resolve().parents[2] / "conf")


# Marks of settings that cannot change a result: they neither rename a run directory nor forbid a resume.
WHERE = {"decides": "where"}  # which run it is, and where it is written
HOW = {"decides": "how"}  # how it is run; a sweep with and without it is the same sweep too
ELSEWHERE = {"decides": "elsewhere"}  # counts through another setting, which is made from it
LATER = {"decides": "later"}  # came later: where it is off, runs are what they were before it


class Precision(Enum):
    """Number format of the forward and backward pass."""

    auto = "auto"  # bf16 where the processor computes in it, else fp32
    fp32 = "fp32"
    tf32 = "tf32"  # fp32 whose matrix products and convolutions are rounded to TF32; CUDA only
    bf16 = "bf16"  # autocast; on CPUs with AMX and on recent GPUs
    fp16 = "fp16"  # autocast with a gradient scaler; CUDA only


def _require(name: str, value: Any, *, least: float, above: bool = False) -> None:
    """Refuse a number below `least` (`above`: or equal to it), nan and infinity; null and what is missing pass."""
    if value is None or value == MISSING:
        return
    if not least <= value < math.inf or (above and value == least):
        raise UserError(f"{name} must be {'more than' if above else 'at least'} {least:g}, got {value}")


@dataclass
class Stage:
    """A part of the training that optimises some of the network's outputs.

    Attributes:
        levels: Outputs that the loss is computed at, such as [L9]; null = those that the network declares.
        share: Part of `trainer.epochs`, relative to the other stages' shares; 0 leaves the stage out.
        lr_factor: Multiplies the optimizer's learning rate during the stage.
    """

    levels: list[str] | None = None
    share: float = 1.0
    lr_factor: float = 1.0


@dataclass
class TrainerConfig:
    """Settings of the training loop.

    Attributes:
        epochs: Passes over the training set, divided among the stages by their shares.
        batch_size: Pairs per optimizer step, over all ranks and accumulated parts.
        accumulate: Parts that a rank's share of the batch is computed in, to save memory.
        clip_norm: Largest norm of the gradient; null = no clipping.
        precision: Number format of the network's forward and backward pass.
        compile: `auto`, `true` or `false`: whether `torch.compile` translates the network's training pass; auto = on a
            GPU with a C compiler at hand. It changes the last bits, as another device does.
        channels_last: Memory layout of the network; faster for convolutions on CPUs and tensor cores.
        max_steps: Stop after this many optimizer steps (smoke runs); null = all epochs.
        validate_every: Epochs between validations, which also choose the best checkpoint.
        checkpoint_seconds: Least time between two writes of `last.pt`.
        log_every: Steps between two rows of `metrics.jsonl`.
        num_workers: Loader processes; 0 = load in the training process.
        device: `auto`, `cpu`, `cuda` or `cuda:<n>`.
        lr_factors: Part of the network, such as `encoder` → factor on its learning rate.
        stages: Named stages, in order; none = one stage with the outputs that the network declares.
        average_epochs: The last checkpoint is the mean of the weights at the ends of so many last epochs, those of the
            last stage at most; 0 = the last weights.
        finest: Finest output that is trained, such as L10; stages of finer ones are left out. null = the network's.
    """

    epochs: int = MISSING
    batch_size: int = 8
    accumulate: int = 1
    clip_norm: float | None = None
    precision: Precision = Precision.auto
    compile: str = field(default="auto", metadata=HOW)
    channels_last: bool = True
    max_steps: int | None = None
    validate_every: int = 1
    checkpoint_seconds: float = field(default=60.0, metadata=HOW)
    log_every: int = 10
    num_workers: int = field(default=0, metadata=HOW)
    device: str = field(default="auto", metadata=HOW)
    lr_factors: dict[str, float] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    finest: str | None = None
    average_epochs: int = field(default=0, metadata=LATER)

    def __post_init__(self) -> None:
        """Check what no type can say."""
        for name in ("epochs", "batch_size", "accumulate", "validate_every", "log_every", "max_steps"):
            _require(f"trainer.{name}", getattr(self, name), least=1)
        self.compile = self.compile.lower()  # YAML's true comes as "True"
        if self.compile not in ("auto", "true", "false"):
            raise UserError(f"trainer.compile={self.compile}: write auto, true or false")
        _require("trainer.clip_norm", self.clip_norm, least=0, above=True)
        _require("trainer.average_epochs", self.average_epochs, least=0)
        _require("trainer.checkpoint_seconds", self.checkpoint_seconds, least=0)
        _require("trainer.num_workers", self.num_workers, least=0)
        for name, stage in self.stages.items():
            _require(f"trainer.stages.{name}.share", stage.share, least=0)
            _require(f"trainer.stages.{name}.lr_factor", stage.lr_factor, least=0)
        for name, factor in self.lr_factors.items():
            _require(f"trainer.lr_factors.{name}", factor, least=0)


@dataclass
class InputConfig:
    """Way of images to the network's size; see `data.input_transform.InputTransform`, whose size is `input_size`.

    Attributes:
        multiple: Both sides are multiples of it.
        keep_aspect: Scale the image until it covers `input_size`; training crops the rest away, evaluation keeps it.
        interpolation: `area`, `cubic` or `bilinear`.
    """

    multiple: int = 1
    keep_aspect: bool = False
    interpolation: str = "area"


@dataclass
class RootConfig:
    """The whole configuration of a run.

    Attributes:
        name: Experiment; names the run directory.
        scale: `demo` or `paper`.
        seed: Seeds weights, shuffling and augmentation.
        input_size: (height, width) of the network's input in pixels.
        input: How images reach that size.
        root: Folder that holds `runs/` and the tracking store.
        run_dir: Folder of this run; null = runs/<name>/<changed settings>/seed=<n>.
        initial_weights: Where the network's encoder starts: random, imagenet, a file or a checkpoint; null = as
            model/<name>.yaml says. Networks without an encoder have no use for it.
        cache_dir: Folder of synthetic worlds, resized frames and baselines; null = the user's cache.
        force: Throw away the run that the run directory holds and start again.
        rerun_of: The run that this one repeats; set by `python -m depthrepro.rerun`.
        tests: Further test sets by name, each with `data` and its own `protocol`.
        reuse: Take over the result of a finished run of the same configuration and seed instead of training again.
    """

    name: str = field(default=MISSING, metadata=WHERE)
    scale: str = MISSING
    seed: int = field(default=0, metadata=WHERE)
    input_size: list[int] = MISSING
    input: InputConfig = field(default_factory=InputConfig)
    root: str = field(default=".", metadata=WHERE)
    run_dir: str | None = field(default=None, metadata=WHERE)
    initial_weights: str | None = field(default=None, metadata=ELSEWHERE)
    cache_dir: str | None = field(default=None, metadata=HOW)
    force: bool = field(default=False, metadata=HOW)
    reuse: bool = field(default=True, metadata=HOW)
    rerun_of: str | None = field(default=None, metadata=WHERE)
    model: Any = MISSING
    data: Any = MISSING
    loss: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    augment: Any = MISSING
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    eval: Protocol = field(default_factory=Protocol)
    tests: dict[str, Any] = field(default_factory=dict, metadata=WHERE)
    logger: LoggerConfig = field(default_factory=LoggerConfig, metadata=HOW)

    def __post_init__(self) -> None:
        """Check what no type can say."""
        _require("seed", self.seed, least=0)
        if self.input_size != MISSING:
            for side in self.input_size:
                _require("input_size", side, least=1)
            if len(self.input_size) != 2:
                raise UserError(f"input_size={self.input_size}: height and width are needed, such as [64,192]")


def marked(*marks: Mapping[str, str], schema: Any = RootConfig, prefix: str = "") -> list[str]:
    """Dotted names of the settings that bear one of the marks."""
    found: list[str] = []
    for setting in dataclasses.fields(schema):
        if setting.metadata in marks:
            found.append(prefix + setting.name)
        elif setting.name == "trainer":
            found += marked(*marks, schema=TrainerConfig, prefix="trainer.")
    return found


def typed_config(cfg: DictConfig) -> RootConfig:
    """The composed configuration as dataclasses, whose checks run.

    Raises:
        UserError: If a value is out of its range, a key that was added by + is none of the settings, or the network
            does not read the weights that it is to start from.
    """
    _refuse_unknown(cfg)
    _refuse_unread_weights(cfg)
    typed = OmegaConf.to_object(cfg)
    assert isinstance(typed, RootConfig)
    return typed


def _refuse_unread_weights(cfg: DictConfig) -> None:
    start = cfg.get("initial_weights")
    if start is None:
        return
    model = OmegaConf.to_container(cfg.model, resolve=True)
    assert isinstance(model, dict)
    if start not in model.values():
        network = str(model.get("_target_")).rpartition(".")[2]
        raise UserError(f"initial_weights={start}: {network} starts from none; leave the setting out")


def _refuse_unknown(node: DictConfig, prefix: str = "") -> None:
    """Hydra's + adds any key, also one that nothing reads."""
    schema = OmegaConf.get_type(node)
    if not dataclasses.is_dataclass(schema):
        return
    legal = [setting.name for setting in dataclasses.fields(schema)]
    for name in map(str, node):
        if name not in legal:
            raise UserError(f"unknown setting {prefix + name!r}{did_you_mean(name, legal, prefix)}")
        if not OmegaConf.is_missing(node, name) and isinstance(node[name], DictConfig):
            _refuse_unknown(node[name], f"{prefix}{name}.")


def load_config(path: Path) -> DictConfig:
    """A run's saved config.yaml, typed as when it was composed.

    Raises:
        UserError: If it is missing or unreadable, or today's settings have no place for one of its keys.
    """
    missing = f"no such file, so {path.parent} is no run directory"
    with reading(path, missing=missing, fix="restore it, or train the run again"):
        try:
            saved = OmegaConf.load(path)
            if not isinstance(saved, DictConfig):
                raise UserError(f"{path}: is not a mapping of settings, so no run's configuration")
            cfg = OmegaConf.merge(OmegaConf.structured(RootConfig), saved)
            assert isinstance(cfg, DictConfig)
        except OmegaConfBaseException as error:
            what = error.full_key or "the file"
            raise UserError(f"{path}: {what} does not fit today's settings ({reason(error)})") from error
        if OmegaConf.is_missing(cfg, "data"):
            raise UserError(f"{path}: names no data, so it is no run's configuration")
    return cfg


def default_cache_dir(cfg_value: str | None = None) -> Path:
    """`cache_dir`, else $DEPTHREPRO_CACHE, else ~/.cache/depthrepro."""
    chosen = cfg_value or os.environ.get("DEPTHREPRO_CACHE") or "~/.cache/depthrepro"
    return Path(chosen).expanduser().resolve()
