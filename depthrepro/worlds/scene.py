"""A scene: triangles, their materials, and the light that they are seen in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from depthrepro.worlds.materials import GLOW, SOFT, albedo
from depthrepro.worlds.meshes import Mesh
from depthrepro.worlds.tracer import SHADOW_OFFSET_M, Tracer


@dataclass(frozen=True)
class Light(ABC):
    """Light of a scene, and how its surfaces look in it; linear RGB.

    Attributes:
        sun: Unit vector to the sun, (3,) float32, z up.
        sun_color: Radiance of direct light on a surface facing the sun, (3,) float32; 0 without sunshine.
        tint: Colour temperature of the camera's white balance, (3,), about 1.
        lift: Share of the depth by which a surface is kept off its own shadow, beyond `SHADOW_OFFSET_M`.
    """

    sun: np.ndarray
    sun_color: np.ndarray
    tint: np.ndarray
    lift: ClassVar[float] = 0.0

    @abstractmethod
    def outside(self, rays: np.ndarray) -> np.ndarray:
        """Colour (3, N) float32 along rays (3, N) of any length that hit nothing."""

    @abstractmethod
    def indirect(self, tracer: Tracer, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Light (3, N) float32 that surfaces receive but for the sun, by points (3, N) in metres and unit normals."""

    def through_air(self, color: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """How surfaces' colours (3, N) look from a depth (N,) in metres."""
        return color

    def shade(
        self, scene: Scene, focal_px: float, origin: np.ndarray, rays: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Linear colour of rays, a code that changes at the edges of surfaces and shadows, and depth.

        Args:
            scene: What the rays hit.
            focal_px: Of the camera; materials leave out what is finer than a pixel.
            origin: Camera, (3,) float32 metres.
            rays: (3, N) float32 of unit depth.

        Returns:
            Colour (3, N) float32; code (N,) int32, -1 where nothing is hit; depth (N,) float32 in metres, infinite
            there.
        """
        distance, triangle = scene.tracer.first(origin, rays)
        color = np.empty_like(rays)
        code = np.full(rays.shape[1], -1, dtype=np.int32)
        found, missed = np.flatnonzero(triangle >= 0), np.flatnonzero(triangle < 0)
        depth = distance
        if len(missed):
            color[:, missed] = self.outside(rays.take(missed, axis=1))
            rays, depth, triangle = rays.take(found, axis=1), distance.take(found), triangle.take(found)
        points = origin[:, None] + rays * depth
        normals = scene.tracer.normals(triangle, rays)
        material = scene.tracer.material.take(triangle)
        soft, glow = scene.table[:, SOFT].take(material), scene.table[:, GLOW].take(material)
        facing = self.sun @ normals
        lit = np.flatnonzero(facing > 0) if self.sun_color.any() else np.empty(0, dtype=np.intp)
        off = SHADOW_OFFSET_M + np.float32(self.lift) * depth.take(lit)
        lifted = points.take(lit, axis=1) + off * normals.take(lit, axis=1)
        lit = lit[~scene.tracer.shadowed(lifted, self.sun)]
        sun = np.zeros_like(depth)
        sun[lit] = facing[lit] + soft[lit] * (np.float32(0.6) - facing[lit])
        received = self.indirect(scene.tracer, points, normals) + self.sun_color[:, None] * sun + glow
        surface = albedo(scene.table, material, points, depth / np.float32(focal_px)) * received
        color[:, found] = self.through_air(surface, depth)
        side = _side(normals) * (soft == 0)  # within leaves every facet would count as an edge
        code[found] = 64 * material + 8 * (side.astype(np.int32) + 8)
        code[found[lit]] += 1
        return color, code, distance


@dataclass(frozen=True)
class Scene:
    """Everything that the cameras and the laser see.

    Attributes:
        mesh: All triangles.
        table: Materials, `Palette.table()`.
        light: Light on them.
    """

    mesh: Mesh
    table: np.ndarray
    light: Light

    @cached_property
    def tracer(self) -> Tracer:
        """The triangles, ready for rays."""
        return Tracer(self.mesh)


def _side(normal: np.ndarray) -> np.ndarray:
    """(N,) float32 whole numbers from -6 to 3 that tell the sides of boxes apart, from unit normals (3, N)."""
    return np.floor(normal[2] * np.float32(1.49)) + np.float32(2) * np.floor(normal[0] * np.float32(1.49))


def direction(height: float, azimuth: float) -> np.ndarray:
    """Unit vector (3,) float32 at a height above the horizon and an azimuth, radians."""
    x, y, z = np.cos(height) * np.cos(azimuth), np.cos(height) * np.sin(azimuth), np.sin(height)
    return np.array([x, y, z], dtype=np.float32)
