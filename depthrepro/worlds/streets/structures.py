"""Structures that ordinary streets lack: overpasses, arcades, stalls, rocks; containers, tanks, pylons, heaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.meshes import Mesh, blob, box, merge, tube
from depthrepro.worlds.streets.canvas import Canvas
from depthrepro.worlds.streets.furniture import steel
from depthrepro.worlds.streets.section import KERB_M


def paint(m: Maker) -> int:
    """Any colour that things are painted in, plain or weathered."""
    color = m.between(0.05, 0.6) * m.rng.uniform(0.4, 1.4, 3)
    return m.plain(color, m.between(0.1, 0.5), size=m.between(0.4, 3.0))


def concrete(m: Maker) -> int:
    """Concrete, from fresh to sooty."""
    shade = m.between(0.15, 0.5)
    return m.plain((shade, shade * 0.98, shade * 0.94), 0.35, stain=0.9, size=(3.0, 3.0, 6.0))


def overpass(m: Maker, span: float) -> Mesh:
    """A bridge over the road: deck along y, pillars, railings."""
    material, metal = concrete(m), steel(m)
    height, width, thick = m.between(4.8, 7.5), m.between(4, 12), m.between(0.7, 1.5)
    reach = span + 40.0
    parts = [box((-width / 2, -reach, height), (width / 2, reach, height + thick), material)]
    for x in (-width / 2, width / 2):
        parts.append(box((x - 0.08, -reach, height + thick), (x + 0.08, reach, height + thick + 0.9), metal))
    for side in (-1, 1):
        for y in np.arange(span + 1.2, reach, 14.0):
            parts.append(tube((0, side * y, -1), (0, side * y, height), (0.6, 0.6), material, 10))
    return merge(parts)


def arcade(m: Maker, length: float) -> Mesh:
    """A row of columns with a roof, along x."""
    material, roof = concrete(m), paint(m)
    height, depth = m.between(2.8, 4.5), m.between(2.0, 4.0)
    radius = m.between(0.12, 0.35)
    parts = [box((-length / 2, -0.3, height), (length / 2, depth, height + 0.4), roof)]
    for x in np.arange(-length / 2 + radius, length / 2, m.between(2.2, 4.0)):
        parts.append(tube((x, 0, -0.3), (x, 0, height), (radius, radius * 0.85), material, 10))
    return merge(parts)


def stall(m: Maker) -> Mesh:
    """A market stall facing -y: posts, an awning, crates."""
    wood, cloth = m.plain((0.22, 0.14, 0.07), 0.4), paint(m)
    half, depth = m.between(1.2, 2.2), m.between(1.2, 2.0)
    parts = [box((-half, -0.5, 2.1), (half, depth, 2.2), cloth), box((-half, 0, 0), (half, depth, 0.9), wood)]
    parts += [tube((x, -0.4, 0), (x, -0.4, 2.1), (0.04, 0.04), wood) for x in (-half, half)]
    for x in np.arange(-half + 0.3, half - 0.2, 0.65):
        top = 0.9 + m.between(0.1, 0.35)
        parts.append(box((x - 0.25, 0.1, 0.9), (x + 0.25, 0.7, top), paint(m)))
    return merge(parts)


def billboard(m: Maker) -> Mesh:
    """A large board on posts, facing -x, painted in strips."""
    metal, low = steel(m), m.between(1.5, 4.0)
    half, high = m.between(1.5, 4.0), m.between(1.5, 3.5)
    parts = [tube((0.1, y, -0.4), (0.1, y, low + high), (0.1, 0.1), metal) for y in (-half * 0.7, half * 0.7)]
    cuts = np.sort(m.rng.uniform(-half, half, 3))
    for y0, y1 in zip([-half, *cuts], [*cuts, half], strict=True):
        parts.append(box((-0.1, float(y0), low), (0.02, float(y1), low + high), paint(m)))
    return merge(parts)


def rock(m: Maker) -> Mesh:
    """A boulder, or a few of them."""
    shade = m.between(0.1, 0.4) * (1 + m.rng.normal(0, 0.06, 3))
    material = m.plain(shade, 0.5, stain=0.8, grain=0.9, size=1.0)
    stones = []
    for _ in range(int(m.rng.integers(1, 4))):
        size = float(np.exp(m.rng.uniform(np.log(0.4), np.log(2.5))))
        place = (*m.rng.normal(0, 1.5, 2), size * 0.2)
        radii = size * m.rng.uniform(0.6, 1.2, 3)
        stones.append(blob(place, radii, material, m.rng, bump=0.25, subdivisions=2))
    return merge(stones)


def containers(m: Maker) -> Mesh:
    """Shipping containers, side by side and stacked, along x."""
    parts = []
    for column in range(int(m.rng.integers(1, 4))):
        for level in range(int(m.rng.integers(1, 4))):
            x = 0.6 * float(m.rng.normal())
            low = (x - 3.05, 2.7 * column, 2.6 * level)
            parts.append(box(low, (low[0] + 6.1, low[1] + 2.44, low[2] + 2.59), paint(m)))
    return merge(parts)


def tank(m: Maker) -> Mesh:
    """A storage tank, upright or lying."""
    material, radius = paint(m), m.between(1.0, 5.0)
    if m.rng.random() < 0.6:
        height = m.between(2.5, 9.0)
        body = tube((0, 0, -0.2), (0, 0, height), (radius, radius), material, 20)
        return merge([body, blob((0, 0, height), (radius, radius, 0.25 * radius), material, subdivisions=2)])
    radius = min(radius, 1.6)
    half = m.between(2.0, 5.0)
    body = tube((-half, 0, radius + 0.6), (half, 0, radius + 0.6), (radius, radius), material, 16)
    feet = [box((x - 0.2, -radius * 0.8, 0), (x + 0.2, radius * 0.8, 1.0), concrete(m)) for x in (-1.5, 1.5)]
    return merge([body, *feet])


def pylon(m: Maker) -> Mesh:
    """A lattice mast with arms."""
    metal, height = steel(m), m.between(12, 28)
    foot = height * 0.11
    corners = [(sx, sy) for sx in (-1, 1) for sy in (-1, 1)]
    parts = [tube((x * foot, y * foot, 0), (x * 0.3, y * 0.3, height), (0.12, 0.08), metal, 4) for x, y in corners]
    for level in np.linspace(0.1, 0.9, 7):
        half = foot + (0.3 - foot) * float(level)
        for (x0, y0), (x1, y1) in (((-1, -1), (1, 1)), ((-1, 1), (1, -1)), ((-1, -1), (-1, 1)), ((1, -1), (1, 1))):
            z = height * float(level)
            step = height * 0.1 if x0 != x1 else 0.0
            parts.append(tube((x0 * half, y0 * half, z), (x1 * half, y1 * half, z + step), (0.05, 0.05), metal, 4))
    parts += [tube((0, -4.5, height * z), (0, 4.5, height * z), (0.1, 0.1), metal, 4) for z in (0.75, 0.88)]
    return merge(parts)


def heap(m: Maker) -> Mesh:
    """Gravel, sand, coal or scrap in a pile."""
    material = m.plain(m.color("heap"), 0.5, grain=1.0, size=0.5)
    size = m.between(1.5, 6.0)
    return blob((0, 0, 0), (size, size * 0.8, size * 0.55), material, m.rng, bump=0.12, subdivisions=3)


def crane(m: Maker) -> Mesh:
    """A gantry on two legs across the yard, along y."""
    material, height, half = paint(m), m.between(7, 14), m.between(6, 14)
    beam = box((-0.7, -half - 3, height), (0.7, half + 3, height + 1.4), material)
    legs = [tube((x, y, 0), (0, y, height), (0.35, 0.3), material, 6) for x in (-2.5, 2.5) for y in (-half, half)]
    hook = tube((0, 0, height), (0, 0, height * 0.5), (0.08, 0.08), steel(m), 5)
    return merge([beam, *legs, hook])


def abroad(canvas: Canvas) -> None:
    """Structures of the unlabelled world: overpasses, arcades, stalls, billboards, rocks."""
    rng = canvas.rng
    if rng.random() < 0.35:
        for s in rng.uniform(15, 250, int(rng.integers(1, 3))):
            canvas.put(overpass(canvas, max(canvas.edges(-1)[1], canvas.edges(1)[1])), float(s), 0.0)
    for side in (-1, 1):
        _, plot = canvas.edges(side)
        if rng.random() < 0.3:
            for s in canvas.along(24.0):
                canvas.put(arcade(canvas, 20.0), s, side * (plot + 0.2), 0.0 if side > 0 else np.pi, KERB_M)
        _scatter(canvas, side, (stall, 9.0, 0.5, 3.0), (billboard, 45.0, 1.0, 8.0), (rock, 16.0, 1.0, 14.0))


def yard(canvas: Canvas) -> None:
    """Structures of the held-out world: a works yard or harbour along the way."""
    rng = canvas.rng
    if rng.random() < 0.5:
        for s in rng.uniform(10, 240, 3):
            canvas.put(crane(canvas), float(s), canvas.between(-14, 14))
    for side in (-1, 1):
        _scatter(canvas, side, (containers, 9, 1, 16), (tank, 26, 5.5, 24), (pylon, 60, 4, 30), (heap, 18, 5, 20))


def _scatter(canvas: Canvas, side: int, *kinds: tuple[Callable[[Maker], Mesh], float, float, float]) -> None:
    """Objects along a side, each kind with its spacing and its nearest and farthest place behind the plot line."""
    rng, (_, plot) = canvas.rng, canvas.edges(side)
    for make, spacing, near, far in kinds:
        if rng.random() < 0.25:
            continue
        stock = [make(canvas) for _ in range(4)]
        for s in canvas.along(spacing, 0.45):
            turn = float(rng.choice((0.0, np.pi / 2)) + rng.normal(0, 0.2))
            canvas.put(canvas.pick(stock), s, side * (plot + canvas.between(near, far)), turn, KERB_M)
