"""`places`: synthetic images of ten kinds of scenes, in MiniPlaces' layout, to classify.

What tells the kinds apart is their layout: how wide, how deep and how cluttered the space is. Colours are drawn anew
for every outdoor scene, light for every scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthrepro.worlds.camera import single_camera
from depthrepro.worlds.indoors.kinds import KINDS
from depthrepro.worlds.indoors.poses import room_views
from depthrepro.worlds.indoors.room import build_room
from depthrepro.worlds.sets.files import write_png
from depthrepro.worlds.streets.climate import any_light
from depthrepro.worlds.streets.poses import Stance, street_views
from depthrepro.worlds.streets.street import Street, build_street
from depthrepro.worlds.streets.styles import STYLES
from depthrepro.worlds.streets.variants import yard_street
from depthrepro.worlds.world import Unit, World, WorldConfig, scene_sizes, whole

STREETS = ("village", "city", "avenue", "country", "trunk road")
ROOMS = ("bedroom", "corridor", "kitchen", "office")
CATEGORIES = tuple(sorted(name.replace(" ", "_") for name in (*STREETS, *ROOMS, "yard")))
_PART_TAGS = {"train": 0, "val": 1}


@dataclass(frozen=True)
class PlacesConfig(WorldConfig):
    """Size of the world; see `WorldConfig`.

    Attributes:
        train_images: Images to learn from, over all categories.
        val_images: Images to test on, of other scenes.
        per_scene: Views of one scene; the last scene of a category may have fewer.
        size: Height and width of an image in pixels.
    """

    world = "places"
    train_images: int = whole(len(CATEGORIES))
    val_images: int = whole(len(CATEGORIES))
    per_scene: int = whole(1, 12, default=4)
    size: int = whole(32, 1024, default=140)
    seed: int = whole(0, default=0)


class Places(World):
    """The world `places`; its units are the scenes."""

    name, version = "places", 1
    config: PlacesConfig

    def units(self) -> list[Unit]:
        """The scenes: of each part and category in turn; a name is part/category/scene."""
        units: list[Unit] = []
        for part, images in (("train", self.config.train_images), ("val", self.config.val_images)):
            for number, category in enumerate(CATEGORIES):
                own = images // len(CATEGORIES) + (number < images % len(CATEGORIES))
                for scene, size in enumerate(scene_sizes(own, self.config.per_scene)):
                    units.append(Unit(len(units), f"{part}-{category}-{scene:03d}", size))
        return units

    def render(self, unit: Unit, folder: Path) -> None:
        """Write a scene's images."""
        for name, image in zip(self._names(unit), self.views(unit), strict=True):
            write_png(folder / "images" / name, image)

    def _names(self, unit: Unit) -> list[str]:
        """Paths of a scene's images below images/, as MiniPlaces has them: train/<letter>/<category>/<number>.png."""
        part, category, scene = unit.name.split("-")
        return [f"{part}/{category[0]}/{category}/{int(scene):05d}{n:03d}.png" for n in range(unit.items)]

    def views(self, unit: Unit) -> list[np.ndarray]:
        """Images uint8 (size, size, 3), RGB, of a scene."""
        part, category, scene = unit.name.split("-")
        seeds = [67, self.config.seed, _PART_TAGS[part], CATEGORIES.index(category), int(scene)]
        rng, size = np.random.default_rng(seeds), self.config.size
        if category in ROOMS:
            kind = next(kind for kind in KINDS if kind.name == category)
            found = room_views(build_room(rng, kind), size, size, rng, unit.items)
        else:
            stance = Stance((1.3, 2.6), (1.0, 3.0), yaw_rad=0.9, nearest_m=2.5)
            rig = single_camera(size, size, float(rng.uniform(0.62, 0.98)))
            found = street_views(_outdoors(category, rng), stance, rig, rng, unit.items, self.config.per_scene)
        return [image for image, _ in found]

    def texts(self) -> dict[str, str]:
        """The lists, the categories and the note."""
        lists: dict[str, list[str]] = {"train": [], "val": []}
        for unit in self.units():
            part, category, _ = unit.name.split("-")
            lists[part] += [f"{name} {CATEGORIES.index(category)}" for name in self._names(unit)]
        texts = {f"{part}.txt": "\n".join(lines) + "\n" for part, lines in lists.items()}
        texts["categories.txt"] = "".join(f"/{name[0]}/{name} {label}\n" for label, name in enumerate(CATEGORIES))
        texts["README.txt"] = (
            f"Rendered data, not photographs: world `places` of the depthrepro project, version {self.version}.\n"
            f"{self.settings}\n\nLayout of MiniPlaces; one scene is in one part only.\n"
        )
        return texts


def _outdoors(category: str, rng: np.random.Generator) -> Street:
    """A street of the style that the category names, or a yard, in colours that tell nothing."""
    if category == "yard":
        return yard_street(rng)
    style = next(style for style in STYLES if style.name.replace(" ", "_") == category)
    return build_street(style, rng, draw_light=any_light(rng), repainted=True)
