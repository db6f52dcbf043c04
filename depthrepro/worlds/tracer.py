"""Ray queries against a scene's triangles, by Embree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from depthrepro.worlds.meshes import Mesh

SHADOW_OFFSET_M = 0.01


@dataclass(frozen=True)
class Hits:
    """First surfaces along rays.

    Attributes:
        distance: (N,) float32 in lengths of the ray's direction; infinite where nothing is hit.
        triangle: (N,) int32, -1 where nothing is hit.
    """

    distance: np.ndarray
    triangle: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(N,) bool: whether the ray hits anything."""
        return self.triangle >= 0


class Tracer:
    """A scene's triangles with their unit normals, ready for rays."""

    def __init__(self, mesh: Mesh) -> None:
        """Build the search tree."""
        self._scene = rtcore_scene.EmbreeScene()
        self._mesh = TriangleMesh(self._scene, mesh.vertices, mesh.faces)
        corners = mesh.vertices[mesh.faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        self._normal = np.ascontiguousarray(normal / np.maximum(length, 1e-12), dtype=np.float32)
        self.material = mesh.material

    def first(self, origin: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of rays from one point.

        Args:
            origin: (3,) metres.
            directions: (3, N) float32, any length.
        """
        rays = np.ascontiguousarray(directions.T)
        origins = np.tile(np.asarray(origin, dtype=np.float32), (len(rays), 1))
        result = self._scene.run(origins, rays, output=1)
        triangle = result["primID"]
        distance = result["tfar"]
        distance[triangle < 0] = np.inf
        return Hits(distance, triangle)

    def normals(self, triangle: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Unit normals (3, N) of triangles, on the side that the rays (3, N) come from."""
        normal = self._normal.take(triangle, axis=0).T
        return normal * -np.sign(np.einsum("in,in->n", normal, directions))

    def shadowed(self, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """(N,) bool: whether something stands between points (3, N) and a far light in `direction` (3,)."""
        origins = np.ascontiguousarray(points.T)
        rays = np.tile(np.asarray(direction, dtype=np.float32), (len(origins), 1))
        return self._scene.run(origins, rays, query="OCCLUDED") >= 0

    def blocked(self, points: np.ndarray, toward: np.ndarray) -> np.ndarray:
        """(N,) bool: whether something stands between points (3, N) and the ends of vectors (3, N) from them."""
        # Just short of the end: lamps and windows may have a surface there.
        length = np.full(points.shape[1], 0.97, dtype=np.float32)
        rays = np.ascontiguousarray(toward.T)
        return self._scene.run(np.ascontiguousarray(points.T), rays, length, query="OCCLUDED") >= 0

    def reach(self, points: np.ndarray, direction: np.ndarray, limit: float) -> np.ndarray:
        """(N,) float32: metres from points (3, N) along a unit vector (3,) to a surface, up to `limit`."""
        origins = np.ascontiguousarray(points.T)
        rays = np.tile(np.asarray(direction, dtype=np.float32), (len(origins), 1))
        return self._scene.run(origins, rays, np.full(len(origins), limit, dtype=np.float32), query="DISTANCE")
