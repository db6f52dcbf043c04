"""Trees, bushes and hedges."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.materials import Color, Palette
from depthrepro.worlds.meshes import Mesh, blob, merge, scatter_leaves, tube

_GREENS: tuple[Color, ...] = (
    (0.10, 0.18, 0.035),
    (0.07, 0.14, 0.03),
    (0.15, 0.21, 0.045),
    (0.06, 0.12, 0.05),
    (0.19, 0.19, 0.05),
    (0.20, 0.14, 0.05),
)


def foliage(palette: Palette, rng: np.random.Generator) -> int:
    """A leaf material: deep shade between sunlit clumps."""
    color = np.array(_GREENS[rng.choice(len(_GREENS), p=(0.28, 0.26, 0.2, 0.14, 0.07, 0.05))]) * rng.uniform(0.8, 1.4)
    low, high = (tuple(float(c) for c in color * k) for k in (0.22, 1.75))
    return palette.add(low, high, stain=0.8, grain=1.1, size=0.45, soft=0.6)  # type: ignore[arg-type]


def bark(palette: Palette, rng: np.random.Generator) -> int:
    """A trunk material, streaked upwards."""
    color = np.array((0.13, 0.10, 0.075)) * rng.uniform(0.6, 1.6)
    return palette.plain(tuple(color), 0.5, stain=0.7, size=(0.15, 0.15, 0.8))


def broadleaf(palette: Palette, rng: np.random.Generator, height: float, detail: int = 2) -> Mesh:
    """A broad-leaved tree: trunk, a few boughs, a crown of lumps with loose leaves around each."""
    wood, leaf = bark(palette, rng), foliage(palette, rng)
    radius = 0.022 * height * rng.uniform(0.8, 1.3)
    fork = height * rng.uniform(0.28, 0.42)
    spread = height * rng.uniform(0.20, 0.30)
    parts = [tube((0, 0, -0.6), (0, 0, fork), (radius * 1.3, radius), wood, 7)]
    lumps = int(rng.integers(9, 14)) if detail > 1 else int(rng.integers(4, 7))
    turn = rng.uniform(0, 2 * np.pi)
    crown = 0.5 * (height - fork)
    for i in range(lumps):
        # Lumps lie near the surface of the crown, in a spiral from its foot to its top.
        rise = 2 * (i + rng.uniform(0.2, 0.8)) / lumps - 1
        angle = turn + 2.4 * i
        out = 0.75 * spread * np.sqrt(1 - 0.8 * rise**2) * rng.uniform(0.7, 1.15)
        center = np.array([out * np.cos(angle), out * np.sin(angle), fork + crown * (1.05 + 0.72 * rise)])
        size = spread * (7.0 / lumps) ** 0.4 * rng.uniform(0.4, 0.72) * np.array([1.0, 1.0, rng.uniform(0.65, 0.95)])
        parts.append(blob(center, size, leaf, rng, bump=0.2))
        parts.append(scatter_leaves(center, size * 1.05, 16 * detail, 0.12 + 0.18 * size[0], leaf, rng))
        if i % 3 == 0:
            parts.append(tube((0, 0, fork * 0.95), center, (radius * 0.6, radius * 0.2), wood, 5))
    return merge(parts)


def conifer(palette: Palette, rng: np.random.Generator, height: float, detail: int = 2) -> Mesh:
    """A conifer or a poplar: lumps that narrow towards the top."""
    wood, leaf = bark(palette, rng), foliage(palette, rng)
    width = height * rng.uniform(0.13, 0.2)
    parts = [tube((0, 0, -0.6), (0, 0, height * 0.5), (0.02 * height, 0.012 * height), wood, 6)]
    layers = 6
    for i in range(layers):
        share = i / (layers - 1)
        size = width * (1.05 - 0.85 * share)
        center = (rng.normal(0, 0.06) * width, rng.normal(0, 0.06) * width, height * (0.22 + 0.7 * share))
        parts.append(blob(center, (size, size, height * 0.14), leaf, rng, bump=0.2))
        parts.append(scatter_leaves(center, (size * 1.1, size * 1.1, height * 0.13), 24 * detail, 0.35, leaf, rng))
    return merge(parts)


def tree(palette: Palette, rng: np.random.Generator, height: float, detail: int = 2) -> Mesh:
    """Any tree, its foot at the origin; `detail` 1 is for the distance, 2 for the roadside."""
    kind = conifer if rng.random() < 0.2 else broadleaf
    return kind(palette, rng, height, detail)


def bush(palette: Palette, rng: np.random.Generator, height: float) -> Mesh:
    """A bush of three lumps, its foot at the origin."""
    leaf = foliage(palette, rng)
    parts = []
    for _ in range(3):
        center = np.array([rng.normal(0, 0.4), rng.normal(0, 0.4), 0.42]) * height
        size = height * rng.uniform(0.4, 0.65, 3)
        parts.append(blob(center, size, leaf, rng, bump=0.25))
        parts.append(scatter_leaves(center, size, 30, 0.2, leaf, rng))
    return merge(parts)


def hedge(palette: Palette, rng: np.random.Generator, length: float, height: float) -> Mesh:
    """A clipped hedge along x, centred at the origin."""
    leaf = foliage(palette, rng)
    count = max(2, int(length / 0.9))
    xs = (np.arange(count) + 0.5) * (length / count) - length / 2
    size = (0.75 * length / count, rng.uniform(0.35, 0.6), 0.62 * height)
    return merge([blob((x, 0, 0.42 * height), size, leaf, rng, bump=0.12, subdivisions=1) for x in xs])
