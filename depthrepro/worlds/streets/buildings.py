"""Houses, blocks and halls: walls with windows, doors and shops, under flat or pitched roofs."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.meshes import Mesh, box, extrude, merge, quads, tube


class Trim:
    """The materials that a building's openings share."""

    def __init__(self, m: Maker) -> None:
        white = m.rng.random() < 0.65
        self.frame = m.plain((0.68, 0.67, 0.64) if white else (0.16, 0.11, 0.07), 0.2)
        self.glass = m.add((0.02, 0.024, 0.03), (0.15, 0.17, 0.19), stain=0.7, grain=0.5, size=1.6, glass=True)
        self.door = m.plain(m.rng.uniform(0.03, 0.3, 3), 0.3, size=(0.2, 0.2, 1.2))
        self.sill = m.plain((0.42, 0.40, 0.37), 0.25)


def wall_material(m: Maker) -> int:
    """Plaster, brick or concrete."""
    if m.rng.random() < 0.4:
        color = m.color("brick") * m.between(0.7, 1.4)
        return m.plain(color, 0.38, stain=0.5, grain=0.65, size=(0.35, 0.35, 0.12))
    color = m.color("plaster") * m.between(0.7, 1.15)
    return m.plain(color, 0.24, stain=0.8, grain=0.7, size=(2.5, 2.5, 4.0))


def roof_material(m: Maker) -> int:
    """Tiles or slates in rows."""
    color = m.color("roof") * m.between(0.8, 1.3)
    return m.plain(color, 0.45, stain=0.8, size=(0.8, 0.8, 0.25))


def _openings(centers: np.ndarray, size: tuple[float, float], trim: Trim) -> list[Mesh]:
    """Windows of a size (width, height) at (N, 2) points (y, z) of a wall in the plane x = 0 that looks to -x."""
    if not len(centers):
        return []
    w, h = size

    def panel(x: float, y0: float, y1: float, z0: float, z1: float) -> np.ndarray:
        corners = np.array([[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]])
        offset = np.concatenate([np.zeros((len(centers), 1)), centers], axis=1)
        return corners[None] + offset[:, None, :]

    frame = quads(panel(-0.03, -w / 2 - 0.09, w / 2 + 0.09, -h / 2 - 0.07, h / 2 + 0.09), trim.frame)
    left = quads(panel(-0.045, -w / 2, -0.035, -h / 2, h / 2), trim.glass)
    right = quads(panel(-0.045, 0.035, w / 2, -h / 2, h / 2), trim.glass)
    front = panel(-0.16, -w / 2 - 0.14, w / 2 + 0.14, -h / 2 - 0.14, -h / 2 - 0.05)
    top, bottom = front[:, [3, 2, 2, 3]], front[:, [0, 1, 1, 0]]
    top[:, 2:, 0] = bottom[:, 2:, 0] = 0.0
    return [frame, left, right, quads(np.concatenate([front, top, bottom]), trim.sill)]


def _facade(width: float, storeys: int, storey: float, trim: Trim, m: Maker, shop: bool) -> list[Mesh]:
    """Windows, doors and shop fronts of one wall in the plane x = 0, its foot centred at the origin."""
    bays = max(1, int(width / m.between(2.2, 3.4)))
    ys = (np.arange(bays) + 0.5) * (width / bays) - width / 2
    size = (min(m.between(0.9, 1.35), 0.7 * width / bays), min(m.between(1.2, 1.7), 0.62 * storey))
    centers = np.array([(y, (k + 0.54) * storey) for k in range(int(shop), storeys) for y in ys]).reshape(-1, 2)
    door = int(m.rng.integers(bays))
    parts = []
    if shop:
        fronts = np.array([(y, 0.46 * storey) for i, y in enumerate(ys) if i != door]).reshape(-1, 2)
        parts += _openings(fronts, (0.82 * width / bays, 0.66 * storey), trim)
        parts.append(box((-0.35, -width / 2 + 0.1, 0.86 * storey), (0, width / 2 - 0.1, 1.0 * storey), trim.door))
    else:
        centers = np.delete(centers, door, axis=0)
    parts += _openings(centers, size, trim)
    y = ys[door]
    parts.append(box((-0.05, y - 0.6, -0.5), (0, y + 0.6, 2.3), trim.frame))
    parts.append(box((-0.07, y - 0.5, -0.5), (0, y + 0.5, 2.15), trim.door))
    parts.append(box((-0.9, y - 0.8, -0.6), (0, y + 0.8, 0.12), trim.sill))
    if storeys > 2 and m.rng.random() < 0.35:
        for k in range(1, storeys):
            y, z = ys[(door + 1) % bays], k * storey
            parts.append(box((-1.1, y - 1.2, z - 0.12), (0, y + 1.2, z), trim.sill))
            parts.append(box((-1.1, y - 1.2, z), (-1.03, y + 1.2, z + 0.95), trim.frame))
    return parts


