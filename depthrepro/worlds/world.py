"""The abstract synthetic data set, called a world: name, version, configuration, and the units that are rendered."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
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


def check_numbers(name: str, config: Any, least: Mapping[str, int], most: Mapping[str, int]) -> None:
    """Check that all fields of a configuration are whole numbers within their ranges, by default 0 to 100,000.

    Raises:
        UserError: At the first that is not.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        low, high = least.get(field.name, 0), most.get(field.name, 100_000)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UserError(f"{name}: {field.name} must be a whole number from {low} to {high}, got {value!r}")
