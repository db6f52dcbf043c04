"""A scene: triangles, their materials, and the light that they are seen in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from depthrepro.worlds.meshes import Mesh
from depthrepro.worlds.tracer import Hits, Tracer


class Light(ABC):
    """Light of a scene, and how its surfaces look in it.

    Attributes:
        tint: Colour temperature of the camera's white balance, (3,), about 1.
    """

    tint: np.ndarray

    @abstractmethod
    def shade(
        self, scene: Scene, focal_px: float, origin: np.ndarray, rays: np.ndarray, hits: Hits
    ) -> tuple[np.ndarray, np.ndarray]:
        """Linear colour of rays, and a code that changes at the edges of surfaces and shadows.

        Args:
            scene: What the rays hit.
            focal_px: Of the camera; materials leave out what is finer than a pixel.
            origin: Camera, (3,) float32 metres.
            rays: (3, N) float32 of unit depth.
            hits: First hits of the rays.

        Returns:
            Colour (3, N) float32, and code (N,) int32, -1 where nothing is hit.
        """


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


def surface_side(normal: np.ndarray) -> np.ndarray:
    """(N,) float32 whole numbers from -6 to 3 that tell the sides of boxes apart, from unit normals (3, N)."""
    return np.floor(normal[2] * np.float32(1.49)) + np.float32(2) * np.floor(normal[0] * np.float32(1.49))
