"""Worlds of single views: labelled streets with dense depth, an unlabelled world in another style, a held-out one.

`streets_depth` has the scenes and the light of `streets`; `abroad` has other light, seasons, objects, cameras, and no
depth: it is there to be labelled by a teacher; `heldout` has kinds of scenes that neither of them has, and tests.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from depthrepro.worlds.calibration import Rig
from depthrepro.worlds.camera import CAR, Stance, find_pose, single_camera
from depthrepro.worlds.kitti_writer import write_text
from depthrepro.worlds.lighting import Light
from depthrepro.worlds.render import develop, draw_exposure, render_view
from depthrepro.worlds.streets import structures
from depthrepro.worlds.streets.climate import foreign_light, repaint
from depthrepro.worlds.streets.scene import Scene, build_scene
from depthrepro.worlds.streets.styles import GOLDEN, STYLES, Style, style_at
from depthrepro.worlds.tracer import Tracer
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

    def __init__(self, config: ViewsConfig) -> None:
        super().__init__(config)

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> Views:
        """See `World.from_dict`."""
        return cls(ViewsConfig(**config))

    @abstractmethod
    def scene(self, index: int, rng: np.random.Generator) -> Scene:
        """Draw scene number `index`."""

    def stance(self, rng: np.random.Generator) -> Stance:
        """How the camera of a scene is carried."""
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
        return scene_views(scene, stance, rig, rng, unit.items, self.config.per_scene)

    def write_small_files(self, root: Path) -> list[Path]:
        """Write the list of images and the note."""
        rows = ["image,depth" if self.depth else "image"]
        for unit in self.units():
            for n in range(unit.items):
                names = [f"{kind}/{unit.name}/{n}.png" for kind in ("images", "depth")[: 1 + self.depth]]
                rows.append(",".join(names))
        settings = ", ".join(f"{k}={v}" for k, v in dataclasses.asdict(self.config).items())
        note = (
            f"Rendered data, not recordings: world `{self.name}` of the depthrepro project, version {self.version}.\n"
            f"{settings}\n\n{self.about}\n"
        )
        if self.depth:
            note += f"depth/: 16-bit PNG, metres * {DEPTH_STEPS} along the optical axis, 0 = sky.\n"
        files = {self.listing: "\n".join(rows) + "\n", "README.txt": note}
        for name, text in files.items():
            write_text(root / name, text)
        return [root / name for name in files]


class StreetsDepth(Views):
    """Streets as in `streets`, other drives, with dense depth."""

    name, version, tag = "streets_depth", 1, 11
    about = "Streets with dense depth, to learn relative depth from."

    def scene(self, index: int, rng: np.random.Generator) -> Scene:
        """A street in one of the six styles of `streets`."""
        return build_scene(style_at((0.5 + index * GOLDEN) % 1.0), rng)


class Abroad(Views):
    """Another country, other weather, other cameras; images without depth."""

    name, version, tag = "abroad", 1, 23
    depth, listing = False, "images.csv"
    about = "Images without depth, in light, seasons and places that the labelled streets lack: for pseudo-labels."

    def scene(self, index: int, rng: np.random.Generator) -> Scene:
        """A street of altered proportions in foreign light."""
        scene = build_scene(
            _altered(style_at((0.5 + index * GOLDEN) % 1.0), rng), rng, structures.abroad, foreign_light
        )
        return dataclasses.replace(scene, table=repaint(scene.table, rng))

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

    def scene(self, index: int, rng: np.random.Generator) -> Scene:
        """A yard along a road."""
        return yard_scene(rng)

    def stance(self, rng: np.random.Generator) -> Stance:
        """Carried by a person or on a van."""
        return Stance((1.3, 2.6), (1.0, 3.0), yaw_rad=1.2, nearest_m=2.5)

    def focal(self, rng: np.random.Generator) -> float:
        """Normal lenses."""
        return float(rng.uniform(0.5, 0.8))


def scene_views(
    scene: Scene, stance: Stance, rig: Rig, rng: np.random.Generator, views: int, per_scene: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Views of one scene, far apart along its road.

    Args:
        scene: What is seen.
        stance: How the camera is carried.
        rig: The camera.
        rng: For places and exposures.
        views: How many are taken.
        per_scene: How many the road is divided among.

    Returns:
        (image uint8 (H, W, 3) RGB, depth float32 (H, W) in metres, 0 = sky) of each.
    """
    tracer = Tracer(scene.mesh)
    found = []
    for number in range(views):
        first = number / per_scene
        pose = find_pose(scene, tracer, rig, (first, first + 0.6 / per_scene), rng, stance)
        color, depth = render_view(scene, tracer, rig, pose, 2)
        found.append((develop(color, draw_exposure(scene.light.tint, color, rng), 1.0, rng), depth))
    return found


def yard_scene(rng: np.random.Generator) -> Scene:
    """A works yard or a harbour along a road, under a light of its own."""
    style = dataclasses.replace(
        STYLES[-1],
        name="yard",
        lanes=1,
        lane_width=float(rng.uniform(2.8, 5.0)),
        kinds=("hall",),
        setback=(6.0, 30.0),
        gap=(4.0, 40.0),
        vacant=0.35,
        rails=0.15,
        screen=0.2,
        woods=3.0,
        traffic=1.0,
    )
    scene = build_scene(style, rng, structures.yard, foreign_light if rng.random() < 0.5 else Light.random)
    return dataclasses.replace(scene, table=repaint(scene.table, rng))


def _altered(style: Style, rng: np.random.Generator) -> Style:
    """A style with other widths, distances and densities."""

    def scaled(pair: tuple[float, float]) -> tuple[float, float]:
        factor = float(np.exp(rng.normal(0, 0.4)))
        return pair[0] * factor, pair[1] * factor

    return dataclasses.replace(
        style,
        name=f"{style.name} abroad",
        lane_width=style.lane_width * float(rng.uniform(0.7, 1.4)),
        setback=scaled(style.setback),
        lot=scaled(style.lot),
        gap=scaled(style.gap),
        trees=float(rng.choice((0.0, 7.0, 12.0, 20.0))),
        people=float(rng.choice((0.5, 4.0, 14.0))),
        woods=float(rng.choice((2.0, 8.0, 30.0))),
        traffic=float(rng.uniform(0.3, 4.0)),
        kinds=("house", "block", "hall")[: int(rng.integers(1, 4))],
    )


def write_png(path: Path, values: np.ndarray) -> None:
    """Write an image (BGR) or a map, compressed quickly.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), values, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"cannot write {path}")
