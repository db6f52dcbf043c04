"""`rooms` and `halls`: synthetic interiors with dense depth, as a depth camera would see them.

One unit is one room with a few views; no room is shared between the parts. Depth is exact, without a sensor's holes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from depthrepro.worlds.indoors.halls import HALLS
from depthrepro.worlds.indoors.kinds import KINDS, RoomKind
from depthrepro.worlds.indoors.poses import room_views
from depthrepro.worlds.indoors.room import build_room
from depthrepro.worlds.sets.files import write_png
from depthrepro.worlds.world import Unit, World, check_numbers

DEPTH_STEPS = 5000  # steps to the metre in the depth files; 0 = nothing, seen through a window


@dataclass(frozen=True)
class RoomsConfig:
    """Size of the world; two equal configurations give the same files.

    Attributes:
        images: Views to learn from.
        test_images: Views to test on, of other rooms.
        per_room: Views of one room; the last room of a part may have fewer.
        width: Image width in pixels.
        height: Image height in pixels.
        seed: Every seed is another world.

    Raises:
        UserError: If a number is out of its range.
    """

    images: int
    test_images: int = 0
    per_room: int = 3
    width: int = 320
    height: int = 240
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"images": 1, "per_room": 1, "width": 64, "height": 48}
        check_numbers("rooms", self, least, {"per_room": 12, "width": 4096, "height": 4096})


class Rooms(World):
    """The world `rooms`; its units are the rooms.

    Attributes:
        tag: Number that keeps this world's draws apart from those of every other world.
        kinds: Kinds of rooms drawn from.
        about: What it is there for.
    """

    name, version = "rooms", 1
    tag: ClassVar[int] = 51
    kinds: ClassVar[tuple[RoomKind, ...]] = KINDS
    about: ClassVar[str] = "One room is in one part only."
    config: RoomsConfig

    def parts(self) -> dict[str, int]:
        """Images of each part."""
        return {"train": self.config.images, "test": self.config.test_images}

    def units(self) -> list[Unit]:
        """The rooms, those to learn from first."""
        units: list[Unit] = []
        for part, images in self.parts().items():
            for start in range(0, images, self.config.per_room):
                count = min(self.config.per_room, images - start)
                units.append(Unit(len(units), f"{part}_{len(units):04d}", count))
        return units

    def render(self, unit: Unit, folder: Path) -> None:
        """Write a room's images and depth."""
        for number, (image, depth) in enumerate(self.views(unit)):
            write_png(folder / "images" / unit.name / f"{number}.png", image[:, :, ::-1])
            steps = np.rint(np.minimum(depth * DEPTH_STEPS, 65535)).astype(np.uint16)
            write_png(folder / "depth" / unit.name / f"{number}.png", steps)

    def views(self, unit: Unit) -> list[tuple[np.ndarray, np.ndarray]]:
        """(image uint8 (H, W, 3) RGB, depth float32 (H, W) in metres, 0 = nothing) of each view of a room."""
        rng = np.random.default_rng([self.tag, self.config.seed, unit.index])
        room = build_room(rng, self.kinds[int(rng.integers(len(self.kinds)))])
        return room_views(room, self.config.width, self.config.height, rng, unit.items)

    def texts(self) -> dict[str, str]:
        """The lists of both parts and the note."""
        rows = {part: ["image,depth"] for part in self.parts()}
        for unit in self.units():
            names = (f"{unit.name}/{n}.png" for n in range(unit.items))
            rows[unit.name.split("_")[0]] += [f"images/{name},depth/{name}" for name in names]
        note = (
            f"Rendered data, not recordings: world `{self.name}` of the depthrepro project, version {self.version}.\n"
            f"{self.settings}\n\ndepth/: 16-bit PNG, metres * {DEPTH_STEPS} along the optical axis, 0 = nothing.\n"
            f"{self.about}\n"
        )
        texts = {f"{part}.csv": "\n".join(lines) + "\n" for part, lines in rows.items() if len(lines) > 1}
        return texts | {"README.txt": note}


class Halls(Rooms):
    """The world `halls`: kinds of interiors that `rooms` lacks, to test on."""

    name, version = "halls", 1
    tag, kinds = 53, HALLS
    about = "Classrooms, libraries, canteens and depots: for tests only."

    def parts(self) -> dict[str, int]:
        """All images test."""
        return {"test": self.config.images}
