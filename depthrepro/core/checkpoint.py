"""Checkpoints: written whole or not at all, read without executing anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
from depthrepro.core.reading import reading

FORMAT = 1
# What a training goes on from, beside the weights.
RESUMES: dict[str, type] = {"optimizer": dict, "scaler": dict, "progress": dict, "log": dict, "random": list}


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` beside `path`, sync it to disk, and rename: SIGKILL at any moment leaves a whole file.

    Args:
        path: Target file.
        state: Tensors and plain values only, so that `torch.load(weights_only=True)` reads it.
    """
    for left_over in path.parent.glob(f".{path.name}.*.tmp"):  # of a process that was killed while writing
        left_over.unlink(missing_ok=True)
    with replacing(path) as beside, open(beside, "wb") as file:
        torch.save({"format": FORMAT, **state}, file)


def load_checkpoint(
    path: Path,
    map_location: str | torch.device = "cpu",
    *,
    needs: Mapping[str, type] | None = None,
    fix: str = "delete it to start from the beginning",
    foreign: bool = False,
) -> dict[str, Any]:
    """Read a checkpoint written by `save_checkpoint`.

    Args:
        path: The file.
        map_location: Where the tensors go.
        needs: What the reader goes on with beside the weights: keys, and the type of each value.
        fix: What to do about a damaged file.
        foreign: Whether a file without our `model` gives {} instead of an error.

    Raises:
        UserError: If the file is missing, damaged, or not one of ours.
    """
    with reading(path, "the checkpoint", missing="no such checkpoint; train the run, or name another file", fix=fix):
        state = torch.load(path, map_location=map_location, weights_only=True)
    model = state.get("model") if isinstance(state, dict) else None
    if not isinstance(model, dict) or not all(isinstance(value, Tensor) for value in model.values()):
        if foreign:
            return {}
        raise UserError(f"{path}: holds no model of this project; {fix}")
    for key, kind in (needs or {}).items():
        if not isinstance(state.get(key), kind):
            raise UserError(f"{path}: a checkpoint without {key}, from which no training can go on; {fix}")
    return state
