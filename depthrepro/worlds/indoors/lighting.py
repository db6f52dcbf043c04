"""Light in a room: lamps and windows as groups of points, the sun through the windows, and what walls return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.scene import Light
from depthrepro.worlds.tracer import SHADOW_OFFSET_M, Tracer

_REACH_M = 1.1  # how far a surface looks for others that keep off the light of the room


def _sphere_directions(count: int = 16) -> np.ndarray:
    """(count, 3) float32 unit vectors, even over the sphere, along no axis of the room."""
    k = np.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(angle + 0.4), r * np.sin(angle + 0.4), z], axis=1).astype(np.float32)


@dataclass(frozen=True)
class RoomLight(Light):
    """All light of one room, linear RGB.

    Attributes:
        points: (K, 3) float32, metres: points of lamps and windows.
        normals: (K, 3) float32: where each sends its light; zero for all round.
        power: (K, 3) float32: what a surface 1 m away and facing it receives.
        ambient: (3,) float32: light returned by the walls, on a free surface.
        sky: (2, 3) float32: what is seen through the windows, at the horizon and overhead.
    """

    points: np.ndarray
    normals: np.ndarray
    power: np.ndarray
    ambient: np.ndarray
    sky: np.ndarray

    def indirect(self, tracer: Tracer, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """From lamps, windows and walls; see `Light.indirect`."""
        start = points + np.float32(SHADOW_OFFSET_M) * normals
        total = self.ambient[:, None] * self._openness(tracer, start, normals)
        for place, facing, power in zip(self.points, self.normals, self.power, strict=True):
            toward = place[:, None] - start
            square = np.einsum("in,in->n", toward, toward)
            cosine = np.einsum("in,in->n", toward, normals)
            strength = cosine / (square + np.float32(0.02)) ** 1.5
            if facing.any():
                strength *= np.maximum(-(facing @ toward), 0) / np.sqrt(square)
            seen = np.flatnonzero(strength * power.max() > 2e-3 * self.ambient.max())
            seen = seen[~tracer.blocked(start[:, seen], toward[:, seen])]
            total[:, seen] += power[:, None] * strength[seen]
        return total

    def outside(self, rays: np.ndarray) -> np.ndarray:
        """What is seen through a window; see `Light.outside`."""
        up = np.clip(rays[2] / np.linalg.norm(rays, axis=0) * np.float32(1.5) + np.float32(0.1), 0, 1)
        return self.sky[0][:, None] + (self.sky[1] - self.sky[0])[:, None] * up

    def _openness(self, tracer: Tracer, start: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(N,) float32 in [0, 1]: low in corners and under furniture, where other surfaces are near."""
        total, weight = np.zeros((2, start.shape[1]), dtype=np.float32)
        for direction in _sphere_directions():
            cosine = direction @ normals
            above = np.flatnonzero(cosine > 0.05)
            reach = tracer.reach(start[:, above], direction, _REACH_M)
            total[above] += cosine[above] * (
                np.float32(0.25) + np.float32(0.75) * np.sqrt(reach / np.float32(_REACH_M))
            )
            weight[above] += cosine[above]
        return total / np.maximum(weight, np.float32(1e-6))
