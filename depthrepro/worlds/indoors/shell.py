"""The shell of a room: walls with doors and windows, ceiling, skirting, and what is seen through the openings."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.meshes import Mesh, box, merge, quads

WALLS = 4  # wall k is seen from inside along its normal: 0 stands on x = 0, 1 on y = 0, 2 on x = max, 3 on y = max
THICKNESS_M = 0.18


@dataclass(frozen=True)
class Opening:
    """A door or window in a wall.

    Attributes:
        wall: Number of the wall.
        low: Where it begins along the wall, metres from the wall's left end as seen from inside.
        width: Its width.
        bottom: Height of its sill; 0 for a door.
        top: Height of its lintel.
        kind: "window", "door" (shut) or "passage" (open, to another room).
    """

    wall: int
    low: float
    width: float
    bottom: float
    top: float
    kind: str

    @property
    def middle(self) -> float:
        """Its middle along the wall."""
        return self.low + self.width / 2


@dataclass(frozen=True)
class Box:
    """A room's extent in metres: [0, x] by [0, y], z up to the ceiling."""

    x: float
    y: float
    height: float

    def length(self, wall: int) -> float:
        """Length of a wall."""
        return self.y if wall % 2 == 0 else self.x

    def spot(self, wall: int, at: float, out: float) -> tuple[float, float, float]:
        """(x, y, yaw) of a place at a wall, yaw towards the room; see `put`."""
        return (
            (out, self.y - at, 0.0),
            (at, out, np.pi / 2),
            (self.x - out, at, np.pi),
            (self.x - at, self.y - out, -np.pi / 2),
        )[wall]

    def put(self, mesh: Mesh, wall: int, at: float, z: float = 0.0, out: float = 0.0, turn: float = 0.0) -> Mesh:
        """An object with its back (x = 0) at a wall.

        Args:
            mesh: Front to +x, y along the wall, z up.
            wall: Number of the wall.
            at: Distance from the wall's left end as seen from inside.
            z: Height above the floor.
            out: Distance from the wall.
            turn: Further turn about z in radians.
        """
        x, y, yaw = self.spot(wall, at, out)
        return mesh.placed(x, y, z, yaw + turn)


def _wall(length: float, height: float, holes: list[Opening], lower: int, upper: int, split: float) -> Mesh:
    """A wall in the plane x = 0 over y in [-length, 0], of one material up to the height `split`, another above it."""
    cuts_y = sorted({0.0, length, *(v for h in holes for v in (h.low, h.low + h.width))})
    cuts_z = sorted({0.0, height, *(v for h in holes for v in (h.bottom, h.top)), *([split] if split else [])})
    parts: dict[int, list[list[list[float]]]] = {lower: [], upper: []}
    for y0, y1 in pairwise(cuts_y):
        for z0, z1 in pairwise(cuts_z):
            if any(h.low <= y0 < h.low + h.width and h.bottom <= z0 < h.top for h in holes):
                continue
            corners = [[0, -y0, z0], [0, -y1, z0], [0, -y1, z1], [0, -y0, z1]]
            parts[lower if z1 <= split else upper].append(corners)
    return merge([quads(np.array(c), material) for material, c in parts.items() if c])


def _reveal(hole: Opening, material: int) -> Mesh:
    """The four sides of an opening through the wall's thickness."""
    t, y0, y1 = -THICKNESS_M, -hole.low, -hole.low - hole.width
    z0, z1 = hole.bottom, hole.top
    sides = [[[0, y, z0], [t, y, z0], [t, y, z1], [0, y, z1]] for y in (y0, y1)]
    sides += [[[0, y0, z], [t, y0, z], [t, y1, z], [0, y1, z]] for z in (z1, z0)]
    return quads(np.array(sides), material)


def _frame(hole: Opening, material: int, rng: np.random.Generator) -> list[Mesh]:
    """Casing round an opening, and the bars of a window."""
    y0, y1, z0, z1 = -hole.low, -hole.low - hole.width, hole.bottom, hole.top
    w = 0.07
    parts = [
        box((0, y0, z0), (0.02, y0 + w, z1 + w), material),
        box((0, y1 - w, z0), (0.02, y1, z1 + w), material),
        box((0, y1 - w, z1), (0.02, y0 + w, z1 + w), material),
    ]
    if hole.kind != "window":
        return parts
    parts.append(box((-0.05, y1 - 0.1, z0 - 0.04), (0.12, y0 + 0.1, z0), material))
    b, t = 0.03, -THICKNESS_M * 0.7
    upright, across = np.linspace(y1, y0, int(rng.integers(2, 4))), np.linspace(z0, z1, int(rng.integers(2, 4)))
    parts += [box((t - 0.03, y - b, z0), (t + 0.03, y + b, z1), material) for y in upright]
    return parts + [box((t - 0.03, y1, z - b), (t + 0.03, y0, z + b), material) for z in across]


