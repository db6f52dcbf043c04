"""Shelves, cupboards, kitchens and machines."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.indoors.clutter import books, thing
from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.indoors.pieces import Piece, legs
from depthrepro.worlds.meshes import Mesh, blob, box, merge, tube


def shelf(m: RoomMaker, width: float | None = None, height: float | None = None) -> Piece:
    """An open shelf with books and things."""
    w = m.between(0.6, 1.6) if width is None else width
    h = m.between(0.9, 2.2) if height is None else height
    d = m.between(0.25, 0.4)
    body = m.body()
    back = m.smooth(m.tone * 0.6)
    t = 0.025
    parts = [box((0, -w / 2, 0), (d, -w / 2 + t, h), body), box((0, w / 2 - t, 0), (d, w / 2, h), body)]
    if m.rng.random() < 0.7:
        parts.append(box((0, -w / 2, 0), (0.01, w / 2, h), back))
    boards = np.linspace(0.06, h - t, max(3, round(h / m.between(0.3, 0.42))))
    parts += [box((0, -w / 2, z), (d, w / 2, z + t), body) for z in boards]
    for z, up in zip(boards[:-1] + t, np.diff(boards) - t, strict=True):
        draw = m.rng.random()
        if draw < 0.6:
            parts.append(books(m, w - 2 * t - 0.02, min(d - 0.03, 0.26), float(up)).placed(0.02, 0, float(z)))
        elif draw < 0.9:
            for y in m.rng.uniform(-w / 2 + 0.12, w / 2 - 0.12, int(m.rng.integers(1, 4))):
                parts.append(thing(m, float(up) - 0.02).placed(d / 2, float(y), float(z)))
    return Piece(merge(parts), w, d, h)


def fronts(
    width: float, z: tuple[float, float], x: float, columns: int, rows: int, material: int, knob: int
) -> list[Mesh]:
    """Doors or drawers with gaps and handles on the plane `x`."""
    parts = []
    y, zz = np.linspace(-width / 2, width / 2, columns + 1), np.linspace(*z, rows + 1)
    for i in range(columns):
        for j in range(rows):
            a, b, c, e = y[i] + 0.006, y[i + 1] - 0.006, zz[j] + 0.006, zz[j + 1] - 0.006
            parts.append(box((x, a, c), (x + 0.018, b, e), material))
            if e - c > 0.45:
                side = a + 0.05 if i % 2 else b - 0.05
                low, high = (side - 0.01, (c + e) / 2 - 0.08), (side + 0.01, (c + e) / 2 + 0.08)
                parts.append(box((x + 0.018, *low), (x + 0.045, *high), knob))
            else:
                low, high = ((a + b) / 2 - 0.07, e - 0.06), ((a + b) / 2 + 0.07, e - 0.04)
                parts.append(box((x + 0.018, *low), (x + 0.04, *high), knob))
    return parts


def cupboard(m: RoomMaker, width: float | None = None, height: float | None = None, top: bool = True) -> Piece:
    """A chest of drawers, a sideboard or a wardrobe, by its height, with things on a low one."""
    if height is None:
        height = float(m.rng.choice((m.between(0.45, 0.6), m.between(0.75, 1.2), m.between(1.8, 2.3))))
    w = m.between(0.5, 1.8) if width is None else width
    d = m.between(0.35, 0.6)
    body, knob = m.body(), m.metal()
    parts = [
        box((0, -w / 2, 0.06), (d, w / 2, height), body),
        box((0.02, -w / 2 + 0.02, 0), (d - 0.04, w / 2 - 0.02, 0.07), knob),
    ]
    columns = max(1, round(w / m.between(0.4, 0.7)))
    rows = 1 if height > 1.5 or m.rng.random() < 0.4 else max(2, round(height / 0.27))
    parts += fronts(w, (0.07, height - 0.03), d, columns, rows, body, knob)
    if height < 1.4 and top:
        for y in m.rng.uniform(-w / 2 + 0.1, w / 2 - 0.1, int(m.rng.integers(0, 4))):
            parts.append(thing(m, 0.5).placed(d / 2, float(y), height))
    return Piece(merge(parts), w, d + 0.03, height)


def counter(m: RoomMaker, width: float) -> Piece:
    """A kitchen's worktop with cupboards below and above, a sink or a stove."""
    d, h = 0.6, 0.9
    front, steel, top = m.body(), m.metal(), m.smooth(m.rng.uniform(0.06, 0.6) * np.ones(3), 0.3)
    parts = [box((0, -width / 2, 0.1), (d - 0.03, width / 2, h - 0.04), front)]
    parts.append(box((0, -width / 2, 0), (d - 0.1, width / 2, 0.1), m.smooth((0.08, 0.08, 0.08))))
    parts.append(box((0, -width / 2, h - 0.04), (d, width / 2, h), top))
    n = max(1, round(width / 0.55))
    parts += fronts(width, (0.1, h - 0.05), d - 0.03, n, 1 + int(m.rng.random() < 0.4), front, steel)
    splash = m.smooth(m.rng.uniform(0.35, 0.75) * np.ones(3))
    parts.append(box((0, -width / 2, h), (0.012, width / 2, h + 0.5), splash))
    if m.rng.random() < 0.8:
        h0, h1 = 1.42, m.between(2.0, 2.25)
        for a in range(n):
            if m.rng.random() < 0.8:
                y = -width / 2 + (a + 0.5) * width / n
                cell = [box((0, -width / n / 2, h0), (0.33, width / n / 2, h1), front)]
                cell += fronts(width / n, (h0, h1), 0.33, 1, 1, front, steel)
                parts.append(merge(cell).placed(0, y, 0))
    spots = m.rng.permutation(n)
    y = -width / 2 + (spots[0] + 0.5) * width / n
    dark = m.smooth((0.04, 0.04, 0.045))
    parts.append(box((0.1, y - 0.22, h), (0.5, y + 0.22, h + 0.006), dark))
    parts.append(tube((0.06, y, h), (0.06, y, h + 0.25), (0.015, 0.015), steel))
    parts.append(tube((0.06, y, h + 0.25), (0.22, y, h + 0.22), (0.012, 0.012), steel))
    for spot in spots[1:]:
        y = -width / 2 + (spot + m.between(0.3, 0.7)) * width / n
        parts.append(thing(m, 0.4).placed(0.3, float(y), h))
    return Piece(merge(parts), width, d, 2.2)


