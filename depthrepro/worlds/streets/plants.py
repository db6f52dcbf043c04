"""Trees, bushes and hedges."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.meshes import Mesh, blob, merge, scatter_leaves, tube


def foliage(m: Maker) -> int:
    """A leaf material: deep shade between sunlit clumps."""
    color = m.color("leaf", (0.28, 0.26, 0.2, 0.14, 0.07, 0.05)) * m.between(0.8, 1.4)
    return m.add(0.22 * color, 1.75 * color, stain=0.8, grain=1.1, size=0.45, soft=0.6)


def bark(m: Maker) -> int:
    """A trunk material, streaked upwards."""
    color = np.array((0.13, 0.10, 0.075)) * m.between(0.6, 1.6)
    return m.plain(color, 0.5, stain=0.7, size=(0.15, 0.15, 0.8))


def broadleaf(m: Maker, height: float, detail: int) -> Mesh:
    """A broad-leaved tree: trunk, a few boughs, a crown of lumps with loose leaves around each."""
    wood, leaf = bark(m), foliage(m)
    radius = 0.022 * height * m.between(0.8, 1.3)
    fork = height * m.between(0.28, 0.42)
    spread = height * m.between(0.20, 0.30)
    parts = [tube((0, 0, -0.6), (0, 0, fork), (radius * 1.3, radius), wood, 7)]
    lumps = int(m.rng.integers(9, 14)) if detail > 1 else int(m.rng.integers(4, 7))
    turn = m.rng.uniform(0, 2 * np.pi)
    crown = 0.5 * (height - fork)
    for i in range(lumps):
        # Lumps lie near the surface of the crown, in a spiral from its foot to its top.
        rise = 2 * (i + m.between(0.2, 0.8)) / lumps - 1
        angle = turn + 2.4 * i
        out = 0.75 * spread * np.sqrt(1 - 0.8 * rise**2) * m.between(0.7, 1.15)
        center = np.array([out * np.cos(angle), out * np.sin(angle), fork + crown * (1.05 + 0.72 * rise)])
        size = spread * (7.0 / lumps) ** 0.4 * m.between(0.4, 0.72) * np.array([1.0, 1.0, m.between(0.65, 0.95)])
        parts.append(blob(center, size, leaf, m.rng, bump=0.2))
        parts.append(scatter_leaves(center, size * 1.05, 16 * detail, 0.12 + 0.18 * size[0], leaf, m.rng))
        if i % 3 == 0:
            parts.append(tube((0, 0, fork * 0.95), center, (radius * 0.6, radius * 0.2), wood, 5))
    return merge(parts)


def conifer(m: Maker, height: float, detail: int) -> Mesh:
    """A conifer or a poplar: lumps that narrow towards the top."""
    wood, leaf = bark(m), foliage(m)
    width = height * m.between(0.13, 0.2)
    parts = [tube((0, 0, -0.6), (0, 0, height * 0.5), (0.02 * height, 0.012 * height), wood, 6)]
    for share in np.arange(6) / 5:
        size = width * (1.05 - 0.85 * share)
        center = (m.rng.normal(0, 0.06) * width, m.rng.normal(0, 0.06) * width, height * (0.22 + 0.7 * share))
        parts.append(blob(center, (size, size, height * 0.14), leaf, m.rng, bump=0.2))
        parts.append(scatter_leaves(center, (size * 1.1, size * 1.1, height * 0.13), 24 * detail, 0.35, leaf, m.rng))
    return merge(parts)


def tree(m: Maker, height: float, detail: int = 2) -> Mesh:
    """Any tree, its foot at the origin; `detail` 1 is for the distance, 2 for the roadside."""
    kind = conifer if m.rng.random() < 0.2 else broadleaf
    return kind(m, height, detail)


def bush(m: Maker, height: float) -> Mesh:
    """A bush of three lumps, its foot at the origin."""
    leaf = foliage(m)
    parts = []
    for _ in range(3):
        center = np.array([m.rng.normal(0, 0.4), m.rng.normal(0, 0.4), 0.42]) * height
        size = height * m.rng.uniform(0.4, 0.65, 3)
        parts.append(blob(center, size, leaf, m.rng, bump=0.25))
        parts.append(scatter_leaves(center, size, 30, 0.2, leaf, m.rng))
    return merge(parts)


def hedge(m: Maker, length: float, height: float) -> Mesh:
    """A clipped hedge along x, centred at the origin."""
    leaf = foliage(m)
    count = max(2, int(length / 0.9))
    xs = (np.arange(count) + 0.5) * (length / count) - length / 2
    size = (0.75 * length / count, m.between(0.35, 0.6), 0.62 * height)
    return merge([blob((x, 0, 0.42 * height), size, leaf, m.rng, bump=0.12) for x in xs])
