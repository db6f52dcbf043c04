"""Typed parts of the configuration, the run directory's name, and readable composition errors.

Objects (`model`, `data`, `loss`, `optimizer`, `scheduler`, `augment`) are configured by `_target_`, so that a
constructor's signature is their schema. Everything else is one of the dataclasses below: schema and runtime value at
once. Nothing here imports torch: `--help` and `--cfg job` stay light.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from depthrepro.errors import UserError
from depthrepro.evaluation.protocol import SWITCHES, Protocol
from depthrepro.tracking.settings import LoggerConfig

CONFIG_DIR = str(Path(__file__).resolve().parent.parent / "conf")

# Settings that say where or how to run, not what: they do not rename the run directory or forbid a resume. `name` is
# here because two rows of two tables may well be the same training, `tests` because a test set can be added later.
_NOT_PART_OF_THE_RESULT = (
    "name",
    "experiment",
    "seed",
    "root",
    "run_dir",
    "cache_dir",
    "data.base",
    "tests",
    "force",
    "reuse",
    "rerun_of",
    "logger",
    "hydra",
    "trainer.device",
    "trainer.num_workers",
    "trainer.checkpoint_seconds",
)


class Precision(Enum):
    """Number format of the forward and backward pass."""

    auto = "auto"  # bf16 where the processor computes in it, else fp32
    fp32 = "fp32"
    bf16 = "bf16"  # autocast; on CPUs with AMX and on recent GPUs
    fp16 = "fp16"  # autocast with a gradient scaler; CUDA only


@dataclass
class Stage:
    """A part of the training that optimises some of the network's outputs.

    Attributes:
        levels: Outputs that the loss is computed at, such as [L9].
        share: Part of `trainer.epochs`, relative to the other stages' shares; 0 leaves the stage out.
        lr_factor: Multiplies the optimizer's learning rate during the stage.
    """

    levels: list[str] = MISSING
    share: float = 1.0
    lr_factor: float = 1.0


@dataclass
class TrainerConfig:
    """How the training loop runs.

    Attributes:
        epochs: Passes over the training set, divided among the stages by their shares.
        batch_size: Pairs per optimizer step, over all ranks and accumulated parts.
        accumulate: Parts that a rank's share of the batch is computed in, to save memory.
        clip_norm: Largest norm of the gradient; null = no clipping.
        precision: Number format of the network's forward and backward pass.
        channels_last: Memory layout of the network; faster for convolutions on CPUs and tensor cores.
        max_steps: Stop after this many optimizer steps (smoke runs); null = all epochs.
        validate_every: Epochs between validations, which also choose the best checkpoint.
        checkpoint_seconds: Least time between two writes of `last.pt`.
        log_every: Steps between two rows of `metrics.jsonl`.
        num_workers: Loader processes; 0 = load in the training process.
        device: `auto`, `cpu`, `cuda` or `cuda:<n>`.
        lr_factors: Part of the network, such as `encoder` → factor on its learning rate.
        stages: Named stages, in order.
    """

    epochs: int = MISSING
    batch_size: int = 8
    accumulate: int = 1
    clip_norm: float | None = None
    precision: Precision = Precision.auto
    channels_last: bool = True
    max_steps: int | None = None
    validate_every: int = 1
    checkpoint_seconds: float = 60.0
    log_every: int = 10
    num_workers: int = 0
    device: str = "auto"
    lr_factors: dict[str, float] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what no type can say."""
        for name in ("epochs", "batch_size", "accumulate", "validate_every", "log_every"):
            if getattr(self, name) != MISSING and getattr(self, name) < 1:
                raise UserError(f"trainer.{name} must be at least 1, got {getattr(self, name)}")


