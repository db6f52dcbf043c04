"""What it takes to repeat a run beside its code: seeds, random states and the environment."""

from __future__ import annotations

import os
import platform
import random
from importlib import metadata
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed python, numpy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """State of every global generator, in types that `torch.load(weights_only=True)` accepts."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    """Inverse of `random_state`."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def describe_environment() -> str:
    """Text of environment.txt: machine, interpreter, threads, and every installed distribution."""
    lines = [
        f"platform: {platform.platform()}",
        f"python: {platform.python_version()}",
        f"processor: {platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} torch threads",
        f"torch: {torch.__version__}, cuda {torch.version.cuda if torch.cuda.is_available() else 'not available'}",
        "",
    ]
    installed = sorted(
        {(d.metadata["Name"], d.version) for d in metadata.distributions()}, key=lambda n: str(n).lower()
    )
    return "\n".join([*lines, *(f"{name}=={version}" for name, version in installed)]) + "\n"
