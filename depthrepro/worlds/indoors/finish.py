"""Materials of rooms: paint, wood, cloth, metal, floors and what patterns they are laid in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.materials import Color, Palette
from depthrepro.worlds.meshes import Mesh, grid, merge

Colors = tuple[Color, ...]
_WOODS: Colors = ((0.36, 0.21, 0.10), (0.50, 0.34, 0.19), (0.20, 0.11, 0.06), (0.62, 0.48, 0.31), (0.10, 0.06, 0.04))
_WALLS: Colors = (
    (0.74, 0.72, 0.67),
    (0.78, 0.77, 0.75),
    (0.66, 0.60, 0.48),
    (0.52, 0.58, 0.60),
    (0.60, 0.64, 0.52),
    (0.68, 0.56, 0.46),
    (0.45, 0.48, 0.50),
    (0.70, 0.66, 0.54),
)
BOLD_WALLS: Colors = (
    (0.45, 0.10, 0.08),
    (0.06, 0.22, 0.24),
    (0.10, 0.14, 0.34),
    (0.55, 0.38, 0.06),
    (0.30, 0.10, 0.28),
)


@dataclass(frozen=True)
class Taste:
    """Colours that the things of one room share.

    Attributes:
        wood: Tone of the furniture, linear RGB.
        cloth: Two colours of the upholstery and curtains.
        accent: Colour of small things.
        wall: Colour of the walls.
        white: Whether the joinery (doors, frames, skirting) is painted white.
    """

    wood: np.ndarray
    cloth: tuple[np.ndarray, np.ndarray]
    accent: np.ndarray
    wall: np.ndarray
    white: bool

    @classmethod
    def random(cls, rng: np.random.Generator, bold: bool = False) -> Taste:
        """A taste; `bold` walls have a strong colour."""
        walls = BOLD_WALLS if bold else _WALLS
        return cls(
            wood=np.array(_WOODS[rng.integers(len(_WOODS))]) * rng.uniform(0.8, 1.2),
            cloth=(hue(rng, rng.uniform(0.05, 0.5)), hue(rng, rng.uniform(0.15, 0.6))),
            accent=hue(rng, rng.uniform(0.1, 0.5), 0.9),
            wall=np.array(walls[rng.integers(len(walls))]) * rng.uniform(0.85, 1.08),
            white=bool(rng.random() < 0.65),
        )


def hue(rng: np.random.Generator, value: float, strength: float | None = None) -> np.ndarray:
    """A colour of about a given brightness, grey to strong, (3,) linear RGB."""
    strength = float(rng.beta(1.2, 2.2)) if strength is None else strength
    color = rng.dirichlet((1.1, 1.0, 1.0)) * 3
    return np.clip(value * (1 + strength * (color - 1)), 0.01, 0.9)


def paint(palette: Palette, color: np.ndarray, spread: float = 0.06) -> int:
    """A painted surface: nearly even, faintly clouded."""
    return palette.plain(tuple(color), spread, stain=0.7, grain=0.35, size=1.6)


def wood(palette: Palette, color: np.ndarray, along: int = 2) -> int:
    """Wood whose grain runs along an axis of the room."""
    size = [0.05, 0.05, 0.05]
    size[along] = 0.9
    return palette.plain(tuple(color), 0.3, stain=0.8, grain=0.35, size=(size[0], size[1], size[2]))


def cloth(palette: Palette, color: np.ndarray, spread: float = 0.2) -> int:
    """Woven cloth: fine grain, faint folds."""
    return palette.plain(tuple(color), spread, stain=0.45, grain=0.6, size=0.35)


def metal(palette: Palette, rng: np.random.Generator) -> int:
    """Brushed or painted metal."""
    shade = float(rng.choice((0.06, 0.3, 0.5)) * rng.uniform(0.8, 1.2))
    return palette.plain((shade, shade, shade * 1.02), 0.18, stain=0.5, grain=0.4, size=(0.1, 0.1, 0.6))


def smooth(palette: Palette, color: np.ndarray | Color, spread: float = 0.08) -> int:
    """Plastic, ceramic or lacquer."""
    r, g, b = (float(c) for c in color)
    return palette.plain((r, g, b), spread, stain=0.5, grain=0.3, size=0.5)


def joinery(palette: Palette, taste: Taste) -> int:
    """Doors, frames and skirting."""
    return paint(palette, np.array((0.74, 0.73, 0.70))) if taste.white else wood(palette, taste.wood)


def floor(palette: Palette, rng: np.random.Generator, taste: Taste, size: tuple[float, float], kind: str) -> Mesh:
    """A floor over [0, x] by [0, y] at z = 0.

    Args:
        palette: Materials are added to it.
        rng: Source of all choices.
        taste: Colours.
        size: Extent along x and y in metres.
        kind: "planks", "tiles", "checker" or "carpet".
    """
    if kind == "carpet":
        color = hue(rng, rng.uniform(0.12, 0.45))
        return _flat(size, palette.plain(tuple(color), 0.25, stain=0.5, grain=0.7, size=1.0))
    if kind == "planks":
        along = int(rng.integers(2))
        shades = [wood(palette, taste.wood * k * rng.uniform(0.9, 1.1), along) for k in (0.8, 0.9, 1.0, 1.12, 1.25)]
        return _planks(rng, size, shades, along, float(rng.uniform(0.07, 0.2)))
    pitch = float(rng.uniform(0.2, 0.6))
    base = hue(rng, rng.uniform(0.25, 0.6), 0.25)
    other = base * rng.uniform(0.25, 0.6) if kind == "checker" else base * rng.uniform(0.93, 1.0)
    tiles = [smooth(palette, base, 0.1), smooth(palette, np.clip(other, 0, 0.9), 0.1)]
    return tiled(rng, size, tiles, smooth(palette, base * 0.45), pitch)


def _flat(size: tuple[float, float], material: int) -> Mesh:
    """One rectangle."""
    x, y = np.meshgrid([0.0, size[0]], [0.0, size[1]], indexing="ij")
    return grid(np.stack([x, y, np.zeros_like(x)], axis=2), material)


def _planks(rng: np.random.Generator, size: tuple[float, float], shades: list[int], along: int, width: float) -> Mesh:
    """Rows of boards of random length, side by side along axis `along`."""
    length, across = (size[along], size[1 - along])
    edges = np.append(np.arange(0, across, width), across)
    steps = np.append(np.arange(0, length, 0.3), length)
    rows = []
    for _ in edges[1:]:
        ends = np.cumsum(rng.uniform(0.6, 2.2, int(length / 0.6) + 2)) - rng.uniform(0, 1.5)
        rows.append(np.array(shades)[rng.integers(len(shades), size=len(ends) + 1)][np.searchsorted(ends, steps[:-1])])
    cells = np.stack(rows, axis=1)
    a, b = np.meshgrid(steps, edges, indexing="ij")
    x, y = (a, b) if along == 0 else (b, a)
    return grid(np.stack([x, y, np.zeros_like(x)], axis=2), cells)


def tiled(
    rng: np.random.Generator, size: tuple[float, float], tiles: list[int], joint: int, pitch: float, gap: float = 0.008
) -> Mesh:
    """Square tiles with joints over [0, x] by [0, y] at z = 0; two materials alternate."""
    lines = []
    for extent in size:
        first = np.arange(-rng.uniform(0, pitch), extent, pitch)
        cuts = np.clip(np.stack([first, first + gap], axis=1).ravel(), 0, extent)
        lines.append(np.append(np.append(0.0, cuts), extent))
    x, y = np.meshgrid(*lines, indexing="ij")
    i, j = np.meshgrid(np.arange(len(lines[0]) - 1), np.arange(len(lines[1]) - 1), indexing="ij")
    cells = np.array(tiles)[(i // 2 + j // 2) % len(tiles)]
    cells[(i % 2 == 1) | (j % 2 == 1)] = joint
    return grid(np.stack([x, y, np.zeros_like(x)], axis=2), cells)


def upright(mesh: Mesh) -> Mesh:
    """A mesh of the plane z = 0 stood up into the plane x = 0: its x runs along y, its y up."""
    return Mesh(np.ascontiguousarray(mesh.vertices[:, [2, 0, 1]]), mesh.faces, mesh.material)


def rug(palette: Palette, rng: np.random.Generator, size: tuple[float, float]) -> Mesh:
    """A rug centred at the origin, with a border and stripes or a field of lozenges."""
    colors = [cloth(palette, hue(rng, rng.uniform(0.06, 0.55))) for _ in range(3)]
    x, y = (np.linspace(-s / 2, s / 2, n) for s, n in zip(size, (17, 25), strict=True))
    i, j = np.meshgrid(np.arange(16), np.arange(24), indexing="ij")
    field = ((j // 3) % 2, (i // 2 + j // 2) % 2, (abs(i - 8) + abs(j - 12)) // 3 % 2, np.zeros_like(i))[
        rng.integers(4)
    ]
    cells = np.array(colors)[field]
    border = (i < 1) | (i > 14) | (j < 1) | (j > 22)
    cells[border] = colors[2]
    a, b = np.meshgrid(x, y, indexing="ij")
    top = grid(np.stack([a, b, np.full_like(a, 0.012)], axis=2), cells)
    return merge([top])
