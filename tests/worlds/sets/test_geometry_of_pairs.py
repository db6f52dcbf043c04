"""The pictures, depth maps, scans and calibration files of a world must describe the same geometry."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depthrepro.worlds.sets.kitti_calibration import calibration_texts


def visible_in_both(pair) -> tuple[np.ndarray, np.ndarray]:
    """Disparity of the left view, and where the right camera sees the same surface."""
    w = pair.depth_left.shape[1]
    with np.errstate(divide="ignore"):
        disp = np.where(pair.depth_left > 0, pair.rig.focal_px * pair.rig.baseline_m / pair.depth_left, 0)
    u = np.arange(w)[None, :] - disp
    column = np.clip(np.round(u).astype(int), 0, w - 1)
    there = np.take_along_axis(pair.depth_right, column, axis=1)
    seen = (pair.depth_left > 0) & (u >= 0) & (np.abs(there - pair.depth_left) < 0.03 * pair.depth_left)
    return disp.astype(np.float32), seen


def test_most_of_the_left_view_is_seen_by_the_right_camera(pair):
    _, seen = visible_in_both(pair)
    assert seen[pair.depth_left > 0].mean() > 0.75


def test_rendered_depth_warps_the_right_view_onto_the_left(pair):
    disp, seen = visible_in_both(pair)
    h, w = disp.shape
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))

    def error(shift: float) -> float:
        warped = cv2.remap(pair.right, x - disp - np.float32(shift), y, cv2.INTER_LINEAR)
        return float(np.abs(warped.astype(float) - pair.left)[seen].mean())

    assert error(0.0) < 8.0  # 8-bit steps: sensor noise and interpolation
    assert error(0.0) < 0.75 * min(error(1.0), error(-1.0))


def test_a_stereo_matcher_recovers_the_depth(pair):
    disp, seen = visible_in_both(pair)
    pad = 96
    views = [cv2.copyMakeBorder(v, 0, 0, pad, 0, cv2.BORDER_REPLICATE) for v in (pair.left, pair.right)]
    matcher = cv2.StereoSGBM_create(0, pad, 5, 8 * 75, 32 * 75, 1, 0, 5, 100, 2, cv2.STEREO_SGBM_MODE_SGBM_3WAY)
    matched = matcher.compute(*views)[:, pad:].astype(np.float32) / 16
    known = seen & (matched > 0)
    assert known.mean() > 0.6 * seen.mean()
    difference = np.abs(matched - disp)[known]
    assert np.median(difference) < 0.5
    assert (difference < 1.5).mean() > 0.85


def read_numbers(path) -> dict[str, np.ndarray]:
    rows = (line.split(":", 1) for line in path.read_text().splitlines())
    return {k: np.array(v.split(), dtype=float) for k, v in rows if k != "calib_time"}


def test_scan_projected_by_the_files_agrees_with_the_depth(pair, tmp_path):
    for name, text in calibration_texts(pair.rig).items():
        (tmp_path / name).write_text(text)
    cam, velo = read_numbers(tmp_path / "calib_cam_to_cam.txt"), read_numbers(tmp_path / "calib_velo_to_cam.txt")
    points = cam["R_rect_00"].reshape(3, 3) @ (
        velo["R"].reshape(3, 3) @ pair.scan[:, :3].T.astype(float) + velo["T"][:, None]
    )
    u, v, z = cam["P_rect_02"].reshape(3, 4) @ np.vstack([points, np.ones(points.shape[1])])
    column, row = (np.round(a / z).astype(int) for a in (u, v))
    h, w = pair.depth_left.shape
    inside = (z > 0) & (column >= 0) & (column < w) & (row >= 0) & (row < h)
    assert inside.sum() > 8000
    rendered = pair.depth_left[row[inside], column[inside]]
    error = np.abs(rendered - z[inside])[rendered > 0] / z[inside][rendered > 0]
    assert np.median(error) < 0.005
    # The laser's forward coordinate is another number than the camera's depth: the sensor sits elsewhere, and turned.
    assert np.median(np.abs(pair.scan[inside, 0] - z[inside])) > 0.1


def test_pictures_have_room_and_range(pair):
    depth = pair.depth_left[pair.depth_left > 0]
    assert depth.min() > 3.5
    assert np.percentile(depth, 95) > 25
    assert pair.rig.focal_px * pair.rig.baseline_m / depth.min() < 0.12 * pair.left.shape[1]


def test_both_cameras_expose_alike(pair):
    assert pair.left.mean() == pytest.approx(pair.right.mean(), rel=0.1)
    assert 25 < pair.left.mean() < 225
