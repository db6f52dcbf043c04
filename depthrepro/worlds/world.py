"""The abstract synthetic data set, called a world: name, version, configuration, and the units that are rendered."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from depthrepro.core.errors import UserError


@dataclass(frozen=True)
class Unit:
    """Part of a world that one process renders at a time: a drive of a street, the views of a room.

    Attributes:
        index: Number of the unit in its world.
        name: Unique name, also of its file of hashes.
        items: Images or pairs in it, for the progress bar.
    """

    index: int
    name: str
    items: int


def whole(low: int, high: int = 100_000, *, default: int | None = None) -> Any:
    """A field of a `WorldConfig`: a whole number from `low` to `high`; without a default it must be given."""
    missing = dataclasses.MISSING if default is None else default
    return dataclasses.field(default=missing, metadata={"range": (low, high)})


@dataclass(frozen=True)
class WorldConfig:
    """Numbers of a world, each a field made by `whole`; two equal configurations give the same files.

    Everywhere `width` and `height` are an image's, in pixels, and every `seed` is another world.

    Attributes:
        world: Of which world, for messages.

    Raises:
        UserError: If a field is no whole number in its range.
    """

    world: ClassVar[str]

    def __post_init__(self) -> None:
        """Check the ranges."""
        for field in dataclasses.fields(self):
            value, (low, high) = getattr(self, field.name), field.metadata["range"]
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                message = f"{self.world}: {field.name} must be a whole number from {low} to {high}, got {value!r}"
                raise UserError(message)


class World(ABC):
    """A synthetic data set; two worlds of one class with equal configurations have the same files.

    Attributes:
        name: Of the world, and of its folder.
        version: Raised with every change that alters a file.
        noun: What is counted while it is rendered.
        config: Its dataclass of numbers.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    noun: ClassVar[str] = "image"

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def units(self) -> Sequence[Unit]:
        """All units, in order; `units()[i].index == i`."""

    @abstractmethod
    def render(self, unit: Unit, folder: Path) -> None:
        """Write a unit's files below `folder`, each at its path below the world's root."""

    @abstractmethod
    def texts(self) -> dict[str, str]:
        """Lists, calibration and the note: each file's path below the world's root, and its text."""

    def remade_by_deleting(self, root: Path, name: str) -> Path:
        """The file or folder to delete so that file `name` of the manifest is made anew."""
        return root / name

    @property
    def digest(self) -> str:
        """Ten hex digits over the configuration and the world's version."""
        text = json.dumps({"version": self.version, **dataclasses.asdict(self.config)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def folder_name(self) -> str:
        """Name of the world's folder in the cache."""
        return f"{self.name}-v{self.version}-{self.digest}"

    @property
    def settings(self) -> str:
        """The configuration in one line, for the note."""
        return ", ".join(f"{k}={v}" for k, v in dataclasses.asdict(self.config).items())


def scene_sizes(images: int, most: int) -> list[int]:
    """Views of each scene when scenes of `most` views share `images`; the last may have fewer."""
    return [min(most, images - start) for start in range(0, images, most)]
