"""Worlds of single views: labelled streets with dense depth, an unlabelled world in another style, a held-out one.

`streets_depth` has the scenes and the light of `streets`; `abroad` has other light, seasons, objects, cameras, and no
depth: it is there to be labelled by a teacher; `heldout` has kinds of scenes that neither of them has, and tests.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from depthrepro.worlds.camera import single_camera
from depthrepro.worlds.render import Picture
from depthrepro.worlds.sets.pictures import Pictures
from depthrepro.worlds.streets.poses import CAR, Stance, street_views
from depthrepro.worlds.streets.street import Street, build_street
from depthrepro.worlds.streets.styles import GOLDEN, style_at
from depthrepro.worlds.streets.variants import abroad_street, yard_street
from depthrepro.worlds.world import Unit, WorldConfig, scene_sizes, whole

DEPTH_STEPS = 256  # steps to the metre in the depth files; 0 = sky, or farther than 65535 steps
_DEPTH = f"depth/: 16-bit PNG, metres * {DEPTH_STEPS} along the optical axis, 0 = sky.\n"


@dataclass(frozen=True)
class ViewsConfig(WorldConfig):
    """Size of a world of views; see `WorldConfig`.

    Attributes:
        images: Number of views.
        per_scene: Views of one scene, far apart along its road; the last scene may have fewer.
    """

    world = "views"
    images: int = whole(1)
    per_scene: int = whole(1, 12, default=3)
    width: int = whole(64, 4096, default=496)
    height: int = whole(24, 4096, default=160)
    seed: int = whole(0, default=0)


class Views(Pictures):
    """A world whose scenes are streets.

    Attributes:
        part: Its only part.
    """

    scene = "scene_{index:04d}"
    part: ClassVar[str] = "train"
    config: ViewsConfig

    @abstractmethod
    def draw(self, index: int, rng: np.random.Generator) -> tuple[Street, Stance, float]:
        """The street of scene number `index`, how the camera is carried, and its focal length over the width."""

    def parts(self) -> dict[str, list[int]]:
        """All views in one part."""
        return {self.part: scene_sizes(self.config.images, self.config.per_scene)}

    def draw_views(self, unit: Unit, rng: np.random.Generator) -> list[Picture]:
        """Views of a street, far apart."""
        street, stance, focal = self.draw(unit.index, rng)
        rig = single_camera(self.config.width, self.config.height, focal)
        return street_views(street, stance, rig, rng, unit.items, self.config.per_scene)

    def depth_steps(self, depth: np.ndarray) -> np.ndarray:
        """See `Pictures.depth_steps`; what is too far is like the sky."""
        return np.where(depth * DEPTH_STEPS <= 65535, depth * DEPTH_STEPS, 0)


class StreetsDepth(Views):
    """Streets as in `streets`, other drives, with dense depth."""

    name, version, tag = "streets_depth", 1, 11
    about = f"Streets with dense depth, to learn relative depth from.\n{_DEPTH}"

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Street, Stance, float]:
        """A street in one of the six styles of `streets`, about KITTI's focal length of 0.58."""
        return build_street(style_at((0.5 + index * GOLDEN) % 1.0), rng), CAR, rng.uniform(0.52, 0.64)


class Abroad(Views):
    """Another country, other weather, other cameras; images without depth."""

    name, version, tag = "abroad", 1, 23
    depth, part = False, "images"
    about = "Images without depth, in light, seasons and places that the labelled streets lack: for pseudo-labels.\n"

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Street, Stance, float]:
        """Altered proportions and foreign light; carried by a person, on a van, or high above; any lens."""
        street = abroad_street(style_at((0.5 + index * GOLDEN) % 1.0), rng)
        low, high, down = ((1.1, 1.8, 0.0), (1.8, 3.2, 2.0), (3.5, 7.0, 9.0))[rng.integers(3)]
        stance = Stance((low, high), (down, 4.0), yaw_rad=1.4, nearest_m=2.5)
        return street, stance, float(np.exp(rng.uniform(np.log(0.42), np.log(1.0))))


class Heldout(Views):
    """Works yards and harbours; what no training set has."""

    name, version, tag = "heldout", 1, 37
    part = "test"
    about = (
        "Yards with containers, tanks, cranes and heaps under their own light, with dense depth: for tests only.\n"
        f"{_DEPTH}"
    )

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Street, Stance, float]:
        """A yard along a road; carried by a person or on a van, a normal lens."""
        stance = Stance((1.3, 2.6), (1.0, 3.0), yaw_rad=1.2, nearest_m=2.5)
        return yard_street(rng), stance, rng.uniform(0.5, 0.8)