def fridge(m: RoomMaker) -> Piece:
    """A fridge or a tall oven cabinet."""
    color = (0.72, 0.72, 0.71) if m.rng.random() < 0.6 else (0.3, 0.3, 0.31)
    body, knob = m.smooth(color), m.metal()
    w, d, h = m.between(0.55, 0.75), 0.62, m.between(1.4, 1.95)
    cut = h * m.between(0.3, 0.7)
    parts = [box((0, -w / 2, 0.03), (d - 0.04, w / 2, h), body)]
    for z0, z1 in ((0.05, cut), (cut + 0.012, h)):
        parts.append(box((d - 0.04, -w / 2, z0), (d, w / 2, z1), body))
        parts.append(box((d, w / 2 - 0.07, z0 + 0.3 * (z1 - z0)), (d + 0.04, w / 2 - 0.04, z0 + 0.7 * (z1 - z0)), knob))
    return Piece(merge(parts), w, d, h)


def stove(m: RoomMaker) -> Piece:
    """A stove with an oven door, and a hood above."""
    body, dark, steel = m.smooth((0.6, 0.6, 0.6)), m.smooth((0.03, 0.03, 0.03)), m.metal()
    parts = [box((0, -0.3, 0), (0.58, 0.3, 0.9), body), box((0.58, -0.26, 0.2), (0.6, 0.26, 0.68), dark)]
    parts.append(tube((0.62, -0.24, 0.73), (0.62, 0.24, 0.73), (0.012, 0.012), steel))
    parts += [tube((x, y, 0.9), (x, y, 0.915), (0.09, 0.09), dark, 12) for x in (0.17, 0.43) for y in (-0.15, 0.15)]
    if m.rng.random() < 0.6:
        parts.append(tube((0.17, 0.15, 0.915), (0.17, 0.15, 1.05), (0.11, 0.11), steel, 14))
    parts.append(box((0, -0.3, 1.6), (0.45, 0.3, 1.68), steel))
    parts.append(box((0, -0.14, 1.68), (0.28, 0.14, 2.4), steel))
    return Piece(merge(parts), 0.6, 0.62, 2.2)


