import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.io.calibration import RawCalibration
from depthrepro.data.io.lidar import lidar_depth, project_scan, read_scan

# A sensor turned by 90 degrees: its forward axis x points to the camera's right, its left axis y the camera's way.
TURNED = "R: 1 0 0 0 0 -1 0 1 0\nT: 0 0 1\n"
# Camera 2 sits 0.5 m left of camera 0 and 0.25 m behind it (P_rect = K [I | t] with t_z = 0.25).
CAMERAS = "S_rect_02: 40 30\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 10 0 20 5 0 10 15 0 0 0 1 0.25\n"


@pytest.fixture
def day(tmp_path):
    (tmp_path / "calib_velo_to_cam.txt").write_text(TURNED)
    (tmp_path / "calib_cam_to_cam.txt").write_text(CAMERAS)
    return tmp_path


def write_scan(folder, *points):
    np.array([[*point, 0.3] for point in points], dtype="<f4").tofile(folder / "scan.bin")
    return folder / "scan.bin"


def test_hand_computed_pixel_and_both_depths(day):
    # camera 0: (1.1, 0.5, 2.75 + 1); u·w = 11 + 75 + 5 = 91, v·w = 5 + 56.25 = 61.25, w = 4
    # u = 22.75 -> 23 - 1, v = 15.3 -> 15 - 1
    scan = write_scan(day, (1.1, 2.75, -0.5))
    cam_z = lidar_depth(day, scan)
    lidar_x = lidar_depth(day, scan, ground_truth="raw_lidar_x")
    assert cam_z.shape == (30, 40)
    assert np.argwhere(cam_z).tolist() == np.argwhere(lidar_x).tolist() == [[14, 22]]
    assert cam_z[14, 22] == pytest.approx(4.0)
    assert lidar_x[14, 22] == pytest.approx(1.1)


@pytest.mark.parametrize("order", [1, -1])
def test_nearest_point_wins(day, order):
    near, far = (0.5, 2.75, 0.0), (1.0, 6.875, 0.4375)  # both at u = 21.2, v = 14.0; w = 4 and 8.125
    scan = write_scan(day, *[near, far][::order])
    assert np.count_nonzero(lidar_depth(day, scan)) == 1
    assert lidar_depth(day, scan).max() == pytest.approx(4.0)
    assert lidar_depth(day, scan, ground_truth="raw_lidar_x").max() == pytest.approx(0.5)


def test_points_behind_and_beside_the_image_leave_no_trace(day):
    # behind (its projection would fall into the image), left of it, above it
    scan = write_scan(day, (1.1, -6.0, -0.5), (-30.0, 2.75, 0.0), (1.1, 2.75, 40.0))
    assert not lidar_depth(day, scan).any()


def test_no_point_is_an_empty_map():
    assert not project_scan(np.zeros((0, 3)), np.eye(3, 4), (3, 4), GroundTruth.raw_cam_z).any()


def test_rounding_borders():
    identity = np.eye(3, 4)
    points = np.array([[0.6, 0.6, 1.0], [4.4, 3.4, 1.0], [0.4, 2.0, 1.0], [2.0, 3.6, 1.0]])  # u, v at depth 1
    depth = project_scan(points, identity, (3, 4), GroundTruth.raw_cam_z)
    assert np.argwhere(depth).tolist() == [[0, 0], [2, 3]]  # the last two round to column -1 and row 3


def test_other_cameras_need_their_lines(day):
    with pytest.raises(UserError, match=r"P_rect_03"):
        lidar_depth(day, write_scan(day, (1, 1, 1)), camera=3)


def test_other_ground_truth_is_refused(day):
    with pytest.raises(UserError, match="raw_cam_z or raw_lidar_x"):
        lidar_depth(day, write_scan(day, (1, 1, 1)), ground_truth="improved")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 bytes"),
        (b"\0" * 17, "17 bytes"),
        (np.float32([1, np.nan, 0, 0]).tobytes(), "not finite"),
        (None, "read"),
    ],
)
def test_damaged_scans_are_named(tmp_path, content, said):
    path = tmp_path / "0000000000.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        read_scan(path)
    assert str(path) in str(error.value)


def every_point(points, velo_to_image, size, ground_truth):
    """The plain way: all points in double precision, written from far to near."""
    xyz = points[:, :3].astype(np.float64)
    u_w, v_w, w = velo_to_image[:, :3] @ xyz.T + velo_to_image[:, 3:]
    stored = w if ground_truth is GroundTruth.raw_cam_z else xyz[:, 0]
    front = (w > 1e-6) & (stored > 0)
    u_w, v_w, w, stored = u_w[front], v_w[front], w[front], stored[front]
    column, row = np.round(u_w / w) - 1, np.round(v_w / w) - 1
    inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
    far_first = np.argsort(-w[inside], kind="stable")
    depth = np.zeros(size, np.float32)
    depth[row[inside].astype(int)[far_first], column[inside].astype(int)[far_first]] = stored[inside][far_first]
    return depth


@pytest.mark.parametrize("ground_truth", ["raw_cam_z", "raw_lidar_x"])
@pytest.mark.parametrize("seed", range(3))
def test_maps_are_those_of_every_point_to_the_bit(seed, ground_truth):
    """Twelve points a pixel, pairs of equally near ones among them, and others all around the sensor."""
    rng = np.random.default_rng(seed)
    around = rng.normal(0, [30, 30, 3], (60_000, 3))
    ahead = rng.uniform(2, 80, (30_000, 1)) * np.column_stack([np.ones(30_000), rng.uniform(-0.9, 0.9, (30_000, 2))])
    points = np.concatenate([around, ahead, np.round(ahead[:5000]), np.round(ahead[:5000])]).astype(np.float32)
    turn = np.array([[0.01, -1, 0, 0], [0.02, 0, -1, -0.08], [1, 0.01, 0, -0.27]])
    velo_to_image = np.array([[60, 0, 40], [0, 60, 25], [0, 0, 1]]) @ turn
    asked = velo_to_image, (50, 80), GroundTruth(ground_truth)
    np.testing.assert_array_equal(project_scan(points, *asked), every_point(points, *asked))


@pytest.mark.parametrize("camera", [2, 3])
def test_real_scans_agree_with_the_improved_maps(real_data, camera):
    day = real_data / "kitti_raw_mini" / "2011_09_26"
    maps = sorted((real_data / "kitti_depth_mini").glob(f"train/*/proj_depth/groundtruth/image_0{camera}/*.png"))
    assert len(maps) == 5
    for path in maps:
        improved = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) / 256.0
        scan = day / "2011_09_26_drive_0001_sync" / "velodyne_points" / "data" / f"{path.stem}.bin"
        raw = lidar_depth(day, scan, camera=camera)
        calibration = RawCalibration(day)
        asked = calibration.velo_to_image(camera), raw.shape, GroundTruth.raw_cam_z
        np.testing.assert_array_equal(raw, every_point(read_scan(scan), *asked))
        both = (improved > 0) & (raw > 0)
        assert raw.shape == improved.shape and both.sum() > 6000
        assert np.median(np.abs(raw - improved)[both] / improved[both]) < 0.01
