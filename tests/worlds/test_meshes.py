from __future__ import annotations

import numpy as np
import pytest

from depthrepro.worlds.meshes import Mesh, blob, box, cross, extrude, grid, merge, quads, tube
from depthrepro.worlds.tracer import Tracer


def area(mesh: Mesh) -> float:
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    return float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


def test_areas_of_simple_shapes():
    assert area(box((0, 0, 0), (1, 2, 3), 0)) == pytest.approx(22.0)  # 2 · (2 + 3 + 6)
    assert area(quads(np.array([[[0, 0, 0], [2, 0, 0], [2, 3, 0], [0, 3, 0]]]), 0)) == pytest.approx(6.0)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    assert area(extrude(square, 1.0, 0)) == pytest.approx(10.0)  # two caps of 1, four sides of 2
    assert area(tube((0, 0, 0), (0, 0, 2), (1.0, 1.0), 0, 64)) == pytest.approx(6 * np.pi, rel=0.01)
    assert area(blob((0, 0, 0), (1, 1, 1), 0, subdivisions=3)) == pytest.approx(4 * np.pi, rel=0.02)


def test_placing_scales_turns_and_moves():
    placed = box((1, 0, 0), (2, 1, 1), 0).placed(10, 20, 30, np.pi / 2, scale=2.0)
    np.testing.assert_allclose(placed.vertices.min(axis=0), [8, 22, 30], atol=1e-5)
    np.testing.assert_allclose(placed.vertices.max(axis=0), [10, 24, 32], atol=1e-5)


def test_merge_keeps_materials_and_shapes():
    parts = [box((0, 0, 0), (1, 1, 1), 4), box((5, 0, 0), (6, 1, 2), 7)]
    whole = merge(parts)
    assert area(whole) == pytest.approx(sum(area(p) for p in parts))
    assert (whole.material[:12] == 4).all() and (whole.material[12:] == 7).all()


def test_grid_gives_each_cell_its_material():
    points = np.stack([*np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0], indexing="ij"), np.zeros((3, 2))], axis=2)
    mesh = grid(points, np.array([[5], [6]]))
    middle = mesh.vertices[mesh.faces].mean(axis=1)
    np.testing.assert_array_equal(mesh.material, np.where(middle[:, 0] < 1, 5, 6))


def test_rays_meet_a_box_where_they_should():
    tracer = Tracer(box((4, -1, -1), (5, 1, 1), 0))
    rays = np.array([[1, 0.1, 0], [2, 0.2, 0], [0, 0, 1]], dtype=np.float32).T
    distance, triangle = tracer.first(np.zeros(3), rays)
    np.testing.assert_allclose(distance, [4, 2, np.inf])
    np.testing.assert_array_equal(triangle >= 0, [True, True, False])
    np.testing.assert_allclose(tracer.normals(triangle[:2], rays[:, :2]).T, [[-1, 0, 0]] * 2)
    below, beside = [4.5, 0, -3], [3, 0, -3]
    points = np.array([below, beside], dtype=np.float32).T
    np.testing.assert_array_equal(tracer.shadowed(points, np.array([0, 0, 1])), [True, False])


def test_cross_products_and_normals_are_numpys_to_the_bit() -> None:
    vertices = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    faces = np.arange(300, dtype=np.int32).reshape(-1, 3)
    a, b, c = vertices[faces].swapaxes(0, 1)
    expected = np.cross(b - a, c - a)
    np.testing.assert_array_equal(cross((b - a).T, (c - a).T).T, expected)
    np.testing.assert_array_equal(cross(a[0], np.array([1.0, 0.0, 0.0])), np.cross(a[0], [1.0, 0.0, 0.0]))
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
    tracer, rays = Tracer(Mesh(vertices, faces, np.zeros(100, dtype=np.int32))), -expected.T
    np.testing.assert_array_equal(tracer.normals(np.arange(100), rays).T, expected)
