"""Street furniture: lamps, signs, signals, fences, walls, bins, and people."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.meshes import Mesh, blob, box, merge, quads, tube


def steel(m: Maker) -> int:
    """Galvanised or painted metal."""
    shade = m.between(0.08, 0.42)
    return m.plain((shade, shade * m.between(0.95, 1.05), shade), 0.3, size=(0.3, 0.3, 1.5))


def lamp(m: Maker, height: float) -> Mesh:
    """A street lamp whose arm reaches out along +x."""
    metal = steel(m)
    light = m.plain((0.7, 0.7, 0.65), 0.2)
    reach = m.between(0.8, 2.2)
    return merge(
        [
            tube((0, 0, -0.4), (0, 0, height), (0.10, 0.06), metal, 8),
            tube((0, 0, 0), (0, 0, 0.9), (0.14, 0.13), metal, 8),
            tube((0, 0, height - 0.1), (reach, 0, height + 0.25), (0.05, 0.04), metal),
            box((reach - 0.15, -0.13, height + 0.17), (reach + 0.5, 0.13, height + 0.30), light),
        ]
    )


def sign(m: Maker) -> Mesh:
    """A road sign facing -x: disc, triangle or plate, some with a second plate below."""
    metal = m.plain((0.4, 0.4, 0.4), 0.25)
    white = m.plain((0.75, 0.75, 0.73), 0.15)
    color = m.plain(m.color("sign"), 0.2)
    height = m.between(2.2, 2.9)
    parts = [tube((0, 0, -0.3), (0, 0, height + 0.3), (0.035, 0.035), metal, 6)]
    kind = m.rng.integers(3)
    sides, radius = ((20, 0.32), (3, 0.45), (4, 0.42))[kind]
    turn = (0.0, np.pi / 2, np.pi / 4)[kind]
    for x, r, material in ((-0.045, radius, color), (-0.055, radius * 0.72, white)):
        angle = turn + np.arange(sides) * (2 * np.pi / sides)
        ring = np.stack([np.full(sides, x), r * np.cos(angle), height + r * np.sin(angle)], axis=1)
        ring_next = np.roll(ring, -1, axis=0)
        middle = np.broadcast_to(np.array([x, 0, height]), ring.shape)
        parts.append(quads(np.stack([ring, ring_next, middle, middle], axis=1), material))
    if m.rng.random() < 0.4:
        parts.append(box((-0.05, -0.3, height - 0.85), (-0.03, 0.3, height - 0.5), white))
    return merge(parts)


def signal(m: Maker) -> Mesh:
    """A traffic light facing -x, some on an arm over the road (+y)."""
    metal = steel(m)
    black = m.plain((0.02, 0.02, 0.02), 0.5)
    lit = m.plain(m.color("signal"), 0.2)
    parts = [tube((0, 0, -0.3), (0, 0, 3.4), (0.09, 0.08), metal, 8)]
    heads = [(0.0, 2.7)]
    if m.rng.random() < 0.5:
        parts.append(tube((0, 0, 3.3), (0, 0, 5.6), (0.08, 0.07), metal, 8))
        parts.append(tube((0, 0, 5.5), (0, 4.2, 5.7), (0.06, 0.05), metal, 6))
        heads.append((4.0, 5.3))
    for y, z in heads:
        parts.append(box((-0.26, y - 0.17, z - 0.48), (-0.06, y + 0.17, z + 0.48), black))
        parts.append(blob((-0.26, y, z + 0.3), (0.05, 0.11, 0.11), lit))
    return merge(parts)


def fence(m: Maker, length: float) -> Mesh:
    """A fence along x: boards close together, or posts with rails."""
    height = m.between(0.9, 1.7)
    color = np.array((0.26, 0.17, 0.10)) if m.rng.random() < 0.6 else np.array((0.5, 0.5, 0.48))
    wood = m.plain(color * m.between(0.6, 1.3), 0.4, size=(0.12, 0.12, 1.0))
    posts = np.arange(-length / 2, length / 2 + 0.01, 2.0)
    parts = [box((x - 0.05, -0.05, -0.3), (x + 0.05, 0.05, height), wood) for x in posts]
    rails = (0.3 * height, 0.6 * height, 0.9 * height)
    parts += [box((-length / 2, -0.03, z - 0.05), (length / 2, 0.03, z + 0.05), wood) for z in rails]
    if m.rng.random() < 0.6:
        pitch = m.between(0.16, 0.26)
        for x in np.arange(-length / 2, length / 2, pitch):
            parts.append(box((x, -0.055, 0.06), (x + 0.7 * pitch, -0.035, height + m.between(-0.03, 0.05)), wood))
    return merge(parts)


def wall(m: Maker, length: float, height: float) -> Mesh:
    """A masonry wall along x with a coping and piers."""
    color = m.color("masonry") * m.between(0.8, 1.2)
    stone = m.plain(color, 0.45, stain=0.9, grain=0.7, size=(0.55, 0.55, 0.2))
    cap = m.plain(color * 1.15, 0.3)
    parts = [
        box((-length / 2, -0.15, -0.6), (length / 2, 0.15, height), stone),
        box((-length / 2, -0.2, height), (length / 2, 0.2, height + 0.08), cap),
    ]
    for x in np.arange(-length / 2, length / 2 + 0.01, 4.0):
        parts.append(box((x - 0.2, -0.21, -0.6), (x + 0.2, 0.21, height + 0.2), stone))
    return merge(parts)


def guard_rail(m: Maker, length: float) -> Mesh:
    """A crash barrier along x."""
    metal = m.plain((0.42, 0.43, 0.44), 0.35, size=(1.2, 1.2, 0.15))
    parts = [box((x - 0.05, 0.0, -0.3), (x + 0.05, 0.1, 0.7), metal) for x in np.arange(-length / 2, length / 2, 2.0)]
    parts.append(box((-length / 2, -0.06, 0.45), (length / 2, 0.0, 0.58), metal))
    parts.append(box((-length / 2, -0.06, 0.62), (length / 2, 0.0, 0.75), metal))
    return merge(parts)


def street_box(m: Maker) -> Mesh:
    """A bin, a letter box or a switch cabinet."""
    color = m.plain(m.color("street box"), 0.3, size=0.5)
    w, d, h = m.rng.uniform((0.5, 0.45, 0.8), (1.2, 0.6, 1.4))
    lid = m.plain((0.2, 0.2, 0.2), 0.3)
    return merge(
        [
            box((-w / 2, -d / 2, 0), (w / 2, d / 2, h), color),
            box((-w / 2 - 0.03, -d / 2 - 0.03, h), (w / 2 + 0.03, d / 2 + 0.03, h + 0.07), lid),
        ]
    )


def person(m: Maker) -> Mesh:
    """A standing or walking figure facing +x."""
    coat, trousers = (m.plain(m.rng.uniform(0.03, 0.45, 3), 0.3, size=0.3) for _ in range(2))
    skin = m.plain(np.array((0.42, 0.26, 0.18)) * m.between(0.35, 1.2), 0.15)
    hair = m.plain(np.array((0.12, 0.08, 0.05)) * m.between(0.3, 2.0), 0.4)
    stride = m.between(0.05, 0.32)
    parts = [blob((0.02, 0, 1.62), (0.10, 0.085, 0.13), skin), blob((-0.02, 0, 1.68), (0.105, 0.09, 0.10), hair)]
    parts += [
        tube((0, 0, 0.82), (0, 0, 1.46), (0.155, 0.19), coat, 8),
        tube((0, 0, 1.44), (0, 0, 1.56), (0.06, 0.05), skin),
    ]
    for side in (-1, 1):
        step = side * stride
        parts.append(tube((0, side * 0.09, 0.86), (step, side * 0.1, 0.06), (0.095, 0.06), trousers, 6))
        parts.append(box((step - 0.08, side * 0.1 - 0.05, 0), (step + 0.18, side * 0.1 + 0.05, 0.08), hair))
        parts.append(tube((0, side * 0.2, 1.42), (-step * 0.8, side * 0.26, 0.85), (0.06, 0.045), coat, 5))
    return merge(parts).placed(0, 0, 0, 0, m.between(0.92, 1.1))
