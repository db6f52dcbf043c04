from __future__ import annotations

import numpy as np
import pytest

from depthrepro.worlds.camera import rotation
from depthrepro.worlds.sets.kitti_calibration import DATES, cam_to_cam_text, make_rig


@pytest.mark.parametrize("date", DATES)
def test_cam_to_cam_holds_kittis_fields_and_the_rig(date):
    rig = make_rig(date, 620, 188)
    rows = dict(line.split(": ", 1) for line in cam_to_cam_text(rig).splitlines())
    fields = ("S", "K", "D", "R", "T", "S_rect", "R_rect", "P_rect")
    assert set(rows) == {"calib_time", "corner_dist"} | {f"{f}_{c:02d}" for f in fields for c in range(4)}
    left, right = (np.array(rows[f"P_rect_0{c}"].split(), dtype=float).reshape(3, 4) for c in (2, 3))
    np.testing.assert_allclose(left[:, :3], rig.K, rtol=1e-6)
    np.testing.assert_array_equal(left[1:], right[1:])
    assert (left[0, 3] - right[0, 3]) / left[0, 0] == pytest.approx(rig.baseline_m, rel=1e-5)
    assert rows["S_rect_02"] == "6.200000e+02 1.880000e+02"


def test_days_differ_and_the_focal_length_follows_the_width():
    first, second = (make_rig(d, 620, 188) for d in DATES)
    assert abs(first.focal_px - second.focal_px) > 3
    assert abs(first.baseline_m - second.baseline_m) > 0.002
    assert make_rig(DATES[0], 1242, 375).focal_px == pytest.approx(721.5)
    assert first.focal_px == pytest.approx(721.5 * 620 / 1242, rel=1e-5)
    assert make_rig(DATES[0], 310, 94).baseline_m == first.baseline_m


@pytest.mark.parametrize("date", DATES)
def test_rectification_and_laser_are_turned_a_little(date):
    rig = make_rig(date, 620, 188)
    for turn in (rig.rectify, rig.laser_rotation):
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-5)
    angle = np.degrees(np.arccos((np.trace(rig.rectify) - 1) / 2))
    assert 0.1 < angle < 3


def test_rotation_turns_counter_clockwise():
    np.testing.assert_allclose(rotation(0, 0, np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation(np.pi / 2, 0, 0) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
