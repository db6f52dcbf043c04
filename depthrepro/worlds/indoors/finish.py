"""What furnishes a room: its colours and materials, the floors that are laid with them, and rugs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from depthrepro.worlds.maker import Maker
from depthrepro.worlds.materials import Color
from depthrepro.worlds.meshes import Mesh, grid


class RoomMaker(Maker):
    """The materials and chance of one room, and the colours that its things share, linear RGB.

    Attributes:
        tone: Wood of the furniture.
        fabrics: Two colours of the upholstery and curtains.
        accent: Colour of small things.
        wall: Colour of the walls.
        white: Whether the joinery (doors, frames, skirting) is painted white.
    """

    def __init__(self, rng: np.random.Generator, bold: bool = False) -> None:
        """Draw the colours; `bold` walls have a strong one."""
        super().__init__(rng)
        self.tone = self.color("wood") * self.between(0.8, 1.2)
        self.fabrics = (self.hue(self.between(0.05, 0.5)), self.hue(self.between(0.15, 0.6)))
        self.accent = self.hue(self.between(0.1, 0.5), 0.9)
        self.wall = self.color("bold wall" if bold else "wall") * self.between(0.85, 1.08)
        self.white = self.rng.random() < 0.65

    def hue(self, value: float, strength: float | None = None) -> np.ndarray:
        """A colour of about a given brightness, grey to strong, (3,) linear RGB."""
        strength = self.rng.beta(1.2, 2.2) if strength is None else strength
        color = self.rng.dirichlet((1.1, 1.0, 1.0)) * 3
        return np.clip(value * (1 + strength * (color - 1)), 0.01, 0.9)

    def paint(self, color: Color, spread: float = 0.06) -> int:
        """A painted surface: nearly even, faintly clouded."""
        return self.plain(color, spread, stain=0.7, grain=0.35, size=1.6)

    def wood(self, color: Color, along: int = 2) -> int:
        """Wood whose grain runs along an axis of the room."""
        x, y, z = np.where(np.arange(3) == along, 0.9, 0.05)
        return self.plain(color, 0.3, stain=0.8, grain=0.35, size=(x, y, z))

    def cloth(self, color: Color, spread: float = 0.2) -> int:
        """Woven cloth: fine grain, faint folds."""
        return self.plain(color, spread, stain=0.45, grain=0.6, size=0.35)

    def metal(self) -> int:
        """Brushed or painted metal."""
        shade = self.rng.choice((0.06, 0.3, 0.5)) * self.between(0.8, 1.2)
        return self.plain((shade, shade, shade * 1.02), 0.18, stain=0.5, grain=0.4, size=(0.1, 0.1, 0.6))

    def smooth(self, color: Color, spread: float = 0.08) -> int:
        """Plastic, ceramic or lacquer."""
        return self.plain(color, spread, stain=0.5, grain=0.3, size=0.5)

    def any_color(self, low: float = 0.03, high: float = 0.6) -> int:
        """A smooth thing of any colour."""
        return self.smooth(self.rng.uniform(low, high, 3))

    def body(self) -> int:
        """Furniture: wood, white lacquer or the accent colour."""
        draw = self.rng.random()
        if draw < 0.6:
            return self.wood(self.tone * self.between(0.8, 1.2))
        return self.smooth((0.68, 0.67, 0.64) if draw < 0.88 else self.accent * 0.8)

    def joinery(self) -> int:
        """Doors, frames and skirting."""
        return self.paint((0.74, 0.73, 0.70)) if self.white else self.wood(self.tone)


def floor(m: RoomMaker, size: tuple[float, float], kind: str) -> Mesh:
    """A floor over [0, x] by [0, y] at z = 0, of "planks", "tiles", "carpet", or tiles in a "checker"."""
    if kind == "carpet":
        color = m.hue(m.between(0.12, 0.45))
        return flat([0.0, size[0]], [0.0, size[1]], m.plain(color, 0.25, stain=0.5, grain=0.7, size=1.0))
    if kind == "planks":
        along = int(m.rng.integers(2))
        shades = [m.wood(m.tone * k * m.between(0.9, 1.1), along) for k in (0.8, 0.9, 1.0, 1.12, 1.25)]
        return _planks(m.rng, size, shades, along, m.between(0.07, 0.2))
    pitch = m.between(0.2, 0.6)
    base = m.hue(m.between(0.25, 0.6), 0.25)
    other = base * m.between(0.25, 0.6) if kind == "checker" else base * m.between(0.93, 1.0)
    tiles = [m.smooth(base, 0.1), m.smooth(np.clip(other, 0, 0.9), 0.1)]
    return _tiles(m.rng, size, tiles, m.smooth(base * 0.45), pitch)


def flat(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, material: int | np.ndarray) -> Mesh:
    """Rectangles between lines at `x` (M,) and `y` (N,) at z = 0, of one material or (M - 1, N - 1) of them."""
    a, b = np.meshgrid(x, y, indexing="ij")
    return grid(np.stack([a, b, np.zeros_like(a)], axis=2), material)


def _planks(rng: np.random.Generator, size: tuple[float, float], shades: list[int], along: int, width: float) -> Mesh:
    """Rows of boards of random length, side by side along axis `along`."""
    length, across = size[along], size[1 - along]
    edges = np.append(np.arange(0, across, width), across)
    steps = np.append(np.arange(0, length, 0.3), length)
    rows = []
    for _ in edges[1:]:
        ends = np.cumsum(rng.uniform(0.6, 2.2, int(length / 0.6) + 2)) - rng.uniform(0, 1.5)
        rows.append(np.array(shades)[rng.integers(len(shades), size=len(ends) + 1)][np.searchsorted(ends, steps[:-1])])
    cells = np.stack(rows, axis=1)
    mesh = flat(steps, edges, cells)
    return mesh if along == 0 else Mesh(mesh.vertices[:, [1, 0, 2]], mesh.faces, mesh.material)


def _tiles(rng: np.random.Generator, size: tuple[float, float], tiles: list[int], joint: int, pitch: float) -> Mesh:
    """Square tiles with joints over [0, x] by [0, y] at z = 0; two materials alternate."""
    lines = []
    for extent in size:
        first = np.arange(-rng.uniform(0, pitch), extent, pitch)
        cuts = np.clip(np.stack([first, first + 0.008], axis=1).ravel(), 0, extent)
        lines.append(np.concatenate([[0.0], cuts, [extent]]))
    i, j = np.ogrid[: len(lines[0]) - 1, : len(lines[1]) - 1]
    cells = np.where((i % 2 == 1) | (j % 2 == 1), joint, np.array(tiles)[(i // 2 + j // 2) % 2])
    return flat(lines[0], lines[1], cells)


def rug(m: RoomMaker, size: tuple[float, float]) -> Mesh:
    """A rug centred at the origin, with a border and stripes or a field of lozenges."""
    colors = np.array([m.cloth(m.hue(m.between(0.06, 0.55))) for _ in range(3)])
    x, y = (np.linspace(-s / 2, s / 2, n) for s, n in zip(size, (17, 25), strict=True))
    i, j = np.indices((16, 24))
    fields = ((j // 3) % 2, (i // 2 + j // 2) % 2, (abs(i - 8) + abs(j - 12)) // 3 % 2, np.zeros_like(i))
    cells = colors[fields[m.rng.integers(4)]]
    cells[(i < 1) | (i > 14) | (j < 1) | (j > 22)] = colors[2]
    return flat(x, y, cells).placed(0, 0, 0.012)