@dataclass
class InputConfig:
    """How images reach the network's size; see `input_policy.InputPolicy`, whose size is `input_size`.

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
        cache_dir: Folder of rendered worlds, resized frames and baselines; null = the user's cache.
        force: Throw away what the run directory holds and start again.
        rerun_of: The run that this one repeats; set by `python -m depthrepro.rerun`.
        tests: Further test sets by name, each with `data` and its own `protocol`.
        reuse: Take over the result of a finished run of the same configuration and seed instead of training again.
    """

    name: str = MISSING
    scale: str = MISSING
    seed: int = 0
    input_size: list[int] = MISSING
    input: InputConfig = field(default_factory=InputConfig)
    root: str = "."
    run_dir: str | None = None
    cache_dir: str | None = None
    force: bool = False
    reuse: bool = True
    rerun_of: str | None = None
    model: Any = MISSING
    data: Any = MISSING
    loss: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    augment: Any = MISSING
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    eval: Protocol = field(default_factory=Protocol)
    tests: dict[str, Any] = field(default_factory=dict)
    logger: LoggerConfig = field(default_factory=LoggerConfig)


def register_schema() -> None:
    """Make known to Hydra: `schema`, the first entry of conf/config.yaml, and the resolvers."""
    ConfigStore.instance().store(name="schema", node=RootConfig)
    OmegaConf.register_new_resolver("table_benchmark", _table_benchmark, replace=True)
    OmegaConf.register_new_resolver("depth_network", _depth_network, replace=True)
    OmegaConf.register_new_resolver("places_classes", _places_classes, replace=True)
    OmegaConf.register_new_resolver("pretrained", _pretrained, replace=True)
    OmegaConf.register_new_resolver("trained", _trained, replace=True)
    OmegaConf.register_new_resolver("kitti_ground_truth", _kitti_ground_truth, replace=True)


def _kitti_ground_truth(root: str | None) -> str:
    """Metric depth on KITTI: the improved maps, as the papers; the rendered streets have scans alone."""
    return "improved" if root else "raw_cam_z"


def _pretrained(scale: str) -> str | None:
    """Start of an encoder that has seen no depth: DINOv2's file, or at demo scale the installed ImageNet weights."""
    return "imagenet" if scale == "demo" else os.environ.get("DINOV2_WEIGHTS")


def _trained(name: str, root: str, scale: str, seed: int) -> str:
    """Last checkpoint of an experiment's run of this scale and seed, whatever data it ran on.

    Where there is none, the path that its plain command would write.
    """
    runs = Path(root) / "runs" / name
    found = sorted(runs.glob(f"**/seed={seed}/checkpoints/last.pt"), key=lambda path: (len(path.parts), path))
    fitting = [path for path in found if f"\nscale: {scale}\n" in (path.parents[1] / "config.yaml").read_text()]
    return str((fitting or [runs / f"seed={seed}" / "checkpoints" / "last.pt"])[0])


def _depth_network(root: str, scale: str) -> str:
    """The network whose depth maps classifiers look at: published weights, or the student of seed 0."""
    return os.environ.get("DEPTH_ANYTHING_WEIGHTS") or _trained("da_student", root, scale, 0)


def _places_classes(root: str | None) -> int | None:
    """Classes of a data set: as many as its folder has, or those of the embedded places."""
    if root is None:
        return 10
    folder = Path(root).expanduser()
    listed = folder / "categories.txt"
    if listed.is_file():
        return len(listed.read_text(encoding="utf-8").splitlines())
    return len([path for path in (folder / "train").glob("*") if path.is_dir()]) or 100


def _table_benchmark(scale: str) -> str:
    """What the tables' rows train and test on: KITTI raw, as the paper, or at demo scale KITTI 2012 if it is there."""
    return "kitti2012" if scale == "demo" and os.environ.get("KITTI_STEREO") else "kitti_raw"


def typed_config(cfg: DictConfig) -> RootConfig:
    """The composed configuration as dataclasses, whose checks run.

    Raises:
        UserError: If a value is out of its range.
    """
    typed = OmegaConf.to_object(cfg)
    assert isinstance(typed, RootConfig)
    return typed


def load_config(path: Path) -> DictConfig:
    """A run's saved config.yaml, typed as when it was composed.

    Raises:
        UserError: If it is missing or unreadable, or today's settings have no place for one of its keys.
    """
    try:
        saved = OmegaConf.load(path)
        if not isinstance(saved, DictConfig):
            raise UserError(f"{path}: is not a mapping of settings, so no run's configuration")
        return _typed_node(saved)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, so {path.parent} is no run directory") from None
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: {error.full_key or 'the file'} does not fit today's settings ({reason})") from error
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error


