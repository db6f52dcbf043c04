"""The plan of a room, by which things find their places: spans of its walls, its floor, and what is taken already."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.indoors.pieces import Piece
from depthrepro.worlds.indoors.shell import WALLS, Box, Opening
from depthrepro.worlds.meshes import Mesh

Rect = tuple[float, float, float, float]  # x0, y0, x1, y1 in metres


class Plan:
    """A room being furnished.

    Attributes:
        maker: Materials, colours and chance.
        room: Extent.
        openings: Doors and windows.
        parts: Meshes placed so far.
        taken: Floor rectangles that are taken.
        hung: For each wall, (low, high, bottom, top) of what hangs or stands at it.
    """

    def __init__(self, maker: RoomMaker, room: Box, openings: list[Opening]) -> None:
        self.maker, self.room, self.openings = maker, room, openings
        self.parts: list[Mesh] = []
        self.taken: list[Rect] = []
        self.hung: list[list[tuple[float, float, float, float]]] = [[] for _ in range(WALLS)]
        for o in openings:
            self.hung[o.wall].append((o.low - 0.08, o.low + o.width + 0.08, o.bottom, o.top + 0.08))
            if o.bottom == 0:  # a door needs room to pass
                self.taken.append(self.rect(o.wall, o.middle, o.width + 0.1, 0.8))

    def rect(self, wall: int, at: float, width: float, depth: float, out: float = 0.0) -> Rect:
        """Floor rectangle of something at a wall."""
        r, low, high = self.room, at - width / 2, at + width / 2
        return (
            (out, r.y - high, out + depth, r.y - low),
            (low, out, high, out + depth),
            (r.x - out - depth, low, r.x - out, high),
            (r.x - high, r.y - out - depth, r.x - low, r.y - out),
        )[wall]

    def free(self, rect: Rect) -> bool:
        """Whether a floor rectangle lies in the room and is not taken."""
        x0, y0, x1, y1 = rect
        if x0 < -0.01 or y0 < -0.01 or x1 > self.room.x + 0.01 or y1 > self.room.y + 0.01:
            return False
        return not any(x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1 for b in self.taken)

    def take(self, rect: Rect) -> bool:
        """Whether a floor rectangle was free; it is taken now."""
        if not self.free(rect):
            return False
        self.taken.append(rect)
        return True

    def clear(self, wall: int, low: float, high: float, bottom: float, top: float) -> bool:
        """Whether a rectangle of a wall has nothing on it."""
        if low < 0 or high > self.room.length(wall):
            return False
        return not any(low < b and a < high and bottom < d and c < top for a, b, c, d in self.hung[wall])

    def place(
        self, piece: Piece, wall: int | None = None, at: float | None = None, front: float = 0.35, tries: int = 14
    ) -> tuple[int, float] | None:
        """Stand a piece at a wall where it fits, with room in front of it.

        Args:
            piece: What is placed.
            wall: At this wall; None for any.
            at: At this place along it; None for any.
            front: Free floor in front of it, metres.
            tries: Places that are tried.

        Returns:
            (wall, place along it), or None if it fits nowhere.
        """
        rng = self.maker.rng
        for _ in range(tries):
            k = int(rng.integers(WALLS)) if wall is None else wall
            span = self.room.length(k) - piece.width
            if span < 0:
                continue
            spot = piece.width / 2 + rng.uniform(0, span) if at is None else at
            if rng.random() < 0.25 and at is None:  # into a corner
                spot = piece.width / 2 + 0.02 + float(rng.integers(2)) * max(span - 0.04, 0)
            low, high = spot - piece.width / 2, spot + piece.width / 2
            rect = self.rect(k, spot, piece.width, piece.depth + front)
            if self.free(rect) and self.clear(k, low, high, 0.0, piece.height):
                self.taken.append(self.rect(k, spot, piece.width, piece.depth))
                self.hung[k].append((low, high, 0.0, piece.height))
                self.put(piece.mesh, k, spot, out=0.02)
                return k, spot
        return None

    def put(self, mesh: Mesh, wall: int, at: float, z: float = 0.0, out: float = 0.0, turn: float = 0.0) -> None:
        """Put a mesh at a wall, whatever is there already; see `Box.put`."""
        self.parts.append(self.room.put(mesh, wall, at, z, out, turn))

    def put_free(self, mesh: Mesh, x: float, y: float, yaw: float, middle: float) -> None:
        """Put a mesh into the room, turned by `yaw`, with its point (middle, 0) at (x, y)."""
        self.parts.append(mesh.placed(x - middle * np.cos(yaw), y - middle * np.sin(yaw), 0.0, yaw))

    def stand(self, make: Callable[[RoomMaker], Mesh], margin: float, half: float, turned: bool = True) -> None:
        """Stand something anywhere off the walls by `margin`, if a square of `half` metres to each side is free."""
        x, y = self.maker.rng.uniform(margin, (self.room.x - margin, self.room.y - margin))
        mesh, turn = make(self.maker), self.maker.between(0, np.pi) if turned else 0.0
        if self.take((x - half, y - half, x + half, y + half)):
            self.parts.append(mesh.placed(x, y, 0.0, turn))

    def centre(self, piece: Piece, margin: float) -> tuple[float, float, float] | None:
        """Stand a piece free in the room.

        Returns:
            (x, y, turn) of its middle, or None if there is no place.
        """
        rng, room = self.maker.rng, self.room
        for _ in range(14):
            yaw = int(rng.integers(4)) * np.pi / 2 + rng.normal(0, 0.03)
            a, b = (piece.depth, piece.width) if abs(np.cos(yaw)) > 0.7 else (piece.width, piece.depth)
            a, b = a / 2 + margin, b / 2 + margin
            if room.x < 2 * a or room.y < 2 * b:
                continue
            x, y = rng.uniform(a, room.x - a), rng.uniform(b, room.y - b)
            if rng.random() < 0.5:
                x, y = (room.x / 2 + x) / 2, (room.y / 2 + y) / 2
            if self.free((x - a + 0.2, y - b + 0.2, x + a - 0.2, y + b - 0.2)):
                self.taken.append((x - a + margin, y - b + margin, x + a - margin, y + b - margin))
                self.put_free(piece.mesh, x, y, yaw, piece.depth / 2)
                return x, y, yaw
        return None

    def hang(self, mesh: Mesh, width: float, height: float, z: tuple[float, float], wall: int | None = None) -> None:
        """Hang something, centred at its origin, on a free part of a wall with its middle at a height in `z`."""
        rng = self.maker.rng
        for _ in range(8):
            k = int(rng.integers(WALLS)) if wall is None else wall
            span = self.room.length(k) - width - 0.2
            if span <= 0:
                continue
            at, middle = 0.1 + width / 2 + rng.uniform(0, span), rng.uniform(*z)
            low, high, top = at - width / 2 - 0.05, at + width / 2 + 0.05, middle + height / 2 + 0.05
            if top < self.room.height and self.clear(k, low, high, middle - height / 2 - 0.05, top):
                self.hung[k].append((low, high, middle - height / 2, top))
                self.put(mesh, k, at, z=middle)
                return
