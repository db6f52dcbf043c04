"""`rooms` and `halls`: synthetic interiors with dense depth, as a depth camera would see them.

One unit is one room with a few views; no room is shared between the parts. Depth is exact, without a sensor's holes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from depthrepro.worlds.indoors.halls import HALLS
from depthrepro.worlds.indoors.kinds import KINDS, RoomKind
from depthrepro.worlds.indoors.poses import room_views
from depthrepro.worlds.indoors.room import build_room
from depthrepro.worlds.render import Picture
from depthrepro.worlds.sets.pictures import Pictures
from depthrepro.worlds.world import Unit, WorldConfig, scene_sizes, whole

DEPTH_STEPS = 5000  # steps to the metre in the depth files; 0 = nothing, seen through a window
_DEPTH = f"depth/: 16-bit PNG, metres * {DEPTH_STEPS} along the optical axis, 0 = nothing.\n"


@dataclass(frozen=True)
class RoomsConfig(WorldConfig):
    """Size of the world; see `WorldConfig`.

    Attributes:
        images: Views to learn from.
        test_images: Views to test on, of other rooms.
        per_room: Views of one room; the last room of a part may have fewer.
    """

    world = "rooms"
    images: int = whole(1)
    test_images: int = whole(0, default=0)
    per_room: int = whole(1, 12, default=3)
    width: int = whole(64, 4096, default=320)
    height: int = whole(48, 4096, default=240)
    seed: int = whole(0, default=0)


class Rooms(Pictures):
    """The world `rooms`; its units are the rooms.

    Attributes:
        kinds: Kinds of rooms drawn from.
    """

    name, version, tag, scene = "rooms", 1, 51, "{part}_{index:04d}"
    kinds: ClassVar[tuple[RoomKind, ...]] = KINDS
    about = f"{_DEPTH}One room is in one part only.\n"
    config: RoomsConfig

    def parts(self) -> dict[str, list[int]]:
        """Those to learn from, then those to test on."""
        images = {"train": self.config.images, "test": self.config.test_images}
        return {part: scene_sizes(count, self.config.per_room) for part, count in images.items()}

    def draw_views(self, unit: Unit, rng: np.random.Generator) -> list[Picture]:
        """Views of a room of any of the kinds."""
        room = build_room(rng, self.kinds[int(rng.integers(len(self.kinds)))])
        return room_views(room, self.config.width, self.config.height, rng, unit.items)

    def depth_steps(self, depth: np.ndarray) -> np.ndarray:
        """See `Pictures.depth_steps`; what is too far is as far as can be told."""
        return np.minimum(depth * DEPTH_STEPS, 65535)


class Halls(Rooms):
    """The world `halls`: kinds of interiors that `rooms` lacks, to test on."""

    name, version, tag = "halls", 1, 53
    kinds = HALLS
    about = f"{_DEPTH}Classrooms, libraries, canteens and depots: for tests only.\n"

    def parts(self) -> dict[str, list[int]]:
        """All images test."""
        return {"test": scene_sizes(self.config.images, self.config.per_room)}