def _pitched_roof(width: float, depth: float, eaves: float, rise: float, tiles: int, gable: int) -> list[Mesh]:
    """A gable roof with its ridge along y over x in [0, depth], with an overhang."""
    over = 0.45
    drop = rise * over / (depth / 2)
    x = np.array([-over, depth / 2, depth + over])
    z = np.array([eaves - drop, eaves + rise, eaves - drop])
    half = width / 2 + 0.25
    slopes = [[[x[i], -half, z[i]], [x[i], half, z[i]], [x[1], half, z[1]], [x[1], -half, z[1]]] for i in (0, 2)]
    thick = np.array(slopes)
    thick[:, :, 2] += 0.16
    profile = np.array([[0, eaves - 0.02], [depth, eaves - 0.02], [depth / 2, eaves + rise - 0.02]])
    edge = box((-over - 0.05, -half, z[0] - 0.02), (-over + 0.08, half, z[0] + 0.14), gable)
    return [quads(np.array(slopes), tiles), quads(thick, tiles), extrude(profile, width / 2, gable), edge]


def building(m: Maker, width: float, depth: float, storeys: int, kind: str, sides: bool = True) -> Mesh:
    """A building whose front wall stands on x = 0 and looks to -x; it reaches back to x = depth.

    Args:
        m: Source of materials and choices.
        width: Extent along y in metres.
        depth: Extent along x in metres.
        storeys: Number of floors, >= 1.
        kind: "house" (pitched roof), "block" (flat or pitched, shops) or "hall" (flat, few windows).
        sides: Whether the side walls have windows too; in a closed row they have none.
    """
    stone, tiles, trim = wall_material(m), roof_material(m), Trim(m)
    storey = m.between(2.7, 3.3) if kind != "hall" else m.between(4.0, 6.0)
    top = storeys * storey + (0.3 if kind == "house" else 0.6)
    parts = [box((0, -width / 2, -2.5), (depth, width / 2, top), stone)]
    if m.rng.random() < 0.6:
        parts.append(box((-0.06, -width / 2 - 0.06, -2.5), (depth, width / 2 + 0.06, 0.55), trim.sill))
    shop = kind == "block" and m.rng.random() < 0.45
    parts += _facade(width, storeys, storey, trim, m, shop)
    for side in (-1, 1) if sides else ():  # the gable ends: the same kind of wall, turned outwards
        ends = _facade(depth, storeys, storey, trim, m, shop=False)
        parts += [part.placed(depth / 2, side * width / 2, 0, -side * np.pi / 2) for part in ends]
    if kind == "house" or (kind == "block" and m.rng.random() < 0.5):
        parts += _pitched_roof(width, depth, top, depth * m.between(0.28, 0.48), tiles, stone)
        y = m.between(-0.35, 0.35) * width
        peak = top + 0.3 * depth
        parts.append(box((depth * 0.6, y - 0.4, top), (depth * 0.6 + 0.7, y + 0.4, peak + 1.0), stone))
    else:
        parts.append(box((-0.2, -width / 2 - 0.15, top), (depth + 0.2, width / 2 + 0.15, top + 0.35), trim.sill))
    parts.append(tube((-0.08, width / 2 - 0.2, -0.3), (-0.08, width / 2 - 0.2, top), (0.05, 0.05), trim.frame, 5))
    return merge(parts)
