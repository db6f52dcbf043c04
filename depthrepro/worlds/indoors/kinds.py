"""Kinds of rooms: how large they are, what they are laid with, and what is put into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.indoors import clutter, pieces, storage
from depthrepro.worlds.indoors.finish import RoomMaker, rug
from depthrepro.worlds.indoors.plan import Plan
from depthrepro.worlds.meshes import merge


@dataclass(frozen=True)
class RoomKind:
    """A kind of room.

    Attributes:
        name: For people and file names.
        sides: (low, high) of its shorter and of its longer side, metres.
        floors: Kinds of floor drawn from.
        furnish: Puts things into it.
        windows: Most windows.
        lamp: "pendant", "panels" or "any".
        height: (low, high) of the ceiling, metres.
    """

    name: str
    sides: tuple[tuple[float, float], tuple[float, float]]
    floors: tuple[str, ...]
    furnish: Callable[[Plan], None]
    windows: int = 2
    lamp: str = "any"
    height: tuple[float, float] = (2.35, 3.1)


def chairs_at(plan: Plan, spot: tuple[float, float, float], piece: pieces.Piece, share: float) -> None:
    """Chairs round a table, all of one make, pulled out by different lengths."""
    m = plan.maker
    x, y, yaw = spot
    seat = pieces.chair(m).mesh
    per_side = max(1, int(piece.width / 0.6))
    places = [(side, (k - (per_side - 1) / 2) * 0.6, 0.0) for side in (-1, 1) for k in range(per_side)]
    places += [(0, side * (piece.width / 2), float(side)) for side in (-1, 1)]
    for side, across, end in places:
        if m.rng.random() > share:
            continue
        out = m.between(0.2, 0.55)
        local = np.array((side * (piece.depth / 2 + out), across + end * out))
        facing = yaw + (np.pi if side > 0 else 0.0 if side < 0 else -end * np.pi / 2) + float(m.rng.normal(0, 0.12))
        c, s = np.cos(yaw), np.sin(yaw)
        px, py = x + c * local[0] - s * local[1], y + s * local[0] + c * local[1]
        if 0.35 < px < plan.room.x - 0.35 and 0.35 < py < plan.room.y - 0.35:
            plan.put_free(seat, px, py, facing, middle=0.24)


def dining(plan: Plan, share: float = 0.85) -> None:
    """A table in the room with chairs and what lies on it."""
    m = plan.maker
    for piece in (pieces.table(m), pieces.table(m, (0.75, 0.9))):
        if lay_table(plan, piece, 0.55, share, (0, 6), 0.3):
            return


def lay_table(
    plan: Plan, piece: pieces.Piece, margin: float, share: float, things: tuple[int, int], reach: float
) -> bool:
    """A table in the room with chairs at a share of its places and things within `reach` of its middle, if it fits."""
    m, spot = plan.maker, plan.centre(piece, margin)
    if spot is None:
        return False
    chairs_at(plan, spot, piece, share)
    for _ in range(int(m.rng.integers(*things))):
        dx, dy = m.rng.uniform(-reach, reach, 2)
        plan.parts.append(clutter.thing(m, 0.35).placed(spot[0] + dx, spot[1] + dy, piece.height))
    return True


def lounge(plan: Plan) -> None:
    """Sofas round a low table on a rug, shelves, a television."""
    m = plan.maker
    sofa = pieces.sofa(m, int(m.rng.integers(2, 4)))
    at = plan.place(sofa, front=1.2)
    if at is not None:
        wall, spot = at
        low = pieces.table(m, (m.between(0.45, 0.7), m.between(0.7, 1.2)), m.between(0.35, 0.48))
        out = sofa.depth + m.between(0.35, 0.6)
        if plan.take(plan.rect(wall, spot, low.width, low.depth, out)):
            meshes = [low.mesh]
            for _ in range(2):
                meshes.append(clutter.thing(m, 0.25).placed(low.depth / 2, m.between(-0.25, 0.25), low.height))
            plan.put(merge(meshes), wall, spot, out=out)
        opposite = (wall + 2) % 4
        if m.rng.random() < 0.7:
            plan.place(storage.cupboard(m, m.between(1.1, 1.8), 0.5), opposite)
            if m.rng.random() < 0.8:
                plan.hang(clutter.television(m), 1.3, 0.8, (1.1, 1.4), opposite)
        if m.rng.random() < 0.7:
            plan.put(rug(m, (m.between(1.4, 2.2), m.between(2.0, 3.2))), wall, spot, out=sofa.depth + 0.5)
    several(plan, 2, lambda m: pieces.sofa(m, 1), front=0.5)
    several(plan, 3, storage.shelf, storage.cupboard)
    if m.rng.random() < 0.4:
        dining(plan)


def bedroom(plan: Plan) -> None:
    """A bed or two with bedside tables, wardrobes, a chair."""
    m = plan.maker
    for _ in range(1 + int(m.rng.random() < 0.2)):
        bed = pieces.bed(m)
        at = plan.place(bed, front=0.5, tries=24)
        if at is not None:
            wall, spot = at
            for side in (-1, 1):
                table = storage.bedside(m)
                plan.place(table, wall, spot + side * (bed.width + table.width) / 2 + side * 0.06, front=0.1, tries=1)
            if m.rng.random() < 0.5:
                plan.put(rug(m, (m.between(1.2, 2.0), m.between(1.6, 2.8))), wall, spot, out=1.4)
    several(plan, 3, lambda m: storage.cupboard(m, height=m.between(1.9, 2.2)), storage.cupboard)
    several(plan, 2, storage.desk, storage.shelf, pieces.chair, lambda m: pieces.sofa(m, 1))


def kitchen(plan: Plan) -> None:
    """Worktops along one or two walls, a fridge, a stove, often a table."""
    m = plan.maker
    walls = m.rng.permutation(4)[: 1 + int(m.rng.random() < 0.5)]
    for wall in walls:
        length = plan.room.length(int(wall))
        for width in (length - 1.3, 0.7 * length, 0.5 * length, 1.2):
            if width > 0.6 and plan.place(storage.counter(m, min(width, 4.0)), int(wall), front=0.5, tries=6):
                break
        plan.place(storage.stove(m) if m.rng.random() < 0.6 else storage.fridge(m), int(wall), front=0.4)
    plan.place(storage.fridge(m), front=0.4)
    dining(plan)
    several(plan, 1, storage.shelf, storage.cupboard)


def office(plan: Plan) -> None:
    """Desks with swivel chairs, shelves, cabinets."""
    m = plan.maker
    for _ in range(int(m.rng.integers(1, 5))):
        desk = storage.desk(m)
        at = plan.place(desk, front=0.75)
        if at is not None:
            seat = pieces.office_chair(m)
            out = desk.depth + m.between(-0.15, 0.35)
            turned = seat.mesh.placed(0.55, 0, 0, np.pi)
            shift = m.between(-0.3, 0.3)
            plan.put(turned, at[0], at[1] + shift, out=out, turn=m.between(-0.5, 0.5))
    several(plan, 4, storage.shelf, lambda m: storage.cupboard(m, height=m.between(1.0, 2.0)))
    if min(plan.room.x, plan.room.y) > 4 and m.rng.random() < 0.6:
        dining(plan, 0.7)


def corridor(plan: Plan) -> None:
    """Little: a cupboard, a bench, a runner."""
    m = plan.maker
    several(plan, 3, lambda m: storage.cupboard(m, m.between(0.6, 1.2)), storage.shelf, pieces.chair)
    if m.rng.random() < 0.5:
        long_x = plan.room.x > plan.room.y
        carpet = rug(m, (m.between(0.7, 1.0), 0.7 * max(plan.room.x, plan.room.y)))
        plan.parts.append(carpet.placed(plan.room.x / 2, plan.room.y / 2, 0.0, np.pi / 2 if long_x else 0.0))


def dining_room(plan: Plan) -> None:
    """A large table, a sideboard, a shelf."""
    m = plan.maker
    lay_table(plan, pieces.table(m, (m.between(0.85, 1.1), m.between(1.5, 2.4))), 0.6, 0.95, (1, 7), 0.35)
    several(plan, 4, storage.cupboard, storage.shelf, pieces.chair)


def study(plan: Plan) -> None:
    """A desk among shelves of books, an armchair."""
    several(plan, 5, lambda m: storage.shelf(m, m.between(0.9, 1.6), m.between(1.8, 2.3)))
    office(plan)
    several(plan, 1, lambda m: pieces.sofa(m, 1), front=0.4)


def store(plan: Plan) -> None:
    """A store room: shelves, cartons, whatever was left."""
    several(plan, 5, storage.shelf, storage.cupboard)
    for _ in range(int(plan.maker.rng.integers(4, 14))):
        plan.stand(clutter.carton, 0.3, 0.28)
    several(plan, 2, pieces.chair, pieces.stool, pieces.table)


def several(plan: Plan, most: int, *makers: Callable[[RoomMaker], pieces.Piece], front: float = 0.3) -> None:
    """Up to `most` pieces, each by one of the makers, along the walls."""
    m = plan.maker
    for _ in range(int(m.rng.integers(1, most + 1))):
        plan.place(makers[int(m.rng.integers(len(makers)))](m), front=front)


KINDS: tuple[RoomKind, ...] = (
    RoomKind("living", ((3.2, 5.0), (4.0, 8.0)), ("planks", "planks", "carpet", "tiles"), lounge, 3),
    RoomKind("bedroom", ((2.6, 4.2), (3.2, 5.5)), ("planks", "carpet", "carpet"), bedroom),
    RoomKind("kitchen", ((2.2, 3.8), (3.0, 5.5)), ("tiles", "checker", "planks"), kitchen),
    RoomKind("office", ((2.6, 6.0), (3.5, 9.0)), ("carpet", "tiles", "planks"), office, 3, "panels"),
    RoomKind("corridor", ((1.3, 2.2), (5.0, 11.0)), ("planks", "tiles", "carpet", "checker"), corridor, 1),
    RoomKind("dining", ((3.0, 4.5), (3.5, 6.5)), ("planks", "planks", "checker"), dining_room),
    RoomKind("study", ((2.4, 3.6), (3.0, 5.0)), ("planks", "carpet"), study),
    RoomKind("store", ((1.8, 3.5), (2.4, 6.0)), ("tiles", "planks", "carpet"), store, 1),
)
