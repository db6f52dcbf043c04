"""Interiors larger than a home's, in rows: classrooms, libraries, canteens, depots. No training set has any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depthrepro.worlds.indoors import clutter, pieces, storage
from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.indoors.kinds import RoomKind, several
from depthrepro.worlds.indoors.pieces import Piece
from depthrepro.worlds.indoors.plan import Plan
from depthrepro.worlds.meshes import Mesh, box, merge


def in_rows(plan: Plan, make: Callable[[], Piece], gaps: tuple[float, float], full: float = 0.95) -> None:
    """Stand groups in rows along the longer side, with passages between them.

    Args:
        plan: The room.
        make: Makes one group; its x runs along the room's longer side.
        gaps: Free floor between rows (along the longer side) and between groups of a row, metres.
        full: Share of the places that are taken.
    """
    rng, room = plan.maker.rng, plan.room
    along_x = room.x >= room.y
    long, short = max(room.x, room.y), min(room.x, room.y)
    first = make()
    step_long, step_short = first.depth + gaps[0], first.width + gaps[1]
    for a in np.arange(0.7 + first.depth / 2, long - 0.6 - first.depth / 2, step_long):
        for b in np.arange(0.6 + first.width / 2, short - 0.5 - first.width / 2, step_short):
            if rng.random() > full:
                continue
            group = make()
            x, y = (float(a), float(b)) if along_x else (float(b), float(a))
            dx, dy = (group.depth / 2, group.width / 2) if along_x else (group.width / 2, group.depth / 2)
            if plan.take((x - dx, y - dy, x + dx, y + dy)):
                turn = (0.0 if along_x else np.pi / 2) + rng.normal(0, 0.015)
                plan.put_free(group.mesh, x, y, turn, group.depth / 2)


def classroom(plan: Plan) -> None:
    """A board, a desk before it, rows of tables with chairs."""
    m = plan.maker
    board = m.smooth((0.02, 0.06, 0.04) if m.rng.random() < 0.6 else (0.75, 0.75, 0.73), 0.2)
    width = m.between(2.2, 3.6)
    plan.hang(box((0.02, -width / 2, -0.6), (0.07, width / 2, 0.6), board), width, 1.2, (1.45, 1.6))
    plan.place(storage.desk(m), front=0.6)
    size, seats = (m.between(0.5, 0.65), m.between(1.1, 1.4)), pieces.chair(m).mesh

    def pair() -> Piece:
        top = pieces.table(m, size)
        chairs = [seats.placed(-0.55 + m.between(-0.12, 0.12), k * size[1] / 4, 0, 0.0) for k in (-1, 1)]
        things = [clutter.thing(m, 0.2).placed(size[0] / 2, m.between(-0.4, 0.4), top.height)]
        group = merge([top.mesh, *chairs, *(things if m.rng.random() < 0.5 else [])])
        return Piece(group.placed(0.55, 0, 0), size[1], size[0] + 0.55, top.height)

    in_rows(plan, pair, (m.between(0.35, 0.6), m.between(0.35, 0.7)))
    several(plan, 4, storage.cupboard, storage.shelf, front=0.1)


def library(plan: Plan) -> None:
    """Shelves back to back in rows, a few tables."""
    m = plan.maker
    width, height = m.between(0.9, 1.4), m.between(1.6, 2.2)

    def double() -> Piece:
        one, other = storage.shelf(m, width, height), storage.shelf(m, width, height)
        depth = one.depth + other.depth
        mesh = merge([one.mesh.placed(other.depth, 0, 0), other.mesh.placed(other.depth, 0, 0, np.pi)])
        return Piece(mesh, width, depth, height)

    plan.centre(pieces.table(m), 0.8)
    in_rows(plan, double, (m.between(1.0, 1.6), m.between(0.0, 0.1)), 0.85)
    several(plan, 8, lambda m: storage.shelf(m, width, height), front=0.1)


def canteen(plan: Plan) -> None:
    """Long tables with benches or stools, a counter."""
    m = plan.maker
    plan.place(storage.counter(m, m.between(2.0, 4.0)), front=0.9)
    width, deep = m.between(1.6, 2.6), m.between(0.7, 0.9)
    seat = m.body()

    def long_table() -> Piece:
        top = pieces.table(m, (deep, width))
        parts = [top.mesh]
        for x in (-0.4, deep + 0.1):  # benches
            parts.append(box((x, -width / 2 + 0.1, 0.4), (x + 0.3, width / 2 - 0.1, 0.45), seat))
            parts += pieces.legs((x + 0.05, x + 0.25), (-width / 2 + 0.2, width / 2 - 0.2), 0.4, 0.05, seat)
        for _ in range(int(m.rng.integers(0, 4))):
            parts.append(clutter.thing(m, 0.25).placed(deep / 2, m.between(-0.4, 0.4) * width, top.height))
        return Piece(merge(parts).placed(0.4, 0, 0), width, deep + 0.8, top.height)

    in_rows(plan, long_table, (m.between(0.5, 1.0), m.between(0.5, 0.9)))
    several(plan, 3, storage.fridge, storage.cupboard, front=0.1)


def depot(plan: Plan) -> None:
    """Racks with cartons, cartons on the floor."""
    m = plan.maker
    width, levels = m.between(1.8, 2.7), int(m.rng.integers(2, 5))
    steel = m.metal() if m.rng.random() < 0.4 else m.any_color(0.1, 0.5)
    in_rows(plan, lambda: rack(m, width, levels, steel), (m.between(1.4, 2.4), m.between(0.0, 0.15)), 0.9)
    for _ in range(int(m.rng.integers(4, 18))):
        plan.stand(clutter.carton, 0.4, 0.3)


def rack(m: RoomMaker, width: float, levels: int, steel: int) -> Piece:
    """An open rack of posts and decks, most of them with cartons."""
    depth, step = 0.9, m.between(0.75, 1.05)
    height = levels * step + 0.1
    parts: list[Mesh] = pieces.legs((0.04, depth - 0.04), (-width / 2 + 0.04, width / 2 - 0.04), height, 0.08, steel)
    for level in range(levels):
        z = 0.12 + level * step
        parts.append(box((0, -width / 2, z - 0.1), (depth, width / 2, z), steel))
        at = -width / 2 + 0.4
        while at < width / 2 - 0.3:
            if m.rng.random() < 0.75:
                parts.append(clutter.carton(m).placed(depth / 2 + m.between(-0.1, 0.1), at, z, m.between(-0.1, 0.1)))
            at += m.between(0.65, 0.9)
    return Piece(merge(parts), width, depth, height)


HALLS: tuple[RoomKind, ...] = (
    RoomKind("classroom", ((5.5, 7.5), (6.5, 9.5)), ("planks", "tiles"), classroom, 5, "panels", (2.8, 3.6)),
    RoomKind("library", ((5.0, 8.0), (6.5, 11.0)), ("carpet", "planks"), library, 4, "panels", (2.7, 3.6)),
    RoomKind("canteen", ((6.0, 9.0), (7.5, 12.0)), ("tiles", "checker", "planks"), canteen, 5, "panels", (2.8, 3.8)),
    RoomKind("depot", ((6.0, 9.0), (7.5, 12.5)), ("tiles",), depot, 2, "panels", (3.4, 5.0)),
)
