"""Ray queries against a scene's triangles, by Embree."""

from __future__ import annotations

from typing import Any

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from depthrepro.worlds.meshes import Mesh, cross

SHADOW_OFFSET_M = 0.01


class Tracer:
    """A scene's triangles with their unit normals, ready for rays."""

    def __init__(self, mesh: Mesh) -> None:
        """Build the search tree."""
        self._scene = rtcore_scene.EmbreeScene()
        # The constructor reads number by number, and Python's own floats faster than an array's.
        self._mesh = TriangleMesh(self._scene, mesh.vertices.astype(object), mesh.faces)
        first, second, third = (mesh.vertices.T.take(corner, axis=1) for corner in mesh.faces.T)
        normal = cross(second - first, third - first)
        x, y, z = normal
        self._normal = normal / np.maximum(np.sqrt(x * x + y * y + z * z), np.float32(1e-12))  # (3, F)
        self.material = mesh.material

    def first(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First hits of rays from one point.

        Args:
            origin: (3,) metres.
            directions: (3, N) float32, any length.

        Returns:
            Distances (N,) float32 in lengths of the ray's direction, infinite where nothing is hit, and triangles (N,)
            int32, -1 there.
        """
        hits = self._run(origin[:, None], directions, output=1)
        distance, triangle = hits["tfar"], hits["primID"]
        distance[triangle < 0] = np.inf
        return distance, triangle

    def normals(self, triangle: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Unit normals (3, N) of triangles, on the side that the rays (3, N) come from."""
        normal = self._normal.take(triangle, axis=1)
        return normal * -np.sign(np.einsum("in,in->n", normal, directions))

    def shadowed(self, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """(N,) bool: whether something stands between points (3, N) and a far light in `direction` (3,)."""
        return self._run(points, direction[:, None], query="OCCLUDED") >= 0

    def blocked(self, points: np.ndarray, toward: np.ndarray) -> np.ndarray:
        """(N,) bool: whether something stands between points (3, N) and the ends of vectors (3, N) from them."""
        # Just short of the end: lamps and windows may have a surface there.
        return self._run(points, toward, 0.97, query="OCCLUDED") >= 0

    def reach(self, points: np.ndarray, direction: np.ndarray, limit: float) -> np.ndarray:
        """(N,) float32: metres from points (3, N) along a unit vector (3,) to a surface, up to `limit`."""
        return self._run(points, direction[:, None], limit, query="DISTANCE")

    def _run(self, points: np.ndarray, rays: np.ndarray, length: float = np.inf, **query: Any) -> Any:
        """Embree's answer for rays (3, N) or (3, 1) from points (3, N) or (3, 1)."""
        both = np.broadcast_arrays(points, rays)
        origins, directions = (np.ascontiguousarray(a.T, dtype=np.float32) for a in both)
        return self._scene.run(origins, directions, np.full(len(origins), length, dtype=np.float32), **query)