def desk(m: RoomMaker) -> Piece:
    """A desk with a screen, a keyboard, papers and drawers."""
    d, w, h = m.between(0.6, 0.8), m.between(1.1, 1.8), 0.74
    top, dark = m.body(), m.smooth((0.03, 0.03, 0.035))
    parts = legs((0.05, d - 0.05), (-w / 2 + 0.05, w / 2 - 0.05), h, 0.045, m.metal())
    parts.append(box((0, -w / 2, h - 0.03), (d, w / 2, h), top))
    side = float(m.rng.choice((-1, 1)))
    drawers = [box((0.02, -0.2, 0.04), (d - 0.08, 0.2, h - 0.06), top)]
    drawers += fronts(0.4, (0.05, h - 0.07), d - 0.08, 1, 3, top, m.metal())
    parts.append(merge(drawers).placed(0, side * (w / 2 - 0.28), 0))
    for k in range(int(m.rng.integers(1, 3))):
        y = (k - 0.3) * 0.6 * -side
        glow = m.add((0.05, 0.08, 0.12), (0.5, 0.55, 0.6), stain=1.0, grain=0.2, size=0.25, glow=0.5)
        screen = glow if m.rng.random() < 0.6 else dark
        parts.append(box((0.18, y - 0.27, h + 0.12), (0.21, y + 0.27, h + 0.46), dark))
        parts.append(box((0.21, y - 0.255, h + 0.135), (0.213, y + 0.255, h + 0.445), screen))
        parts.append(tube((0.18, y, h), (0.18, y, h + 0.2), (0.025, 0.02), dark))
        parts.append(box((0.1, y - 0.12, h), (0.28, y + 0.12, h + 0.012), dark))
    parts.append(box((d - 0.28, -0.2, h), (d - 0.14, 0.22, h + 0.018), dark))
    for _ in range(int(m.rng.integers(1, 5))):
        parts.append(thing(m, 0.3).placed(m.between(0.1, d - 0.1), m.between(-w / 2 + 0.1, w / 2 - 0.1), h))
    return Piece(merge(parts), w, d, h + 0.4)


def bedside(m: RoomMaker) -> Piece:
    """A bedside table with a lamp."""
    base = cupboard(m, m.between(0.38, 0.5), m.between(0.45, 0.6), top=False)
    shade = m.add((0.7, 0.6, 0.42), (0.8, 0.7, 0.5), stain=0.3, grain=0.3, glow=0.6)
    x, z = base.depth / 2, base.height
    lamp = [
        tube((x, 0, z), (x, 0, z + 0.2), (0.06, 0.02), m.any_color(), 10),
        tube((x, 0, z + 0.2), (x, 0, z + 0.38), (0.13, 0.09), shade, 16),
    ]
    return Piece(merge([base.mesh, *lamp]), base.width, base.depth, base.height + 0.4)


def plant(m: RoomMaker) -> Mesh:
    """A pot plant."""
    pot = m.any_color(0.1, 0.6)
    leaf = m.add((0.02, 0.05, 0.01), (0.14, 0.24, 0.06), stain=0.8, grain=0.6, size=0.1)
    r, h = m.between(0.12, 0.22), m.between(0.5, 1.5)
    parts = [tube((r, 0, 0), (r, 0, 1.6 * r), (0.75 * r, r), pot, 12)]
    for _ in range(int(m.rng.integers(7, 14))):
        a, lean = m.between(0, 2 * np.pi), m.between(0.1, 0.5)
        tip = np.array((r + lean * np.cos(a), lean * np.sin(a), m.between(0.5, 1.0) * h))
        parts.append(tube((r, 0, 1.5 * r), tip, (0.008, 0.005), leaf, 4))
        parts.append(blob(tip, m.rng.uniform((0.06, 0.06, 0.03), (0.17, 0.17, 0.09)), leaf, m.rng, bump=0.25))
    return merge(parts)