def _typed_node(saved: DictConfig) -> DictConfig:
    cfg = OmegaConf.merge(OmegaConf.structured(RootConfig), saved)
    assert isinstance(cfg, DictConfig)
    return cfg


def override_folder(overrides: list[str], data_root: str | None) -> str:
    """Folder name for what differs from the experiment as written: readable start, then a hash; "" for nothing.

    Args:
        overrides: Command-line overrides, such as ["+experiment=garg_kitti", "scale=paper"].
        data_root: Where the real data lies, None for embedded data: the same experiment on other data is another run.
    """
    kept = sorted(o for o in overrides if not _leaves_result_alone(o))
    if not kept and data_root is None:
        return ""
    parts = kept + ([] if data_root is None else [f"data.root={data_root}"])
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
    values = [o.lstrip("+~").split("=", 1)[-1] for o in kept] + ([] if data_root is None else [Path(data_root).name])
    words = [re.sub(r"[^\w.]+", "-", value)[:20].strip("-.") for value in values]
    return "-".join([*[w for w in words if w][:3], digest])


def _leaves_result_alone(override: str) -> bool:
    key = override.lstrip("+~").split("=", 1)[0]
    return any(key == name or key.startswith((name + ".", name + "/")) for name in _NOT_PART_OF_THE_RESULT)


def resolve_run_dir(cfg: DictConfig, overrides: list[str]) -> Path:
    """Absolute run directory; the same on every rank and for the same command typed again."""
    if cfg.run_dir:
        return Path(cfg.run_dir).expanduser().resolve()
    root = Path(cfg.root).expanduser().resolve()
    return root / "runs" / cfg.name / override_folder(overrides, data_root(cfg.data)) / f"seed={cfg.seed}"


def data_root(data: DictConfig) -> str | None:
    """Where the real data lies: `root`, or every `root` below, joined by "+"; None for embedded data alone."""
    found = [str(data.root)] if data.get("root") else []
    found += [root for node in data.values() if isinstance(node, DictConfig) and (root := data_root(node))]
    return "+".join(found) or None


def result_config(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration without the settings that cannot change the result."""
    resolved = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    assert isinstance(resolved, dict)
    for name in _NOT_PART_OF_THE_RESULT:
        node, _, leaf = name.rpartition(".")
        holder = resolved.get(node, {}) if node else resolved
        if leaf != "seed":
            holder.pop(leaf, None)
    _only_what_counts(resolved["data"])
    resolved["eval"] = {key: value for key, value in resolved["eval"].items() if key not in SWITCHES or value}
    depth = resolved["data"].get("depth")
    for part in (resolved["model"], depth if isinstance(depth, dict) else {}):
        for key, value in part.items():  # checkpoints below `root` are the same wherever that is
            if isinstance(value, str):
                part[key] = value.removeprefix(f"{Path(cfg.root)}/")
    return {str(k): v for k, v in resolved.items()}


def _only_what_counts(node: Any) -> None:
    """Take out, at any depth, what takes no part: caches, settings that are null, sets whose folder is not given."""
    for key, value in list(node.items()):
        if key == "cache_dir" or value is None or (isinstance(value, dict) and value.get("root", "") is None):
            del node[key]
        elif isinstance(value, dict):
            _only_what_counts(value)


def config_hash(cfg: DictConfig) -> str:
    """12 hex digits over `result_config`."""
    return hashlib.sha256(OmegaConf.to_yaml(OmegaConf.create(result_config(cfg)), sort_keys=True).encode()).hexdigest()[
        :12
    ]


def default_cache_dir(cfg_value: str | None = None) -> Path:
    """`cache_dir`, else $DEPTHREPRO_CACHE, else ~/.cache/depthrepro."""
    chosen = cfg_value or os.environ.get("DEPTHREPRO_CACHE") or "~/.cache/depthrepro"
    return Path(chosen).expanduser().resolve()
