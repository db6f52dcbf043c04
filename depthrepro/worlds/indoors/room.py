"""A room as a scene: its shell, what is put into it, and its light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.indoors import clutter
from depthrepro.worlds.indoors.finish import RoomMaker, floor
from depthrepro.worlds.indoors.kinds import RoomKind
from depthrepro.worlds.indoors.lighting import RoomLight
from depthrepro.worlds.indoors.plan import Plan
from depthrepro.worlds.indoors.shell import WALLS, Box, Opening, shell
from depthrepro.worlds.indoors.storage import plant
from depthrepro.worlds.meshes import Mesh, merge
from depthrepro.worlds.scene import Scene, direction

Rng = np.random.Generator
_REFLECTED = 0.55  # mean albedo of a room's surfaces


@dataclass(frozen=True)
class Room(Scene):
    """A room with all that stands and hangs in it.

    Attributes:
        extent: Its walls.
    """

    extent: Box


def build_room(rng: Rng, kind: RoomKind) -> Room:
    """Draw a room of a kind with all that stands and hangs in it."""
    short, long = (float(rng.uniform(*side)) for side in kind.sides)
    x, y = (short, long) if rng.random() < 0.5 else (long, short)
    extent = Box(x, y, float(rng.uniform(*kind.height)))
    maker = RoomMaker(rng, bold=rng.random() < 0.25)
    openings = draw_openings(rng, extent, kind)
    plan = Plan(maker, extent, openings)
    laid = str(rng.choice(kind.floors))
    parts = [*shell(maker, extent, openings), floor(maker, (x, y), laid)]
    kind.furnish(plan)
    _decorate(plan)
    lamps, sources = _lamps(maker, extent, kind)
    light = _light(rng, extent, openings, sources)
    return Room(merge([*parts, *plan.parts, *lamps]), maker.table(), light, extent)


def draw_openings(rng: Rng, room: Box, kind: RoomKind) -> list[Opening]:
    """A door or a passage, sometimes two, and windows where there is place."""
    found: list[Opening] = []

    def attempt(width: float, bottom: float, top: float, what: str) -> None:
        for _ in range(12):
            wall = int(rng.integers(WALLS))
            low = rng.uniform(0.2, max(0.3, room.length(wall) - width - 0.2))
            inside = low > 0.25 and low + width < room.length(wall) - 0.25
            apart = all(o.wall != wall or low > o.low + o.width + 0.3 or low + width < o.low - 0.3 for o in found)
            if inside and apart:
                found.append(Opening(wall, low, width, bottom, top, what))
                return

    for _ in range(1 + int(rng.random() < 0.35)):
        width, top = rng.uniform(0.78, 0.95), rng.uniform(1.98, 2.12)
        attempt(width, 0.0, top, str(rng.choice(("door", "passage"))))
    for _ in range(int(rng.integers(0, kind.windows + 1))):
        sill = rng.uniform(0.7, 1.05)
        attempt(rng.uniform(0.8, 2.0), sill, rng.uniform(1.9, room.height - 0.15), "window")
    return found


def _decorate(plan: Plan) -> None:
    """Curtains and radiators at windows, pictures, plants, lamps and cartons that stand about."""
    m, rng = plan.maker, plan.maker.rng
    for window in (o for o in plan.openings if o.kind == "window"):
        height = window.top - window.bottom
        draw = rng.random()
        if draw < 0.4:
            drop = window.top - (0.05 if rng.random() < 0.6 else window.bottom - 0.1)
            cloths = clutter.curtains(m, window.width, drop, m.between(0, 0.7))
            plan.put(cloths, window.wall, window.middle, z=window.top + 0.05)
        elif draw < 0.55:
            blind = clutter.blind(m, window.width, height * m.between(0.2, 1.0))
            plan.put(blind, window.wall, window.middle, z=window.top)
        if rng.random() < 0.5:
            plan.put(clutter.radiator(m, 0.8 * window.width), window.wall, window.middle)
    for _ in range(int(rng.integers(0, 6))):
        plan.hang(clutter.picture(m), 0.6, 0.6, (1.3, 1.75))
    for make in (plant, clutter.floor_lamp, clutter.carton):
        if rng.random() < 0.4:
            plan.stand(make, 0.35, 0.28, turned=False)


Source = tuple[np.ndarray, np.ndarray, np.ndarray]  # point, direction (zero for all round), power


def _lamps(m: RoomMaker, room: Box, kind: RoomKind) -> tuple[list[Mesh], list[Source]]:
    """Lamps that hang from the ceiling, and the light of them."""
    rng = m.rng
    panels = kind.lamp == "panels" or (kind.lamp == "any" and rng.random() < 0.3)
    columns, rows = (max(1, round(side / 2.6)) for side in (room.x, room.y)) if panels else (1, 1)
    drop = 0.06 if panels else m.between(0.3, 0.8)
    warmth = np.array((1.0, 0.94, 0.84)) if panels else np.array((1.0, 0.82, 0.58))
    power = float(np.exp(rng.uniform(np.log(1.2), np.log(4.0)))) * room.x * room.y / (9.0 * columns * rows)
    meshes, sources = [], []
    for i in range(columns):
        for k in range(rows):
            x, y = room.x * (i + 0.5) / columns, room.y * (k + 0.5) / rows
            lamp = clutter.panel_light(m) if panels else clutter.pendant(m, drop)
            meshes.append(lamp.placed(x, y, room.height - 0.001))
            down = np.array((0.0, 0.0, -1.0)) if panels else np.zeros(3)
            sources.append((np.array((x, y, room.height - drop - 0.04)), down, power * warmth))
    return meshes, sources


def _light(rng: Rng, room: Box, openings: list[Opening], lamps: list[Source]) -> RoomLight:
    """Day or night: windows and the sun, lamps on or off, and what the walls return."""
    windows = [o for o in openings if o.kind == "window"]
    day = bool(windows) and rng.random() < 0.75
    sources = list(lamps) if not day or rng.random() < 0.5 else []
    blue = np.array((0.85, 0.95, 1.1)) * rng.uniform(1.0, 3.0) if day else np.array((0.01, 0.012, 0.02))
    for window in windows if day else ():
        x, y, _ = room.spot(window.wall, window.middle, out=0.06)
        middle = np.array((x, y, (window.bottom + window.top) / 2))
        inward = np.array(((1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0))[window.wall], dtype=float)
        area = window.width * (window.top - window.bottom)
        sources.append((middle, inward, 1.1 * area * blue))
    points, normals, power = (np.array([s[k] for s in sources], dtype=np.float32).reshape(-1, 3) for k in range(3))
    surface = 2 * (room.x * room.y + (room.x + room.y) * room.height)
    height, azimuth = np.radians(rng.uniform(15, 60)), rng.uniform(0, 2 * np.pi)
    # What the walls return: what the sources send out, spread over all surfaces.
    ambient = (2 * np.pi * power.sum(axis=0) * _REFLECTED / (1 - _REFLECTED) / surface).astype(np.float32)
    sunny = day and rng.random() < 0.5
    warmth = rng.uniform(-0.08, 0.08)
    return RoomLight(
        points=points,
        normals=normals,
        power=power,
        sun=direction(height, azimuth),
        sun_color=(np.array((1.0, 0.9, 0.72)) * (rng.uniform(3, 8) if sunny else 0.0)).astype(np.float32),
        ambient=ambient + np.float32(0.01),
        sky=np.array((1.2 * blue, 0.8 * blue), dtype=np.float32),
        tint=np.array((1 + warmth, 1.0, 1 - warmth), dtype=np.float32),
    )
