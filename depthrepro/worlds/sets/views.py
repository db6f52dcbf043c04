"""Worlds of single views: labelled streets with dense depth, an unlabelled world in another style, a held-out one.

`streets_depth` has the scenes and the light of `streets`; `abroad` has other light, seasons, objects, cameras, and no
depth: it is there to be labelled by a teacher; `heldout` has kinds of scenes that neither of them has, and tests.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from depthrepro.worlds.camera import single_camera
from depthrepro.worlds.sets.files import write_png
from depthrepro.worlds.streets.poses import CAR, Stance, street_views
from depthrepro.worlds.streets.street import Street, build_street
from depthrepro.worlds.streets.styles import GOLDEN, style_at
from depthrepro.worlds.streets.variants import abroad_street, yard_street
from depthrepro.worlds.world import Unit, World, check_numbers

DEPTH_STEPS = 256  # steps to the metre in the depth files; 0 = sky, or farther than 65535 steps


@dataclass(frozen=True)
class ViewsConfig:
    """Size of a world of views; two equal configurations give the same files.

    Attributes:
        images: Number of views.
        per_scene: Views of one scene, far apart along its road; the last scene may have fewer.
        width: Image width in pixels.
        height: Image height in pixels.
        seed: Every seed is another world.

    Raises:
        UserError: If a number is out of its range.
    """

    images: int
    per_scene: int = 3
    width: int = 496
    height: int = 160
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"images": 1, "per_scene": 1, "width": 64, "height": 24}
        check_numbers("views", self, least, {"per_scene": 12, "width": 4096, "height": 4096})


class Views(World):
    """A world whose units are scenes, each with a few views.

    Attributes:
        tag: Number that keeps this world's draws apart from those of every other world.
        depth: Whether depth is written.
        listing: File that names the images.
    """

    tag: ClassVar[int]
    depth: ClassVar[bool] = True
    listing: ClassVar[str] = "train.csv"
    about: ClassVar[str]
    config: ViewsConfig

    @abstractmethod
    def scene(self, index: int, rng: np.random.Generator) -> Street:
        """Draw the street of scene number `index`."""

    def stance(self, rng: np.random.Generator) -> Stance:
        """Heights and angles at which the camera of a scene is carried."""
        return CAR

    def focal(self, rng: np.random.Generator) -> float:
        """Focal length over the image's width."""
        return float(rng.uniform(0.52, 0.64))  # KITTI's is 0.58

    def units(self) -> list[Unit]:
        """The scenes."""
        starts = range(0, self.config.images, self.config.per_scene)
        return [
            Unit(i, f"scene_{i:04d}", min(self.config.per_scene, self.config.images - start))
            for i, start in enumerate(starts)
        ]

    def render(self, unit: Unit, folder: Path) -> None:
        """Write a scene's images and depth."""
        for number, (image, depth) in enumerate(self.views(unit)):
            write_png(folder / "images" / unit.name / f"{number}.png", image[:, :, ::-1])
            if self.depth:
                steps = np.rint(np.where(depth * DEPTH_STEPS <= 65535, depth * DEPTH_STEPS, 0))
                write_png(folder / "depth" / unit.name / f"{number}.png", steps.astype(np.uint16))

    def views(self, unit: Unit) -> list[tuple[np.ndarray, np.ndarray]]:
        """(image uint8 (H, W, 3) RGB, depth float32 (H, W) in metres, 0 = sky) of each view of a scene."""
        rng = np.random.default_rng([self.tag, self.config.seed, unit.index])
        scene = self.scene(unit.index, rng)
        stance = self.stance(rng)
        rig = single_camera(self.config.width, self.config.height, self.focal(rng))
        return street_views(scene, stance, rig, rng, unit.items, self.config.per_scene)

    def texts(self) -> dict[str, str]:
        """The list of images and the note."""
        rows = ["image,depth" if self.depth else "image"]
        for unit in self.units():
            for n in range(unit.items):
                names = [f"{kind}/{unit.name}/{n}.png" for kind in ("images", "depth")[: 1 + self.depth]]
                rows.append(",".join(names))
        note = (
            f"Rendered data, not recordings: world `{self.name}` of the depthrepro project, version {self.version}.\n"
            f"{self.settings}\n\n{self.about}\n"
        )
        if self.depth:
            note += f"depth/: 16-bit PNG, metres * {DEPTH_STEPS} along the optical axis, 0 = sky.\n"
        return {self.listing: "\n".join(rows) + "\n", "README.txt": note}


class StreetsDepth(Views):
    """Streets as in `streets`, other drives, with dense depth."""

    name, version, tag = "streets_depth", 1, 11
    about = "Streets with dense depth, to learn relative depth from."

    def scene(self, index: int, rng: np.random.Generator) -> Street:
        """A street in one of the six styles of `streets`."""
        return build_street(style_at((0.5 + index * GOLDEN) % 1.0), rng)


class Abroad(Views):
    """Another country, other weather, other cameras; images without depth."""

    name, version, tag = "abroad", 1, 23
    depth, listing = False, "images.csv"
    about = "Images without depth, in light, seasons and places that the labelled streets lack: for pseudo-labels."

    def scene(self, index: int, rng: np.random.Generator) -> Street:
        """A street of altered proportions in foreign light."""
        return abroad_street(style_at((0.5 + index * GOLDEN) % 1.0), rng)

    def stance(self, rng: np.random.Generator) -> Stance:
        """Carried by a person, on a van, or high above the street."""
        low, high, down = ((1.1, 1.8, 0.0), (1.8, 3.2, 2.0), (3.5, 7.0, 9.0))[rng.integers(3)]
        return Stance((low, high), (down, 4.0), yaw_rad=1.4, nearest_m=2.5)

    def focal(self, rng: np.random.Generator) -> float:
        """Wide lenses to short telephoto ones."""
        return float(np.exp(rng.uniform(np.log(0.42), np.log(1.0))))


class Heldout(Views):
    """Works yards and harbours; what no training set has."""

    name, version, tag = "heldout", 1, 37
    listing = "test.csv"
    about = "Yards with containers, tanks, cranes and heaps under their own light, with dense depth: for tests only."

    def scene(self, index: int, rng: np.random.Generator) -> Street:
        """A yard along a road."""
        return yard_street(rng)

    def stance(self, rng: np.random.Generator) -> Stance:
        """Carried by a person or on a van."""
        return Stance((1.3, 2.6), (1.0, 3.0), yaw_rad=1.2, nearest_m=2.5)

    def focal(self, rng: np.random.Generator) -> float:
        """Normal lenses."""
        return float(rng.uniform(0.5, 0.8))
