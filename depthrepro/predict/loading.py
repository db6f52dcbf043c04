"""From a checkpoint file to a network in evaluation mode: ours, or published Depth Anything weights.

A checkpoint is data from anywhere, so nothing in it is executed: weights are read with `weights_only`, and the class it
names must be a network of this package.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from depthrepro.config.prerequisites import how_to_train
from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.predictions import Kind
from depthrepro.models.contract import declared_kind, declared_levels
from depthrepro.training.device import choose_device

_TARGET = re.compile(r"depthrepro\.models(\.[a-z]\w*)+\.[A-Z]\w*")
# How Hydra is to build the object; without meaning here.
_HYDRA_KEYS = {"_target_", "_convert_", "_recursive_"}


@dataclass(frozen=True)
class Network:
    """A network and what must be known to use it.

    Attributes:
        model: In evaluation mode, on `device`.
        kind: What its numbers mean.
        level: Name of the output that is taken.
        transform: How an image becomes its input.
        device: Where it computes.
        path: The file, or the folder of published weights.
        sha256: Hex digest of the file with the weights.
        description: Class and arguments, for the files beside the results.
    """

    model: nn.Module
    kind: Kind
    level: str
    transform: InputTransform
    device: torch.device
    path: Path
    sha256: str
    description: Mapping[str, Any]


def load_network(path: Path, device: str = "auto", level: str | None = None) -> Network:
    """Read a checkpoint; see `depthrepro.predict.load` for what it may be.

    Raises:
        UserError: If the file is missing, damaged, or holds no network that this package knows.
    """
    path = path.expanduser()
    chosen = _device(device)
    file = _weights_file(path)
    own = _own_checkpoint(file)
    if own is not None:
        model, transform, description = _build(own, file)
    else:
        from depthrepro.models.depth_anything import load_published, transform_of  # torch and timm take 3 s

        model = load_published(file)
        transform = transform_of(model)
        description = {"_target_": f"{type(model).__module__}.{type(model).__qualname__}", "published": True}
    kind = declared_kind(model)
    if kind is None:
        raise UserError(f"checkpoint={file}: {type(model).__name__} does not predict depth")
    return Network(
        model=model.eval().to(chosen),
        kind=kind,
        level=_level(model, level),
        transform=transform,
        device=chosen,
        path=path,
        sha256=sha256(file),
        description=description,
    )


def _device(wanted: str) -> torch.device:
    try:
        return choose_device(wanted)
    except UserError as error:
        raise UserError(str(error).replace("trainer.device", "device")) from None


def _weights_file(path: Path) -> Path:
    """The file with the weights: `path` itself, that of a run directory, or published ones, by folder or by name."""
    if path.is_file():
        return path
    own = (path / folder / f"{name}.pt" for folder in ("checkpoints", ".") for name in ("last", "best"))
    found = next((file for file in own if file.is_file()), None)
    if found is not None:
        return found
    from depthrepro.models.weights import find_weights  # torch takes 1.3 s

    try:
        return find_weights(path)[1]
    except UserError as error:
        command = how_to_train(path.parents[1] if path.parent.name == "checkpoints" else path)
        seeds = sorted(path.glob("seed=*/checkpoints/last.pt"))
        if command or seeds:
            fix = f"name one of its runs, such as {seeds[0].parents[1]}" if seeds else command
            raise UserError(f"checkpoint={path}: no checkpoint is there; {fix}") from None
        if path.exists():
            raise UserError(
                f"checkpoint={path}: the folder holds neither checkpoints/last.pt nor weights: {error}"
            ) from None
        raise UserError(f"checkpoint={error}; give a run's checkpoints/last.pt or published weights") from None


def _own_checkpoint(file: Path) -> dict[str, Any] | None:
    """The content of a checkpoint of ours; None for published weights."""
    if file.suffix not in (".pt", ".pth"):
        return None
    try:
        state = load_checkpoint(file)
    except UserError as error:
        if "holds no model" in str(error):
            return None
        raise UserError(f"checkpoint={file}: cannot be read; fetch it again, or name another file") from error
    return state if "model_config" in state else None


def _build(state: Mapping[str, Any], file: Path) -> tuple[nn.Module, InputTransform, dict[str, Any]]:
    config = state["model_config"]
    if not isinstance(config, Mapping):
        raise UserError(f"checkpoint={file}: its model_config is no mapping, so the network is unknown")
    model = build_model(config, str(file))
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, TypeError) as error:
        first = " ".join(str(error).split())[:300]
        raise UserError(f"checkpoint={file}: its weights do not fit {config['_target_']} ({first})") from None
    return model, _transform(state, file), dict(config)


def build_model(config: Mapping[str, Any], file: str) -> nn.Module:
    """The network that a checkpoint's `model_config` describes, with fresh weights.

    Args:
        config: `_target_`, a class below `depthrepro.models`, and its arguments.
        file: For messages.

    Raises:
        UserError: If the class is none of this package's networks, or its arguments do not fit.
    """
    target = str(config.get("_target_"))
    arguments = {key: value for key, value in config.items() if key not in _HYDRA_KEYS}
    strange = [key for key in arguments if key.startswith("_")] + _nested_targets(arguments)
    if strange:
        raise UserError(f"checkpoint={file}: its model_config uses {strange[0]!r}, which is not followed from a file")
    if "weights" in arguments:  # the starting weights of the training; the checkpoint has the trained ones
        arguments["weights"] = None
    try:
        return _network_class(target, file)(**arguments)
    except TypeError as error:
        raise UserError(
            f"checkpoint={file}: {target} does not take its arguments ({error}); another version?"
        ) from None


def _nested_targets(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        own = [str(value["_target_"])] if "_target_" in value else []
        return own + [found for part in value.values() for found in _nested_targets(part)]
    if isinstance(value, (list, tuple)):
        return [found for part in value for found in _nested_targets(part)]
    return []


def _network_class(target: str, file: str) -> type[nn.Module]:
    """The class called `target`, which must be defined below depthrepro.models: an import there gives no way out."""
    refused = UserError(f"checkpoint={file}: names {target!r}, which is no network of depthrepro.models; not loaded")
    if not _TARGET.fullmatch(target):
        raise refused
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ModuleNotFoundError:
        raise refused from None
    if not (isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module_name):
        raise refused
    return found


def _transform(state: Mapping[str, Any], file: Path) -> InputTransform:
    if isinstance(state.get("input"), Mapping):
        return InputTransform.from_dict(state["input"])
    size = state.get("input_size")
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise UserError(f"checkpoint={file}: tells no input size; it is older than this version: train again")
    return InputTransform(int(size[0]), int(size[1]))


def _level(model: nn.Module, wanted: str | None) -> str:
    """The output to take: the finest, unless another is asked for."""
    levels = declared_levels(model)
    if wanted is not None and wanted not in levels:
        raise UserError(f"level={wanted}: this network has {', '.join(levels)}")
    return wanted or levels[-1]
