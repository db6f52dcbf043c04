"""The ground of a scene: carriageway, pavements, plots, markings, side streets, fields, and hills on the horizon."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.meshes import Mesh, grid
from depthrepro.worlds.streets.canvas import Canvas
from depthrepro.worlds.streets.road import END_M, START_M
from depthrepro.worlds.streets.section import KERB_M

_PLOTS_M = 40.0  # the swept ground ends this far from the centre line
_SUNK_M = 0.35  # how far the open fields lie below the swept ground, to stay under it between their coarse points


def grey(m: Maker, low: float, high: float, *, size: float = 1.5) -> int:
    """A grey or faintly coloured paving."""
    shade = m.between(low, high)
    color = shade * (1 + m.rng.normal(0, 0.03, 3))
    return m.plain(color, 0.3, size=size)


def grass(m: Maker) -> int:
    """Lawn, meadow or stubble."""
    green = np.array((0.13, 0.19, 0.045)) * m.between(0.7, 1.3)
    other = np.array((0.24, 0.20, 0.09)) if m.rng.random() < 0.4 else green * 0.45
    return m.add(other, green * 1.25, stain=0.7, grain=0.7, size=2.5)


def ground(canvas: Canvas) -> list[Mesh]:
    """All ground of a scene."""
    asphalt = grey(canvas, 0.09, 0.2, size=4.0)
    return [
        _carriageway(canvas, asphalt),
        *_markings(canvas),
        *_side_streets(canvas, asphalt),
        *_patches(canvas),
        _fields(canvas),
        _hills(canvas),
    ]


def _carriageway(m: Canvas, asphalt: int) -> Mesh:
    """Carriageway, kerbs, pavements and plots in one swept surface, lowered where side streets cross it."""
    section, paved = m.section, m.style.pavement[1] > 0
    kerb = grey(m, 0.3, 0.5)
    walk = grey(m, 0.2, 0.45, size=1.2) if paved else grass(m)
    yard = 0.35 if paved else 0.0
    plots = [grey(m, 0.14, 0.3, size=2.0) if m.rng.random() < yard else grass(m) for _ in range(2)]
    up = KERB_M if paved else -0.05
    # From right to left: t, z, and the material of the cell to the left of each point.
    columns: list[tuple[float, float, int]] = []
    right, left = section.edge
    walk_right, walk_left = section.plot
    columns += [(-_PLOTS_M - 2.5, -1.0, plots[0]), (-_PLOTS_M, up, plots[0]), (-walk_right - 0.02, up, plots[0])]
    columns += [(-walk_right, up, walk), (-right - 0.14, up, kerb if paved else walk), (-right, 0.0, asphalt)]
    columns += [(left, 0.0, kerb if paved else walk), (left + 0.14, up, walk), (walk_left, up, plots[1])]
    columns += [(walk_left + 0.02, up, plots[1]), (_PLOTS_M, up, plots[1]), (_PLOTS_M + 2.5, -1.0, plots[1])]
    t, z, materials = (np.array(column) for column in zip(*columns, strict=True))
    t = np.maximum.accumulate(t)
    breaks = [c + side * (w / 2) + e for c, w in section.crossings for side in (-1, 1) for e in (-0.03, 0.03)]
    s = np.unique(np.concatenate([np.arange(START_M, END_M + 1, 2.5), breaks]))
    inside = np.zeros(len(s), dtype=bool)
    for c, w in section.crossings:
        inside |= np.abs(s - c) < w / 2
    heights = np.where(inside[:, None] & (z > 0)[None, :], 0.0, z[None, :])
    cells = np.broadcast_to(materials[:-1], (len(s) - 1, len(t) - 1)).copy()
    cells[inside[:-1] & inside[1:], 1:-1] = asphalt
    return m.road.ribbon(s, t, heights, cells)


def _markings(m: Canvas) -> list[Mesh]:
    """Lane lines, edge lines, stop lines and zebra crossings."""
    style, section = m.style, m.section
    wear = m.between(0.2, 0.6)
    white = m.add((0.62, 0.61, 0.58), (0.3, 0.3, 0.29), stain=wear, grain=0.5, size=1.0)
    lines: list[tuple[float, float, float]] = []  # offset, dash, period; dash = period is a solid line
    if style.lane_width > 2.8 or m.rng.random() < 0.4:
        lines.append((0.0, *((3.0, 9.0), (6.0, 9.0), (2.5, 2.5), (1.5, 4.5))[m.rng.integers(4)]))
    for k in range(1, style.lanes):
        lines += [(side * k * style.lane_width, 3.0, 9.0) for side in (-1, 1)]
    if style.parking == 0 or m.rng.random() < 0.25:
        lines += [(side * (section.lanes - 0.15), 2.5, 2.5) for side in (-1, 1)]
    s0, t0 = [], []
    for offset, dash, period in lines:
        starts = np.arange(START_M + m.between(0, period), END_M - 10, period)
        starts = np.array([a for a in starts if not section.crosses(a, a + dash, 0.5) and a < section.end - 12])
        s0.append(np.stack([starts, starts + dash], axis=1))
        t0.append(np.broadcast_to([offset - 0.07, offset + 0.07], (len(starts), 2)))
    for c, w in section.crossings:
        stop = c - w / 2 - 1.2
        s0.append(np.array([[stop - 0.45, stop]]))
        t0.append(np.array([[-section.lanes, -0.2]]))
        if m.rng.random() < 0.5:
            bars = np.arange(-section.edge[0] + 0.3, section.edge[1] - 0.5, 1.0)
            s0.append(np.tile([c + w / 2 + 0.8, c + w / 2 + 3.6], (len(bars), 1)))
            t0.append(np.stack([bars, bars + 0.5], axis=1))
    return [m.road.tiles(np.concatenate(s0), np.concatenate(t0), 0.012, white)] if s0 else []


def _side_streets(m: Canvas, asphalt: int) -> list[Mesh]:
    """The side streets beyond the swept ground."""
    meshes = []
    for c, w in m.section.crossings:
        s = np.array([-w / 2 - 2.0, -w / 2 - 0.01, w / 2 + 0.01, w / 2 + 2.0])
        for side in (-1, 1):
            t = side * np.arange(_PLOTS_M - 1.0, 150.0, 4.0)
            meshes.append(m.road.side_ribbon(c, s, t, np.array([-0.8, 0.01, 0.01, -0.8]), asphalt))
    return meshes


def _patches(m: Canvas) -> list[Mesh]:
    """Mended asphalt, long joints and manhole covers."""
    section = m.section
    meshes: list[Mesh] = []
    for shade, count, length, width in (
        (0.07, 14, (1.0, 9.0), (0.5, 2.6)),
        (0.2, 8, (1.0, 12.0), (0.4, 2.6)),
        (0.05, 24, (0.6, 0.7), (0.6, 0.7)),
        (0.05, 30, (3.0, 20.0), (0.03, 0.06)),
    ):
        s = m.rng.uniform(START_M, min(section.end - 12, END_M - 30), count)
        t = m.rng.uniform(-section.edge[0] + 0.2, section.edge[1] - 2.8, count)
        ends = np.stack([s, s + m.rng.uniform(*length, count)], axis=1)
        across = np.stack([t, t + m.rng.uniform(*width, count)], axis=1)
        keep = np.array([not section.crosses(a, b, 0.0) for a, b in ends])
        if keep.any():
            z = 0.004 + 0.001 * len(meshes)
            meshes.append(m.road.tiles(ends[keep], across[keep], z, grey(m, 0.8 * shade, 1.2 * shade)))
    return meshes


def _fields(m: Canvas) -> Mesh:
    """Open ground out to the hills, in fields of several crops."""
    x0, y0 = m.road.plane(130.0, 0.0)
    step = 14.0
    axis = np.arange(-34, 35) * step
    x, y = np.meshgrid(x0 + axis, y0 + axis, indexing="ij")
    first, second = grass(m), grass(m)
    ripe, ploughed = m.plain((0.30, 0.24, 0.11), 0.3), m.plain((0.16, 0.11, 0.07), 0.35)
    crops = np.array([first, second, ripe, ploughed])
    angle = m.between(0, np.pi)
    u = np.cos(angle) * x[:-1, :-1] + np.sin(angle) * y[:-1, :-1]
    v = np.cos(angle) * y[:-1, :-1] - np.sin(angle) * x[:-1, :-1]
    plots = m.rng.integers(len(crops), size=(64, 64))
    cells = crops[plots[np.floor(u / 70).astype(int) % 64, np.floor(v / 45).astype(int) % 64]]
    return grid(np.stack([x, y, m.road.height(x, y) - _SUNK_M], axis=2), cells)


def _hills(m: Canvas) -> Mesh:
    """A wooded ring of hills that closes the horizon."""
    x0, y0 = m.road.plane(130.0, 0.0)
    angle = np.linspace(0, 2 * np.pi, 121)
    height = m.between(6, 30) * np.ones(120)
    for k in range(2, 9):
        height += m.between(0, 9.0) / np.sqrt(k) * np.sin(k * angle[:-1] + m.rng.uniform(0, 2 * np.pi))
    height = np.maximum(height, 5.0)
    height = np.append(height, height[0])
    forest = m.add((0.02, 0.035, 0.012), (0.12, 0.18, 0.06), stain=0.8, grain=0.9, size=14.0)
    rings = []
    for radius, share in ((400.0, -1.2), (415.0, 0.5), (440.0, 1.0), (460.0, 0.9)):
        x, y = x0 + radius * np.cos(angle), y0 + radius * np.sin(angle)
        rings.append(np.stack([x, y, np.where(share < 0, -25.0, share * height)], axis=1))
    return grid(np.stack(rings), forest)
