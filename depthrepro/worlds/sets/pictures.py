"""Worlds of pictures: scenes with a few views each, most with dense depth, listed in CSV files."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from depthrepro.worlds.render import Picture
from depthrepro.worlds.sets.files import write_png
from depthrepro.worlds.world import Unit, World


class Pictures(World):
    """A world whose units are scenes, each with a few views, each in one part only.

    Attributes:
        tag: Number that keeps this world's draws apart from those of every other world.
        scene: Name of a scene, formatted with its `part` and `index`.
        depth: Whether depth is written.
        about: What it is there for, and what its files hold.
    """

    tag: ClassVar[int]
    scene: ClassVar[str]
    depth: ClassVar[bool] = True
    about: ClassVar[str]

    @abstractmethod
    def parts(self) -> dict[str, list[int]]:
        """Views of each scene, by part; `<part>.csv` lists a part's images."""

    @abstractmethod
    def draw_views(self, unit: Unit, rng: np.random.Generator) -> list[Picture]:
        """See `views`; all is drawn from `rng`."""

    @abstractmethod
    def depth_steps(self, depth: np.ndarray) -> np.ndarray:
        """Depth in metres as the steps in the files, 0..65535."""

    def views(self, unit: Unit) -> list[Picture]:
        """A scene's views."""
        return self.draw_views(unit, np.random.default_rng([self.tag, self.config.seed, unit.index]))

    def units(self) -> list[Unit]:
        """The scenes, part by part."""
        return [unit for units in self._units().values() for unit in units]

    def _units(self) -> dict[str, list[Unit]]:
        """The scenes of each part."""
        found: dict[str, list[Unit]] = {}
        first = 0
        for part, sizes in self.parts().items():
            numbered = enumerate(sizes, first)
            found[part] = [Unit(index, self.scene.format(part=part, index=index), size) for index, size in numbered]
            first += len(sizes)
        return found

    def render(self, unit: Unit, folder: Path) -> None:
        """Write a scene's images and depth."""
        for number, (image, depth) in enumerate(self.views(unit)):
            write_png(folder / "images" / unit.name / f"{number}.png", image)
            if self.depth:
                steps = np.rint(self.depth_steps(depth)).astype(np.uint16)
                write_png(folder / "depth" / unit.name / f"{number}.png", steps)

    def texts(self) -> dict[str, str]:
        """The lists of images and the note."""
        header, row = ("image,depth", "images/{0},depth/{0}") if self.depth else ("image", "images/{0}")
        texts = {}
        for part, units in self._units().items():
            rows = [row.format(f"{unit.name}/{number}.png") for unit in units for number in range(unit.items)]
            if rows:
                texts[f"{part}.csv"] = "\n".join([header, *rows]) + "\n"
        texts["README.txt"] = (
            f"Rendered data, not recordings: world `{self.name}` of the depthrepro project, version {self.version}.\n"
            f"{self.settings}\n\n{self.about}"
        )
        return texts