def _leaf(hole: Opening, material: int, handle: int, rng: np.random.Generator) -> Mesh:
    """A shut door with panels and a handle."""
    y0, y1 = -hole.low, -hole.low - hole.width
    t = -0.08
    parts = [box((t - 0.04, y1, 0.0), (t, y0, hole.top), material)]
    rows = int(rng.integers(0, 4))
    for k in range(rows):
        z0 = 0.15 + k * (hole.top - 0.25) / rows
        z1 = z0 + (hole.top - 0.25) / rows - 0.12
        for a, b in ((y1 + 0.1, (y0 + y1) / 2 - 0.04), ((y0 + y1) / 2 + 0.04, y0 - 0.1)):
            parts.append(box((t, a, z0), (t + 0.012, b, z1), material))
    parts.append(box((t, y0 - 0.12, 1.0), (t + 0.05, y0 - 0.06, 1.06), handle))
    return merge(parts)


def _next_room(hole: Opening, height: float, wall: int, floor: int, rng: np.random.Generator) -> Mesh:
    """The room behind an open passage: floor, three walls, a ceiling, and some piece of furniture."""
    deep, wide = rng.uniform(1.5, 5.5), rng.uniform(1.5, 4.0)
    y = -hole.middle
    lift = rng.uniform(-0.3, 0.3) * wide
    y0, y1 = y - wide / 2 + lift, y + wide / 2 + lift
    a, b, c, d = (-deep, y0), (-deep, y1), (-THICKNESS_M, y1), (-THICKNESS_M, y0)
    walls = [[[*p, -0.01], [*q, -0.01], [*q, height], [*p, height]] for p, q in ((a, b), (b, c), (d, a))]
    top, bottom = ([[*p, z] for p in (a, b, c, d)] for z in (height, -0.005))
    parts = [quads(np.array([*walls, top]), wall), quads(np.array([bottom]), floor)]
    if deep > 2.2:
        w, h = rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.9)
        parts.append(box((-deep, y - w, 0), (-deep + 0.5, y + w * 0.4, h), floor))
    return merge(parts)


def shell(m: RoomMaker, room: Box, openings: list[Opening]) -> list[Mesh]:
    """Walls with their openings, skirting and ceiling; the floor is laid apart."""
    trim = m.joinery()
    handle = m.smooth((0.35, 0.33, 0.28))
    ceiling = m.paint(np.array((0.8, 0.79, 0.77)) * m.between(0.88, 1.05), 0.04)
    main = m.paint(m.wall)
    split = m.between(0.9, 1.3) if m.rng.random() < 0.15 else 0.0
    lower = m.joinery() if split else main
    feature = int(m.rng.integers(WALLS)) if m.rng.random() < 0.3 else -1
    other = m.paint(m.fabrics[0] * 0.6 + 0.4 * m.wall)
    corners = ((0, 0), (room.x, 0), (room.x, room.y), (0, room.y))
    parts = [quads(np.array([[[*p, room.height] for p in corners]]), ceiling)]
    for wall in range(WALLS):
        holes = [o for o in openings if o.wall == wall]
        upper = other if wall == feature else main
        length = room.length(wall)
        pieces = [_wall(length, room.height, holes, lower, upper, split)]
        doors = sorted((o.low, o.low + o.width) for o in holes if o.bottom == 0)
        start = 0.0
        for low, high in [*doors, (length, length)]:
            if low - start > 0.02:
                pieces.append(box((0, -low, 0), (0.015, -start, 0.09), trim))
            start = high
        for hole in holes:
            pieces += [_reveal(hole, trim), *_frame(hole, trim, m.rng)]
            if hole.kind == "door":
                pieces.append(_leaf(hole, trim, handle, m.rng))
            elif hole.kind == "passage":
                color = m.wall * m.between(0.75, 1.1) if m.rng.random() < 0.6 else m.fabrics[1]
                pieces.append(_next_room(hole, room.height, m.paint(color), lower, m.rng))
        parts.append(room.put(merge(pieces), wall, 0.0))
    return parts
