"""From a checkpoint file to a network in evaluation mode: ours, or published Depth Anything weights.

A checkpoint is data from anywhere: `core.checkpoint` executes nothing in it, `models.rebuild` follows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from depthrepro.config.prerequisites import how_to_train
from depthrepro.config.schema import Precision
from depthrepro.core.checkpoint import load_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.predictions import Kind
from depthrepro.models.contract import declared_kind, declared_levels
from depthrepro.models.rebuild import network_of
from depthrepro.predict.settings import PRECISIONS
from depthrepro.training.device import choose_device, choose_precision


@dataclass(frozen=True)
class Network:
    """A network and what must be known to use it.

    Attributes:
        model: In evaluation mode, on `device`.
        kind: What its numbers mean.
        level: Name of the output that is taken.
        transform: How an image becomes its input.
        device: Where it computes.
        precision: In which number format: bf16 (by autocast) or fp32.
        path: The file, or the folder of published weights.
        sha256: Hex digest of the file with the weights.
        description: Class and arguments, for the files beside the results.
    """

    model: nn.Module
    kind: Kind
    level: str
    transform: InputTransform
    device: torch.device
    precision: Precision
    path: Path
    sha256: str
    description: Mapping[str, Any]

    @property
    def identity(self) -> list[Any]:
        """Plain values that change with everything that its outputs depend on beside the image."""
        return [self.sha256, self.level, self.transform.as_dict(), self.precision.value]


def load_network(path: Path, device: str = "auto", level: str | None = None, precision: str = "auto") -> Network:
    """Read a checkpoint; see `depthrepro.predict.load` for what it may be.

    Raises:
        UserError: If the file is missing, damaged, or holds no network that this package knows.
    """
    path = path.expanduser()
    chosen = _device(device)
    file = _weights_file(path)
    own = _own_checkpoint(file)
    if own is not None:
        model, transform = network_of(own, f"checkpoint={file}"), _transform(own, file)
        description = dict(own["model_config"])
    else:
        from depthrepro.models.depth_anything import load_published, transform_of  # torch and timm take 3 s

        model = load_published(file)
        transform = transform_of(model)
        description = {"_target_": f"{type(model).__module__}.{type(model).__qualname__}", "published": True}
    kind = declared_kind(model)
    if kind is None:
        raise UserError(f"checkpoint={file}: {type(model).__name__} does not predict depth")
    return Network(
        model=model.eval().to(device=chosen, memory_format=torch.channels_last),  # type: ignore[call-overload]
        kind=kind,
        level=_level(model, level),
        transform=transform,
        device=chosen,
        precision=_precision(precision, chosen),
        path=path,
        sha256=sha256(file),
        description=description,
    )


def _device(wanted: str) -> torch.device:
    try:
        return choose_device(wanted)
    except UserError as error:
        raise UserError(str(error).replace("trainer.device", "device")) from None


def _precision(wanted: str, device: torch.device) -> Precision:
    if wanted not in PRECISIONS:
        raise UserError(f"precision={wanted}: choose from {', '.join(PRECISIONS)}")
    return choose_precision(Precision(wanted), device)


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
    state = load_checkpoint(file, fix="fetch it again, or name another file", foreign=True)
    return state if "model_config" in state else None


def _transform(state: Mapping[str, Any], file: Path) -> InputTransform:
    if isinstance(state.get("input"), Mapping):
        return InputTransform.from_dict(state["input"])
    size = state.get("input_size")
    if not (isinstance(size, (list, tuple)) and len(size) == 2 and all(isinstance(side, int) for side in size)):
        raise UserError(f"checkpoint={file}: tells no input size; it is older than this version: train again")
    return InputTransform(*size)


def _level(model: nn.Module, wanted: str | None) -> str:
    """The output to take: the finest, unless another is asked for."""
    levels = declared_levels(model)
    if wanted is not None and wanted not in levels:
        raise UserError(f"level={wanted}: this network has {', '.join(levels)}")
    return wanted or levels[-1]
