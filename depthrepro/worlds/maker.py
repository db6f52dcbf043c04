"""What builds a scene: its materials, and the chance that decides on everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from depthrepro.worlds.materials import Palette


class Maker(Palette):
    """The materials of a scene under construction and `rng`, the source of its choices, shared by all that build it."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        """A random number."""
        return self.rng.uniform(low, high)

    def color(self, name: str, shares: Sequence[float] | None = None) -> np.ndarray:
        """One of the colours called `name` in `colors.yaml`, (3,) linear RGB; the likelier, the larger its share."""
        colors = read_table(Path(__file__).with_name("colors.yaml"))[name]
        index = self.rng.integers(len(colors)) if shares is None else self.rng.choice(len(colors), p=shares)
        return np.array(colors[index])


@cache
def read_table(path: Path) -> dict[str, Any]:
    """A table of constants, YAML."""
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
