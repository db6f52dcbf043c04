"""Triangle meshes with one material per face: the few shapes that scenes are made of.

Local axes everywhere: x forward, y left, z up, metres. Faces are two-sided; the renderer turns normals to the ray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

_BOX_FACES = np.array(
    [0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3],
    dtype=np.int32,
).reshape(12, 3)
_GOLDEN = (1 + 5**0.5) / 2  # of the three rectangles whose corners an icosahedron has
_ICOSAHEDRON = [[x, y * _GOLDEN, 0] for y in (1, -1) for x in (-1, 1)]
_ICOSAHEDRON += [[0, x, y * _GOLDEN] for y in (1, -1) for x in (-1, 1)]
_ICOSAHEDRON += [[y * _GOLDEN, 0, x] for y in (1, -1) for x in (-1, 1)]
_ICOSAHEDRON_FACES = [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4], [11, 10, 2]]
_ICOSAHEDRON_FACES += [[10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8], [3, 8, 9], [4, 9, 5]]
_ICOSAHEDRON_FACES += [[2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]]
Point = Sequence[float] | np.ndarray
_BOX_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float32)


@dataclass(frozen=True)
class Mesh:
    """Triangles and their materials.

    Attributes:
        vertices: (V, 3) float32, metres.
        faces: (F, 3) int32, rows of `vertices`.
        material: (F,) int32, rows of the scene's palette.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray

    def placed(self, x: float, y: float, z: float, yaw: float = 0.0, scale: float = 1.0) -> Mesh:
        """The mesh scaled, turned by `yaw` about z (radians, counter-clockwise), and moved to (x, y, z)."""
        c, s = scale * np.cos(yaw), scale * np.sin(yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, scale]], dtype=np.float32)
        offset = np.array([x, y, z], dtype=np.float32)
        return Mesh(self.vertices @ turn.T + offset, self.faces, self.material)


