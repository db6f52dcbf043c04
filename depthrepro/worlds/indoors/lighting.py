"""Light in a room: lamps and windows as groups of points, the sun through the windows, and what walls return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.materials import albedo
from depthrepro.worlds.scene import Light, Scene, surface_side
from depthrepro.worlds.tracer import SHADOW_OFFSET_M, Hits, Tracer

_REACH_M = 1.1  # how far a surface looks for others that keep off the light of the room
_REFLECTED = 0.55  # mean albedo of a room's surfaces
_DIRECTIONS = 16
_GLOW = 13  # column of the material table


def _sphere_directions(count: int) -> np.ndarray:
    """(3, count) float32 unit vectors, even over the sphere, along no axis of the room."""
    k = np.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(angle + 0.4), r * np.sin(angle + 0.4), z]).astype(np.float32)


@dataclass(frozen=True)
class RoomLight(Light):
    """All light of one room, linear RGB.

    Attributes:
        points: (K, 3) float32, metres: points of lamps and windows.
        normals: (K, 3) float32: where each sends its light; zero for all round.
        power: (K, 3) float32: what a surface 1 m away and facing it receives.
        sun: (3,) float32, unit vector to the sun.
        sun_color: (3,) float32, zero for none.
        ambient: (3,) float32: light returned by the walls, on a free surface.
        sky: (2, 3) float32: what is seen through the windows, at the horizon and overhead.
        tint: (3,) white balance.
    """

    points: np.ndarray
    normals: np.ndarray
    power: np.ndarray
    sun: np.ndarray
    sun_color: np.ndarray
    ambient: np.ndarray
    sky: np.ndarray
    tint: np.ndarray

    def shade(
        self, scene: Scene, focal_px: float, origin: np.ndarray, rays: np.ndarray, hits: Hits
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Light.shade`."""
        found = np.flatnonzero(hits.found)
        color = np.ascontiguousarray(self.seen_outside(rays), dtype=np.float32)
        code = np.full(rays.shape[1], -1, dtype=np.int32)
        depth, triangle = hits.distance[found], hits.triangle[found]
        rays = rays[:, found]
        points = origin[:, None] + rays * depth
        normal = scene.tracer.normals(triangle, rays)
        material = scene.tracer.material.take(triangle)
        sunlit = self.sunlit(scene.tracer, points, normal)
        received = self.soft(scene.tracer, points, normal) + self.sun_color[:, None] * sunlit
        received += scene.table[:, _GLOW].take(material)
        color[:, found] = albedo(scene.table, material, points, depth / np.float32(focal_px)) * received
        side = surface_side(normal)
        code[found] = 64 * material + 8 * (side.astype(np.int32) + 8) + (sunlit > 0)
        return color, code

    def soft(self, tracer: Tracer, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Light that surfaces receive from lamps, windows and walls, without the sun.

        Args:
            tracer: The room's triangles.
            points: (3, N) float32, metres.
            normals: (3, N) float32, towards the viewer.

        Returns:
            (3, N) float32.
        """
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

    def sunlit(self, tracer: Tracer, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(N,) float32: cosine of the sun's angle where it shines on the points (3, N), else 0."""
        facing = self.sun @ normals
        lit = np.flatnonzero(facing > 0) if self.sun_color.any() else np.empty(0, dtype=np.intp)
        start = points[:, lit] + np.float32(SHADOW_OFFSET_M) * normals[:, lit]
        lit = lit[~tracer.shadowed(start, self.sun)]
        result = np.zeros_like(facing)
        result[lit] = facing[lit]
        return result

    def seen_outside(self, rays: np.ndarray) -> np.ndarray:
        """(3, N) colour along rays (3, N) that leave through a window."""
        up = np.clip(rays[2] / np.linalg.norm(rays, axis=0) * np.float32(1.5) + np.float32(0.1), 0, 1)
        return self.sky[0][:, None] + (self.sky[1] - self.sky[0])[:, None] * up

    def _openness(self, tracer: Tracer, start: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(N,) float32 in [0, 1]: low in corners and under furniture, where other surfaces are near."""
        total, weight = np.zeros((2, start.shape[1]), dtype=np.float32)
        for direction in _sphere_directions(_DIRECTIONS).T:
            cosine = direction @ normals
            above = np.flatnonzero(cosine > 0.05)
            reach = tracer.reach(start[:, above], direction, _REACH_M)
            total[above] += cosine[above] * (
                np.float32(0.25) + np.float32(0.75) * np.sqrt(reach / np.float32(_REACH_M))
            )
            weight[above] += cosine[above]
        return total / np.maximum(weight, np.float32(1e-6))


def returned(power: np.ndarray, area: float) -> np.ndarray:
    """Light that the walls of a room return: what the sources send out, spread over all surfaces.

    Args:
        power: (K, 3) as in `RoomLight`.
        area: Of all surfaces, square metres.
    """
    return (2 * np.pi * power.sum(axis=0) * _REFLECTED / (1 - _REFLECTED) / area).astype(np.float32)
