"""`rooms`: rendered rooms with dense depth, as a depth camera would see them.

One unit is one room with a few views; no room is shared between the parts. Depth is exact, without a sensor's holes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from depthrepro.worlds.calibration import CAMERA_FROM_VEHICLE, Rig, rotation
from depthrepro.worlds.camera import Pose, pixel_rays, single_camera
from depthrepro.worlds.indoors.halls import HALLS
from depthrepro.worlds.indoors.kinds import KINDS, Kind
from depthrepro.worlds.indoors.room import Room, build_room
from depthrepro.worlds.kitti_writer import write_text
from depthrepro.worlds.materials import albedo
from depthrepro.worlds.render import develop, draw_exposure, sample_view
from depthrepro.worlds.streets.views import write_png
from depthrepro.worlds.tracer import Hits, Tracer
from depthrepro.worlds.world import Unit, World, check_numbers

DEPTH_STEPS = 5000  # steps to the metre in the depth files; 0 = nothing, seen through a window
_NEAREST_M = 0.45
_ATTEMPTS = 24
_GLOW = 13  # column of the material table


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
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    about: ClassVar[str] = "One room is in one part only."

    def __init__(self, config: RoomsConfig) -> None:
        super().__init__(config)

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> Rooms:
        """See `World.from_dict`."""
        return cls(RoomsConfig(**config))

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

    def write_small_files(self, root: Path) -> list[Path]:
        """Write the lists of both parts and the note."""
        rows = {part: ["image,depth"] for part in self.parts()}
        for unit in self.units():
            names = (f"{unit.name}/{n}.png" for n in range(unit.items))
            rows[unit.name.split("_")[0]] += [f"images/{name},depth/{name}" for name in names]
        settings = ", ".join(f"{k}={v}" for k, v in dataclasses.asdict(self.config).items())
        note = (
            f"Rendered data, not recordings: world `{self.name}` of the depthrepro project, version {self.version}.\n"
            f"{settings}\n\ndepth/: 16-bit PNG, metres * {DEPTH_STEPS} along the optical axis, 0 = nothing.\n"
            f"{self.about}\n"
        )
        texts = {f"{part}.csv": "\n".join(lines) + "\n" for part, lines in rows.items() if len(lines) > 1}
        texts["README.txt"] = note
        for name, text in texts.items():
            write_text(root / name, text)
        return [root / name for name in texts]


class Halls(Rooms):
    """The world `halls`: kinds of interiors that `rooms` lacks, to test on."""

    name, version = "halls", 1
    tag, kinds = 53, HALLS
    about = "Classrooms, libraries, canteens and depots: for tests only."

    def parts(self) -> dict[str, int]:
        """All images test."""
        return {"test": self.config.images}


def room_views(
    room: Room, width: int, height: int, rng: np.random.Generator, views: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Views of one room by a hand-held camera.

    Args:
        room: What is seen.
        width: Of the images in pixels.
        height: Likewise.
        rng: For cameras, places and exposures.
        views: How many are taken.

    Returns:
        (image uint8 (H, W, 3) RGB, depth float32 (H, W) in metres, 0 = nothing) of each.
    """
    tracer, found = Tracer(room.mesh), []
    for _ in range(views):
        rig = single_camera(width, height, float(rng.uniform(0.62, 0.98)))
        pose = find_view(room, tracer, rig, rng)

        def shade(origin: np.ndarray, rays: np.ndarray, hits: Hits, rig: Rig = rig) -> tuple[np.ndarray, np.ndarray]:
            return shade_room(room, tracer, rig.focal_px, origin, rays, hits)

        color, depth = sample_view(shade, tracer, rig, pose, pose.center)
        found.append((develop(color, draw_exposure(room.light.tint, color, rng), 1.0, rng), depth))
    return found


def find_view(room: Room, tracer: Tracer, rig: Rig, rng: np.random.Generator) -> Pose:
    """A hand-held camera that looks across the room; the attempt that sees farthest with nothing right before it."""
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, rig.width - 1, 24), np.linspace(0, rig.height - 1, 18)))
    best: tuple[float, Pose] | None = None
    for _ in range(_ATTEMPTS):
        pose = _draw_view(room, rng)
        depth = tracer.first(pose.center, pixel_rays(rig, pose, u, v)).distance
        near, middle = float(depth.min()), float(np.median(depth))
        score = middle if near > _NEAREST_M else near - 10
        if best is None or score > best[0]:
            best = (score, pose)
        if near > _NEAREST_M and middle > 1.8:
            break
    assert best is not None
    return best[1]


def _draw_view(room: Room, rng: np.random.Generator) -> Pose:
    """Somewhere in the room, at the height of a hand or an eye, turned towards another place in it."""
    extent = room.extent
    x, y = rng.uniform(0.25, (extent.x - 0.25, extent.y - 0.25))
    aim_x, aim_y = rng.uniform(0.1, (extent.x - 0.1, extent.y - 0.1))
    yaw = float(np.arctan2(aim_y - y, aim_x - x))
    pitch, roll = np.radians(rng.normal((8.0, 0.0), (9.0, 2.0)))
    turn = rotation(0, 0, yaw) @ rotation(float(roll), float(pitch), 0)
    return Pose(turn @ CAMERA_FROM_VEHICLE.T, np.array((x, y, float(rng.uniform(0.95, 1.75)))))


def shade_room(
    room: Room, tracer: Tracer, focal_px: float, origin: np.ndarray, rays: np.ndarray, hits: Hits
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour (3, N) of rays (3, N), and a code (N,) that changes at the edges of surfaces; -1 = outside."""
    found = np.flatnonzero(hits.found)
    color = np.ascontiguousarray(room.light.seen_outside(rays), dtype=np.float32)
    code = np.full(rays.shape[1], -1, dtype=np.int32)
    depth, triangle = hits.distance[found], hits.triangle[found]
    rays = rays[:, found]
    points = origin[:, None] + rays * depth
    normal = tracer.normals(triangle, rays)
    material = tracer.material.take(triangle)
    sunlit = room.light.sunlit(tracer, points, normal)
    received = room.light.soft(tracer, points, normal) + room.light.sun_color[:, None] * sunlit
    received += room.table[:, _GLOW].take(material)
    color[:, found] = albedo(room.table, material, points, depth / np.float32(focal_px)) * received
    side = np.floor(normal[2] * np.float32(1.49)) + np.float32(2) * np.floor(normal[0] * np.float32(1.49))
    code[found] = 64 * material + 8 * (side.astype(np.int32) + 8) + (sunlit > 0)
    return color, code