def _mesh(vertices: np.ndarray, faces: np.ndarray, material: int) -> Mesh:
    """A mesh of one material."""
    return Mesh(
        np.asarray(vertices, dtype=np.float32),
        np.asarray(faces, dtype=np.int32),
        np.full(len(faces), material, dtype=np.int32),
    )


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of all triangles."""
    offsets = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + np.int32(o) for m, o in zip(meshes, offsets, strict=True)]),
        np.concatenate([m.material for m in meshes]),
    )


def box(low: Point, high: Point, material: int) -> Mesh:
    """An axis-aligned box between two corners (x, y, z)."""
    low_, high_ = np.asarray(low, dtype=np.float32), np.asarray(high, dtype=np.float32)
    return _mesh(low_ + _BOX_CORNERS * (high_ - low_), _BOX_FACES, material)


def quads(corners: np.ndarray, material: int) -> Mesh:
    """Flat quadrilaterals.

    Args:
        corners: (Q, 4, 3), in order around each quadrilateral.
        material: Row of the palette.
    """
    corners = np.asarray(corners, dtype=np.float32).reshape(-1, 4, 3)
    first = 4 * np.arange(len(corners), dtype=np.int32)[:, None]
    faces = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])])
    return _mesh(corners.reshape(-1, 3), faces, material)


def grid(points: np.ndarray, material: int | np.ndarray) -> Mesh:
    """A surface through a lattice of points.

    Args:
        points: (M, N, 3) with M, N >= 2.
        material: One row of the palette, or (M - 1, N - 1) rows, one a cell.
    """
    m, n = points.shape[:2]
    index = np.arange(m * n, dtype=np.int32).reshape(m, n)
    a, b, c, d = (q.ravel() for q in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    cells = np.broadcast_to(np.asarray(material, dtype=np.int32), (m - 1, n - 1)).ravel()
    return Mesh(points.reshape(-1, 3).astype(np.float32), faces, np.tile(cells, 2))


def extrude(profile: np.ndarray, half_width: float | np.ndarray, material: int) -> Mesh:
    """A convex side profile in the x-z plane, swept symmetrically across y.

    Args:
        profile: (P, 2) points (x, z) around the outline.
        half_width: Half the extent along y, one number or one for each point (P,).
        material: Row of the palette.
    """
    profile = np.asarray(profile, dtype=np.float32)
    n = len(profile)
    half = np.broadcast_to(np.asarray(half_width, dtype=np.float32), (n,))
    left = np.stack([profile[:, 0], half, profile[:, 1]], axis=1)
    vertices = np.concatenate([left, left * np.array([1, -1, 1], dtype=np.float32)])
    fan = np.stack([np.zeros(n - 2, dtype=int), np.arange(1, n - 1), np.arange(2, n)], axis=1)
    return _mesh(vertices, np.concatenate([_wall(n), fan, fan + n]), material)


def _wall(n: int) -> np.ndarray:
    """Faces (2 n, 3) between two rings of `n` points each, the points of the second following on the first's."""
    i = np.arange(n)
    j = (i + 1) % n
    return np.concatenate([np.stack([i, j, j + n], axis=1), np.stack([i, j + n, i + n], axis=1)])


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products of vectors (3,) or columns (3, N); on one vector `np.cross` takes several times as long."""
    return a[[1, 2, 0]] * b[[2, 0, 1]] - a[[2, 0, 1]] * b[[1, 2, 0]]


def tube(start: Point, end: Point, radius: tuple[float, float], material: int, sides: int = 6) -> Mesh:
    """A closed, possibly tapered tube between two points, with its radius at each."""
    a, b = np.asarray(start, dtype=np.float32), np.asarray(end, dtype=np.float32)
    axis = (b - a) / np.linalg.norm(b - a)
    side = cross(axis, np.array([1.0, 0.0, 0.0] if abs(axis[0]) < 0.9 else [0.0, 1.0, 0.0]))
    side /= np.linalg.norm(side)
    angle = np.arange(sides) * (2 * np.pi / sides)
    ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * cross(axis, side)
    vertices = np.concatenate([a + radius[0] * ring, b + radius[1] * ring, a[None], b[None]])
    i = np.arange(sides)
    cap = np.stack([i, (i + 1) % sides, np.full(sides, 2 * sides)], axis=1)
    return _mesh(vertices, np.concatenate([_wall(sides), cap, cap + np.array((sides, sides, 1))]), material)


@cache
def _sphere(subdivisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit icosphere: vertices (V, 3) float32, faces (20 · 4^subdivisions, 3) int32."""
    points, faces = np.array(_ICOSAHEDRON) / np.linalg.norm(_ICOSAHEDRON[0]), np.array(_ICOSAHEDRON_FACES)
    for _ in range(subdivisions):
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2))
        _, first, edge = np.unique(edges, axis=0, return_index=True, return_inverse=True)
        middle = points[edges[np.sort(first)]].sum(axis=1)  # of each edge, in the order in which faces name them
        a, b, c = faces.T
        ab, bc, ca = (len(points) + first.argsort().argsort()[edge.ravel()]).reshape(-1, 3).T
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        faces = np.stack([a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca], axis=1).reshape(-1, 3)
    return points.astype(np.float32), faces.astype(np.int32)


def blob(
    center: Point,
    radii: Point,
    material: int,
    rng: np.random.Generator | None = None,
    *,
    bump: float = 0.0,
    subdivisions: int = 1,
) -> Mesh:
    """An ellipsoid whose surface is moved in and out at random by up to the fraction `bump` of its radius."""
    points, faces = _sphere(subdivisions)
    if rng is not None:
        points = points * rng.uniform(1 - bump, 1 + bump, (len(points), 1)).astype(np.float32)
    return _mesh(points * np.asarray(radii, dtype=np.float32) + np.asarray(center, dtype=np.float32), faces, material)


def scatter_leaves(
    center: Point, radii: Point, count: int, size: float, material: int, rng: np.random.Generator
) -> Mesh:
    """Loose triangles of about `size` metres near the surface of an ellipsoid."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    middle = direction * rng.uniform(0.85, 1.2, (count, 1)) * np.asarray(radii) + np.asarray(center)
    corners = middle[:, None, :] + rng.normal(scale=size / 2, size=(count, 3, 3))
    return _mesh(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), material)
