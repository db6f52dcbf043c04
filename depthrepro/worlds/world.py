"""What every synthetic world shares: a name, a version, a configuration, units to render, and a folder in the cache."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from depthrepro.core.errors import UserError


@dataclass(frozen=True)
class Unit:
    """What one process renders at a time: a drive of a street, the views of a room.

    Attributes:
        index: Number of the unit in its world.
        name: Unique name, also of its file of hashes.
        items: Images or pairs in it, for the progress bar.
    """

    index: int
    name: str
    items: int


class World(ABC):
    """A rendered data set; two worlds of one class with equal configurations have the same files.

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

    @classmethod
    @abstractmethod
    def from_dict(cls, config: Mapping[str, Any]) -> World:
        """The world of a configuration's fields; a rendering process gets nothing else."""

    @abstractmethod
    def units(self) -> Sequence[Unit]:
        """All units, in order; `units()[i].index == i`."""

    @abstractmethod
    def render(self, unit: Unit, folder: Path) -> None:
        """Write a unit's files below `folder`, each at its path below the world's root."""

    @abstractmethod
    def write_small_files(self, root: Path) -> list[Path]:
        """Write lists, calibration and the note, and return their paths."""

    def remade_by_deleting(self, root: Path, name: str) -> Path:
        """What to delete so that file `name` of the manifest is made anew."""
        return root / name

    @property
    def digest(self) -> str:
        """Ten hex digits over the configuration and the world's version."""
        return config_digest(self.version, self.config)

    @property
    def folder_name(self) -> str:
        """Name of the world's folder in the cache."""
        return f"{self.name}-v{self.version}-{self.digest}"


def config_digest(version: int, config: Any) -> str:
    """Ten hex digits over a version and a dataclass of numbers."""
    text = json.dumps({"version": version, **dataclasses.asdict(config)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


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


def cache_folder() -> Path:
    """`$DEPTHREPRO_CACHE/worlds`, by default `~/.cache/depthrepro/worlds`."""
    return Path(os.environ.get("DEPTHREPRO_CACHE") or Path.home() / ".cache" / "depthrepro") / "worlds"


def ensure_world(
    world: World,
    cache_dir: Path | str | None = None,
    workers: int | None = None,
    progress: bool = True,
    verify: bool = False,
) -> Path:
    """The folder of a world; what is missing is rendered first.

    Args:
        world: The world.
        cache_dir: Folder that holds the worlds; by default `cache_folder()`.
        workers: Processes that render; by default one for each processor.
        progress: Whether a bar is shown on standard error while something is rendered.
        verify: Whether every file is read and compared with the manifest's hashes; its size is compared in any case.

    Returns:
        The world's root, with its `README.txt` and `manifest.json`.

    Raises:
        UserError: If the folder cannot be written, or a file differs from the manifest.
    """
    from depthrepro.worlds.build import build  # here, as it imports this module

    if workers is not None and workers < 1:
        raise UserError(f"{world.name}: workers must be at least 1, got {workers}")
    root = (cache_folder() if cache_dir is None else Path(cache_dir)) / world.folder_name
    build(world, root, workers=workers, progress=progress, verify=verify)
    return root
