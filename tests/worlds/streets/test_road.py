from __future__ import annotations

import numpy as np
import pytest

from depthrepro.worlds.meshes import box
from depthrepro.worlds.streets.road import Road
from depthrepro.worlds.streets.section import Section


@pytest.fixture
def road() -> Road:
    return Road(np.random.default_rng(5), sharpest=1 / 80, steepest=0.06)


def test_street_coordinates_are_metres(road):
    s = np.arange(0.0, 200.0, 0.5)
    x, y = road.plane(s, 0.0)
    np.testing.assert_allclose(np.hypot(np.diff(x), np.diff(y)), 0.5, rtol=1e-3)
    x0, y0 = road.plane(50.0, 0.0)
    x1, y1 = road.plane(50.0, 3.0)
    assert np.hypot(x1 - x0, y1 - y0) == pytest.approx(3.0)
    forward = road.heading(50.0)
    assert np.cos(forward) * (y1 - y0) - np.sin(forward) * (x1 - x0) == pytest.approx(3.0)  # t counts to the left


def test_curves_and_slopes_stay_within_the_limits(road):
    s = np.arange(-80.0, 360.0, 1.0)
    assert np.abs(np.diff(road.heading(s))).max() <= 1 / 80 + 1e-6
    x, y = road.plane(s, 0.0)
    assert np.abs(np.diff(road.height(x, y))).max() <= 0.06 + 1e-6


def test_objects_stand_on_the_ground_facing_along_the_street(road):
    placed = road.put(box((-2, -0.1, 0), (2, 0.1, 1), 0), 40.0, 2.0)
    np.testing.assert_allclose(placed.vertices.mean(axis=0)[:2], road.point(40.0, 2.0)[:2], atol=1e-4)
    assert placed.vertices[:, 2].min() == pytest.approx(road.point(40.0, 2.0)[2], abs=1e-4)
    along = placed.vertices[placed.vertices[:, 2].argsort()][:4, :2]
    direction = np.array([np.cos(road.heading(40.0)), np.sin(road.heading(40.0))])
    assert np.ptp(along @ direction) == pytest.approx(4.0, abs=1e-3)


def test_side_street_starts_at_the_centre_line(road):
    np.testing.assert_allclose(road.side_plane(70.0, np.float64(0), np.float64(4)), road.plane(70.0, 4.0))


def test_crossings_block_the_stretch_around_them():
    section = Section(3.0, (3.0, 3.0), (5.0, 5.0), ((50.0, 6.0),), np.inf)
    assert section.crosses(40.0, 46.0) and section.crosses(49.0, 51.0) and section.crosses(54.0, 60.0)
    assert not section.crosses(30.0, 44.9) and not section.crosses(55.1, 70.0)
