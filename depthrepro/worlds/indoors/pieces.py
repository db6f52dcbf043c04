"""Furniture as pieces: a mesh with its back at x = 0 and its front to +x, y across, and the floor it takes up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.indoors.finish import RoomMaker
from depthrepro.worlds.meshes import Mesh, blob, box, merge, tube


@dataclass(frozen=True)
class Piece:
    """A thing that stands on the floor.

    Attributes:
        mesh: Back at x = 0, front to +x, y from -width / 2 to width / 2, z up.
        width: Across, metres.
        depth: Front to back, metres.
        height: Metres.
    """

    mesh: Mesh
    width: float
    depth: float
    height: float


def legs(x: tuple[float, float], y: tuple[float, float], height: float, thick: float, material: int) -> list[Mesh]:
    """Four square legs at the corners of a rectangle."""
    h = thick / 2
    return [box((a - h, b - h, 0), (a + h, b + h, height), material) for a in x for b in y]


def chair(m: RoomMaker) -> Piece:
    """A chair with an open or a closed back."""
    frame = m.body() if m.rng.random() < 0.7 else m.metal()
    seat = m.cloth(m.fabrics[0]) if m.rng.random() < 0.5 else frame
    w, d, s, top = m.between(0.4, 0.5), m.between(0.42, 0.5), m.between(0.43, 0.48), m.between(0.8, 1.05)
    parts = [*legs((0.04, d - 0.04), (-w / 2 + 0.03, w / 2 - 0.03), s, 0.04, frame)]
    parts.append(box((0, -w / 2, s), (d, w / 2, s + 0.05), seat))
    parts += [tube((0.04, y, s), (-0.03, y, top), (0.022, 0.018), frame, 5) for y in (-w / 2 + 0.03, w / 2 - 0.03)]
    if m.rng.random() < 0.5:
        parts.append(box((-0.03, -w / 2, top - 0.3), (0.02, w / 2, top), seat))
    else:
        parts += [box((-0.02, -w / 2, z - 0.04), (0.02, w / 2, z + 0.04), frame) for z in np.linspace(s + 0.15, top, 3)]
    return Piece(merge(parts), w, d, top)


def office_chair(m: RoomMaker) -> Piece:
    """A swivel chair on five feet."""
    base, seat = m.smooth((0.05, 0.05, 0.05)), m.cloth(m.fabrics[0])
    parts = [tube((0.3, 0, 0.08), (0.3, 0, 0.46), (0.03, 0.03), base)]
    for k in range(5):
        a = k * 2 * np.pi / 5
        parts.append(tube((0.3, 0, 0.1), (0.3 + 0.28 * np.cos(a), 0.28 * np.sin(a), 0.04), (0.03, 0.02), base, 5))
    parts.append(box((0.06, -0.25, 0.45), (0.54, 0.25, 0.54), seat))
    parts.append(box((0.02, -0.22, 0.6), (0.09, 0.22, m.between(0.95, 1.2)), seat))
    return Piece(merge(parts), 0.55, 0.58, 1.1)


def sofa(m: RoomMaker, seats: int) -> Piece:
    """An armchair or a sofa of two or three seats, some with cushions."""
    main, soft = m.cloth(m.fabrics[0]), m.cloth(m.fabrics[1])
    one, arm, d = m.between(0.6, 0.75), m.between(0.12, 0.25), m.between(0.8, 1.0)
    w, s, top = seats * one + 2 * arm, m.between(0.38, 0.46), m.between(0.72, 0.95)
    parts = [box((0, -w / 2, 0.1), (d - 0.05, w / 2, s - 0.12), main), box((0, -w / 2, 0.1), (0.22, w / 2, top), main)]
    for side in (-1, 1):
        y0, y1 = sorted((side * (w / 2 - arm), side * w / 2))
        parts.append(box((0.0, y0, 0.05), (d - 0.02, y1, s + 0.18), main))
    for k in range(seats):
        y = -w / 2 + arm + (k + 0.5) * one
        parts.append(box((0.2, y - one / 2 + 0.01, s - 0.13), (d, y + one / 2 - 0.01, s + 0.02), main))
        parts.append(blob((0.27, y, s + 0.25), (0.11, one / 2 - 0.01, 0.27), main, subdivisions=2))
        if m.rng.random() < 0.5:
            parts.append(blob((0.42, y + m.between(-0.1, 0.1), s + 0.17), (0.1, 0.2, 0.19), soft))
    return Piece(merge(parts), w, d, top)


def stool(m: RoomMaker) -> Piece:
    """A round stool."""
    seat, h, r = m.body(), m.between(0.42, 0.75), m.between(0.15, 0.2)
    parts = [tube((r, 0, h - 0.05), (r, 0, h), (r, r), seat, 16)]
    for k in range(4):
        a = np.pi / 4 + k * np.pi / 2
        parts.append(tube((r + r * np.cos(a), r * np.sin(a), 0), (r, 0, h - 0.03), (0.018, 0.018), seat, 5))
    return Piece(merge(parts), 2 * r, 2 * r, h)


def table(m: RoomMaker, size: tuple[float, float] | None = None, height: float | None = None) -> Piece:
    """A table of four legs or a round one on a foot."""
    d, w = size or (m.between(0.7, 1.0), m.between(0.8, 2.0))
    h = m.between(0.71, 0.77) if height is None else height
    top = m.body()
    if size is None and m.rng.random() < 0.25:
        r = m.between(0.4, 0.65)
        foot = top if m.rng.random() < 0.5 else m.metal()
        parts = [
            tube((r, 0, h - 0.035), (r, 0, h), (r, r), top, 24),
            tube((r, 0, 0.03), (r, 0, h - 0.02), (0.06, 0.04), foot, 8),
            tube((r, 0, 0), (r, 0, 0.04), (0.55 * r, 0.5 * r), foot, 12),
        ]
        return Piece(merge(parts), 2 * r, 2 * r, h)
    leg = top if m.rng.random() < 0.7 else m.metal()
    thick = m.between(0.035, 0.08)
    parts = legs((0.06, d - 0.06), (-w / 2 + 0.06, w / 2 - 0.06), h, thick, leg)
    parts.append(box((0, -w / 2, h - 0.035), (d, w / 2, h), top))
    if m.rng.random() < 0.6:
        parts.append(box((0.05, -w / 2 + 0.06, h - 0.12), (d - 0.05, w / 2 - 0.06, h - 0.03), leg))
    return Piece(merge(parts), w, d, h)


def bed(m: RoomMaker) -> Piece:
    """A bed, its head at the wall: frame, mattress, cover and pillows."""
    w, length = m.between(0.9, 1.9), m.between(1.95, 2.1)
    frame, cover, white = m.body(), m.cloth(m.fabrics[0]), m.smooth((0.72, 0.71, 0.68), 0.12)
    s = m.between(0.4, 0.6)
    parts = [box((0, -w / 2, 0.12), (length, w / 2, s - 0.2), frame)]
    parts += legs((0.06, length - 0.06), (-w / 2 + 0.05, w / 2 - 0.05), 0.15, 0.07, frame)
    parts.append(box((0.0, -w / 2, 0.1), (0.05, w / 2, m.between(0.75, 1.2)), frame))
    parts.append(box((0.04, -w / 2 + 0.03, s - 0.2), (length - 0.03, w / 2 - 0.03, s), white))
    fold = m.between(0.55, 1.1)
    parts.append(box((fold, -w / 2 - 0.01, s - 0.27), (length + 0.01, w / 2 + 0.01, s + 0.035), cover))
    turned = m.cloth(m.fabrics[1])
    parts.append(box((fold - 0.2, -w / 2 - 0.005, s - 0.2), (fold + 0.01, w / 2 + 0.005, s + 0.05), turned))
    pillows = 2 if w > 1.3 else 1
    for k in range(pillows):
        y = (k - (pillows - 1) / 2) * 0.5 * w
        parts.append(blob((0.3, y, s + 0.07), (0.2, min(0.34, 0.45 * w / pillows), 0.1), white, subdivisions=2))
    if m.rng.random() < 0.4:
        parts.append(box((length - 0.03, -w / 2, 0.1), (length + 0.03, w / 2, s + 0.15), frame))
    return Piece(merge(parts), w, length + 0.03, s)
