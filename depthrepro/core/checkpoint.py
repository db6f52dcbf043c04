"""Checkpoints: written whole or not at all, read without executing anything."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing

FORMAT = 1


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


def load_checkpoint(path: Path, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint written by `save_checkpoint`.

    Raises:
        UserError: If the file is missing, damaged, or not one of ours.
    """
    if not path.is_file():
        raise UserError(f"no checkpoint at {path}")
    try:
        state = torch.load(path, map_location=map_location, weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be read ({first}): delete it to start from the beginning") from error
    if not isinstance(state, dict) or "model" not in state:
        raise UserError(f"{path} holds no model of this project")
    return state
