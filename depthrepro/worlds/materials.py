"""Surfaces coloured by solid noise: anchored in the world, the same from wherever they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

_SIZE = 128  # voxels along each side of the noise volume
_FINEST_M = 0.012  # smallest voxel of the fine noise; nearer than that, surfaces only get larger
_VOXEL_PX = 1.3  # size of a fine voxel on the image, in pixels, before it is rounded up to a power of two
# An arbitrary rotation, so that walls and roads do not cut the volume along its axes and show its period.
_TURN = np.linalg.qr(np.array([[0.61, 0.35, -0.71], [-0.52, 0.85, -0.03], [0.58, 0.39, 0.70]]))[0].astype(np.float32)

GLASS, SOFT, GLOW = 11, 12, 13  # columns of `Palette.table()`
Color = Sequence[float] | np.ndarray
Size = float | tuple[float, float, float]


class Palette:
    """The materials of one scene, as columns that shading gathers by material index.

    A point's albedo lies between two colours; where, is decided by noise of a fixed size in the world (`stain`) and by
    noise that keeps about the same size on the image at any distance (`grain`), so that every surface can be matched.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def add(
        self,
        first: Color,
        second: Color,
        *,
        stain: float = 0.6,
        grain: float = 0.6,
        size: Size = 1.5,
        glass: bool = False,
        soft: float = 0.0,
        glow: float = 0.0,
    ) -> int:
        """Add a material and return its index.

        Args:
            first: Linear RGB albedo in [0, 1] at one end.
            second: Albedo at the other end.
            stain: Weight of the noise of fixed size.
            grain: Weight of the fine noise.
            size: Size of the stains in metres; three numbers (x, y, z) for layers or grain in one direction.
            glass: Whether the laser mostly passes through.
            soft: How much light passes through and round the surface, 0 = none; leaves have 0.5 or more.
            glow: Light that it gives by itself, as a multiple of its albedo; only rooms and streets at dusk show it.
        """
        extent = size if isinstance(size, tuple) else (size, size, size)
        self._rows.append((*first, *second, stain, grain, *(10.0 / e for e in extent), float(glass), soft, glow))
        return len(self._rows) - 1

    def plain(
        self, color: Color, spread: float = 0.35, *, stain: float = 0.6, grain: float = 0.6, size: Size = 1.5
    ) -> int:
        """Add a material of one colour, `spread` darker and lighter by turns."""
        low, high = (np.clip(np.asarray(color) * factor, 0, 0.95) for factor in (1 - spread, 1 + spread))
        return self.add(low, high, stain=stain, grain=grain, size=size)

    def table(self) -> np.ndarray:
        """(M, 14) float32: both RGBs, stain, grain, stain frequency x y z in voxels per metre, glass, soft, glow."""
        return np.array(self._rows, dtype=np.float32)


@cache
def noise_atlas() -> np.ndarray:
    """A periodic noise volume, its slices laid side by side for `cv2.remap`.

    Returns:
        (8 · 129, 16 · 129, 2) uint8; slice z lies in row z // 16 and column z % 16, each with its first row and column
        repeated at the end, so that interpolation wraps round. The second channel holds slice z + 1. Values are
        127.5 + 127.5 times the noise, which has zero mean, standard deviation 0.35, and lies in [-1, 1].
    """
    rng = np.random.default_rng(20310504)
    spectrum = np.fft.rfftn(rng.standard_normal((_SIZE, _SIZE, _SIZE), dtype=np.float32))
    f = np.fft.fftfreq(_SIZE)
    radius = np.sqrt(f[:, None, None] ** 2 + f[None, :, None] ** 2 + np.fft.rfftfreq(_SIZE)[None, None, :] ** 2)
    radius[0, 0, 0] = 1.0
    # Features of 3 to 16 voxels: rough enough to match, smooth enough to interpolate.
    gain = radius**-1.3 * np.exp(-((radius / 0.30) ** 4)) * (1 - np.exp(-((radius / 0.05) ** 2)))
    volume = np.fft.irfftn(spectrum * gain, s=(_SIZE, _SIZE, _SIZE), axes=(0, 1, 2))
    volume = np.clip(0.35 * (volume - volume.mean()) / volume.std(), -1, 1)
    slices = np.pad(np.round(127.5 + 127.5 * volume).astype(np.uint8), ((0, 0), (0, 1), (0, 1)), mode="wrap")
    pairs = np.stack([slices, np.roll(slices, -1, axis=0)], axis=3).reshape(8, 16, _SIZE + 1, _SIZE + 1, 2)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1, 3, 4)).reshape(8 * (_SIZE + 1), 16 * (_SIZE + 1), 2)


def noise(points: np.ndarray) -> np.ndarray:
    """Solid noise at points, by trilinear interpolation of the periodic volume.

    Args:
        points: (3, N) float32 coordinates in voxels.

    Returns:
        (N,) float32 in [-1, 1], standard deviation about 0.3.
    """
    n = points.shape[1]
    columns = min(n, 4096)  # cv2.remap takes images of less than 32768 rows and columns
    rows = -(-n // columns) if n else 0
    if not rows:
        return np.empty(0, dtype=np.float32)
    wrapped = np.zeros((3, rows * columns), dtype=np.float32)
    np.multiply(points, np.float32(1 / _SIZE), out=wrapped[:, :n])
    wrapped -= np.floor(wrapped)
    wrapped *= np.float32(_SIZE)
    x, y, z = wrapped
    layer = np.minimum(np.floor(z), np.float32(_SIZE - 1))
    row = np.floor(layer * np.float32(1 / 16))
    x += (layer - 16 * row) * np.float32(_SIZE + 1)
    y += row * np.float32(_SIZE + 1)
    shape = (rows, columns)
    pair = cv2.remap(noise_atlas(), x.reshape(shape), y.reshape(shape), cv2.INTER_LINEAR).reshape(-1, 2)[:n]
    low, high = pair[:, 0].astype(np.float32), pair[:, 1].astype(np.float32)
    return (low + (z - layer)[:n] * (high - low)) * np.float32(1 / 127.5) - np.float32(1)


def albedo(table: np.ndarray, material: np.ndarray, points: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Colour of surface points.

    Args:
        table: `Palette.table()`.
        material: (N,) int, row of the table for each point.
        points: (3, N) float32, world coordinates in metres.
        footprint: (N,) float32, width of one pixel at the point, metres.

    Returns:
        (3, N) float32 linear RGB.
    """
    row = np.ascontiguousarray(table.T).take(material, axis=1)  # columns side by side, for whole-row arithmetic
    level = np.log2(np.maximum(footprint * np.float32(_VOXEL_PX), np.float32(_FINEST_M)))
    lower = np.floor(level)
    blend = level - lower
    scaled = (_TURN @ points) * np.exp2(-lower)
    # Two neighbouring sizes fade into each other with distance; the divisor keeps the variance of their sum.
    fine = noise(scaled)
    fine += blend * (noise(scaled * np.float32(0.5)) - fine)
    fine /= np.sqrt(1 - 2 * blend + 2 * blend * blend)
    mix = row[6] * noise(points * row[8:11]) + row[7] * fine
    mix = np.clip(mix + np.float32(0.5), 0, 1)
    return row[0:3] + (row[3:6] - row[0:3]) * mix
