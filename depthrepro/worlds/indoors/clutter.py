"""Small things: books, vessels, boxes, pictures, lamps, curtains, radiators."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.meshes import Mesh, blob, box, grid, merge, quads, tube


def books(m: RoomMaker, width: float, depth: float, room: float) -> Mesh:
    """A row of books along y, centred, standing on z = 0 at x >= 0, lower than `room`."""
    shades = [m.any_color() for _ in range(6)]
    parts, y = [], -width / 2
    end = width / 2 - m.between(0, 0.5) * width
    tall = min(room - 0.02, 0.32)
    while y < end - 0.06:
        t = m.between(0.015, 0.055)
        if m.rng.random() < 0.06:
            y += m.between(0.03, 0.15)
        h = tall * m.between(0.65, 1.0)
        parts.append(box((0.0, y, 0), (depth * m.between(0.75, 1.0), y + t * 0.94, h), shades[m.rng.integers(6)]))
        y += t
    return merge(parts) if parts else thing(m, room)


def thing(m: RoomMaker, room: float) -> Mesh:
    """A small thing that stands at the origin and is lower than `room`."""
    kind, color = int(m.rng.integers(6)), m.any_color()
    h = min(room, m.between(0.08, 0.35))
    if kind == 0:  # a box
        a, b = m.between(0.04, 0.14), m.between(0.04, 0.16)
        return box((-a, -b, 0), (a, b, 0.7 * h), color).placed(0, 0, 0, m.between(-0.5, 0.5))
    if kind == 1:  # a bottle
        r = m.between(0.025, 0.05)
        neck = tube((0, 0, 0.6 * h), (0, 0, h), (r, 0.3 * r), color, 10)
        return merge([tube((0, 0, 0), (0, 0, 0.65 * h), (r, r), color, 10), neck])
    if kind == 2:  # a bowl or a vase
        r = m.between(0.05, 0.12)
        return tube((0, 0, 0), (0, 0, 0.5 * h), (0.5 * r, r), color, 14)
    if kind == 3:  # a ball, a fruit, a toy
        r = min(0.09, h / 2)
        return blob((0, 0, r), (r, r, r), color, subdivisions=2)
    if kind == 4:  # lying books
        parts, z = [], 0.0
        for _ in range(int(m.rng.integers(1, 5))):
            t = m.between(0.015, 0.04)
            book = box((-0.09, -0.13, z), (0.09, 0.13, z + t), m.any_color())
            parts.append(book.placed(0, 0, 0, m.between(-0.4, 0.4)))
            z += t
            if z > room - 0.05:
                break
        return merge(parts)
    r = m.between(0.03, 0.06)  # a mug
    return tube((0, 0, 0), (0, 0, min(h, 0.11)), (r, r), color, 12)


def picture(m: RoomMaker) -> Mesh:
    """A framed picture on the plane x = 0, centred at the origin: fields of colour."""
    w, h = m.between(0.25, 1.1), m.between(0.25, 0.9)
    frame = m.smooth(m.rng.choice((0.03, 0.3, 0.7)) * np.ones(3))
    colors = np.array([m.cloth(m.hue(m.between(0.03, 0.6)), 0.4) for _ in range(4)])
    n, k = int(m.rng.integers(2, 7)), int(m.rng.integers(2, 7))
    y, z = np.meshgrid(np.linspace(-w / 2, w / 2, n + 1), np.linspace(-h / 2, h / 2, k + 1), indexing="ij")
    ordered = m.rng.random() < 0.5
    cells = m.rng.integers(len(colors), size=(n, k))
    cells = np.sort(cells, axis=1) if ordered else cells
    canvas = grid(np.stack([np.full_like(y, 0.022), y, z], axis=2), colors[cells])
    return merge([box((0, -w / 2 - 0.03, -h / 2 - 0.03), (0.02, w / 2 + 0.03, h / 2 + 0.03), frame), canvas])


def television(m: RoomMaker) -> Mesh:
    """A flat screen on the plane x = 0, centred at the origin."""
    w = m.between(0.7, 1.4)
    dark = m.smooth((0.02, 0.02, 0.024), 0.3)
    return box((0.02, -w / 2, -0.28 * w), (0.06, w / 2, 0.28 * w), dark)


def curtains(m: RoomMaker, width: float, height: float, drawn: float) -> Mesh:
    """A pair of curtains with folds, hung along y, from z = 0 down to -height; `drawn` = 1 closes them."""
    color = m.cloth(m.fabrics[int(m.rng.integers(2))])
    rod = m.metal()
    parts = [tube((0.08, -width / 2 - 0.15, 0.02), (0.08, width / 2 + 0.15, 0.02), (0.015, 0.015), rod)]
    for side in (-1, 1):
        span = (0.18 + 0.34 * drawn) * width
        y = np.linspace(0, span, 33)
        fold = 0.07 + 0.035 * np.sin(2 * np.pi * y / m.between(0.09, 0.14))
        yy = side * (width / 2 + 0.1 - y)
        points = np.stack([np.stack([fold, yy, np.full_like(y, z)], axis=1) for z in (0.0, -height)])
        parts.append(grid(points, color))
    return merge(parts)


def blind(m: RoomMaker, width: float, height: float) -> Mesh:
    """A blind of slats along y, from z = 0 down to -height."""
    y0, y1 = -width / 2, width / 2
    slat = np.array([[0.01, y0, 0], [0.01, y1, 0], [0.035, y1, -0.03], [0.035, y0, -0.03]])
    drop = np.arange(0, height, 0.05)[:, None, None] * (0, 0, 1)
    return quads(slat - drop, m.smooth((0.65, 0.64, 0.6)))


def radiator(m: RoomMaker, width: float) -> Mesh:
    """A ribbed radiator on the plane x = 0, centred, standing over z = 0."""
    color = m.smooth((0.68, 0.67, 0.65))
    ribs = [box((0.05, y, 0.12), (0.12, y + 0.035, 0.65), color) for y in np.arange(-width / 2, width / 2, 0.05)]
    return merge([box((0.03, -width / 2, 0.15), (0.08, width / 2, 0.62), color), *ribs])


def pendant(m: RoomMaker, drop: float) -> Mesh:
    """A hanging lamp: its shade ends `drop` below the origin."""
    cord = m.smooth((0.03, 0.03, 0.03))
    r = m.between(0.12, 0.28)
    tone = np.array((0.8, 0.72, 0.55)) * m.between(0.6, 1.0)
    shade = m.add(tone, tone, stain=0.2, grain=0.2, glow=1.5)
    shape = tube((0, 0, -drop), (0, 0, -drop + r), (r, 0.35 * r), shade, 16)
    if m.rng.random() < 0.4:
        shape = blob((0, 0, -drop + r * 0.6), (r * 0.6, r * 0.6, r * 0.6), shade, subdivisions=2)
    return merge([tube((0, 0, 0), (0, 0, -drop + 0.5 * r), (0.008, 0.008), cord, 4), shape])


def panel_light(m: RoomMaker) -> Mesh:
    """A flat square light under the ceiling at the origin."""
    glow = m.add((0.85, 0.85, 0.82), (0.9, 0.9, 0.88), stain=0.1, grain=0.1, glow=2.5)
    return box((-0.3, -0.3, -0.03), (0.3, 0.3, 0), glow)


def floor_lamp(m: RoomMaker) -> Mesh:
    """A standing lamp at the origin."""
    post = m.metal()
    h = m.between(1.3, 1.7)
    glow = m.add((0.8, 0.7, 0.5), (0.85, 0.75, 0.55), stain=0.2, grain=0.2, glow=1.2)
    return merge(
        [
            tube((0, 0, 0), (0, 0, 0.03), (0.14, 0.14), post, 14),
            tube((0, 0, 0), (0, 0, h), (0.012, 0.012), post, 6),
            tube((0, 0, h - 0.1), (0, 0, h + 0.18), (0.2, 0.13), glow, 18),
        ]
    )


def carton(m: RoomMaker) -> Mesh:
    """A cardboard box, a basket or a bag on the floor."""
    a, b, h = m.rng.uniform((0.15, 0.15, 0.15), (0.3, 0.35, 0.5))
    brown = m.rng.random() < 0.6
    color = m.cloth(np.array((0.38, 0.26, 0.15)) * m.between(0.7, 1.3)) if brown else m.any_color()
    return box((-a, -b, 0), (a, b, h), color)
