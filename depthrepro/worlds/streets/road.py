"""The course of a street: a curved centre line over rolling ground."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.meshes import Mesh, grid, quads

START_M, END_M = -80.0, 360.0  # the centre line's range; cameras stay within the first two thirds
_STEP_M = 1.0


class Road:
    """Street coordinates: s metres along the centre line, t metres to its left."""

    def __init__(self, rng: np.random.Generator, sharpest: float, steepest: float) -> None:
        """Draw a course of curvatures up to `sharpest`, in 1/m, over slopes up to `steepest`."""
        wave_number = 2 * np.pi / rng.uniform(120, 360, 3)
        angle = rng.uniform(0, 2 * np.pi, 3)
        slope = rng.dirichlet(np.ones(3)) * steepest  # the waves' slopes add up to at most this
        k, phase = wave_number * np.array([np.cos(angle), np.sin(angle)]), rng.uniform(0, 2 * np.pi, 3)
        self._waves = np.stack([*k, phase, slope / wave_number], axis=1)
        self._s = np.arange(START_M, END_M + _STEP_M, _STEP_M)
        knots = np.arange(START_M - 60, END_M + 120, rng.uniform(45, 90))
        bend = rng.uniform(-1, 1, len(knots)) * sharpest
        curvature = np.interp(self._s, knots, bend)
        heading = np.cumsum(curvature) * _STEP_M
        self._heading = heading - heading[-int(START_M)]
        self._x = np.cumsum(np.cos(self._heading)) * _STEP_M
        self._y = np.cumsum(np.sin(self._heading)) * _STEP_M

    def height(self, x: float | np.ndarray, y: float | np.ndarray) -> np.ndarray:
        """Height of the ground in metres at world positions of any one shape: a sum of plane waves."""
        return sum(amplitude * np.sin(kx * x + ky * y + phase) for kx, ky, phase, amplitude in self._waves)

    def heading(self, s: float | np.ndarray) -> np.ndarray:
        """Direction of the centre line, radians from the world's x axis."""
        return np.interp(s, self._s, self._heading)

    def plane(self, s: float | np.ndarray, t: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World (x, y) of street coordinates."""
        angle = self.heading(s)
        x, y = np.interp(s, self._s, self._x), np.interp(s, self._s, self._y)
        return x - np.sin(angle) * t, y + np.cos(angle) * t

    def point(self, s: float, t: float, z: float = 0.0) -> tuple[float, float, float]:
        """World (x, y, z) of street coordinates, z metres above the ground."""
        x, y = self.plane(s, t)
        return float(x), float(y), float(self.height(x, y)) + z

    def ribbon(self, s: np.ndarray, t: np.ndarray, z: np.ndarray, material: np.ndarray) -> Mesh:
        """A surface that follows the street: `s` (M,), `t` (N,), `z` (M, N) above the ground, `material` by cell."""
        return grid(self._lifted(*self.plane(s[:, None], t), z), material)

    def tiles(self, s: np.ndarray, t: np.ndarray, z: float, material: int) -> Mesh:
        """Flat patches on the street: `s` and `t` are (Q, 2), from and to; z metres above the ground."""
        return quads(self._lifted(*self.plane(s[:, [0, 1, 1, 0]], t[:, [0, 0, 1, 1]]), z), material)

    def put(self, mesh: Mesh, s: float, t: float, turn: float = 0.0, z: float = 0.0) -> Mesh:
        """An object placed at street coordinates, z above the ground, turned by `turn` against the street."""
        return mesh.placed(*self.point(s, t, z), float(self.heading(s)) + turn)

    def side_plane(self, at: float, s: float | np.ndarray, t: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World (x, y) in a side street that leaves at a right angle at `at`: s across it, t along it."""
        x0, y0 = self.plane(at, 0.0)
        angle = float(self.heading(at))
        return x0 + np.cos(angle) * s - np.sin(angle) * t, y0 + np.sin(angle) * s + np.cos(angle) * t

    def side_ribbon(self, at: float, s: np.ndarray, t: np.ndarray, z: np.ndarray, material: int) -> Mesh:
        """A straight surface along a side street: `s` (M,), `t` (N,), `z` (M,) above the ground."""
        return grid(self._lifted(*self.side_plane(at, s[:, None], t), z[:, None]), material)

    def _lifted(self, x: np.ndarray, y: np.ndarray, z: float | np.ndarray) -> np.ndarray:
        """Points (..., 3) at a height above the ground."""
        return np.stack([x, y, self.height(x, y) + z], axis=-1)
