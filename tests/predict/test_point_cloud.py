"""Point clouds: places worked out by hand, edges found on steps and not on planes, files that others read."""

import numpy as np
import pytest
import trimesh

from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Kind
from depthrepro.predict.camera import Camera, Intrinsics
from depthrepro.predict.point_cloud import back_project, depth_edges
from tests.predict.helpers import prediction


def test_points_by_hand(tmp_path):
    depth = np.array([[2.0, 4.0], [8.0, 1.0]], np.float32)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    camera = Intrinsics(fx=10.0, fy=5.0, cx=0.0, cy=1.0)
    keep = np.array([[True, True], [False, True]])
    cloud = back_project(depth, image, camera, keep)
    # x = (column - 0) / 10 * z, y = (row - 1) / 5 * z
    np.testing.assert_allclose(cloud.vertices, [[0, -0.4, 2], [0.4, -0.8, 4], [0.1, 0, 1]], atol=1e-6)
    assert cloud.colors[:, :3].tolist() == [[0, 1, 2], [3, 4, 5], [9, 10, 11]]


def test_the_file_holds_the_points_and_their_colours(tmp_path):
    found = prediction(np.linspace(1, 60, 600, dtype=np.float32).reshape(20, 30))
    found.image[:] = np.random.default_rng(0).integers(0, 256, found.image.shape)
    file = found.save(tmp_path / "c", ["ply"], camera=Camera(fov=60.0), edges=0)["ply"]
    assert file.read_bytes().startswith(b"ply\nformat binary_little_endian 1.0\n")
    cloud = trimesh.load(file)
    expected = back_project(found.values, found.image, Intrinsics.from_fov(60.0, (20, 30)), np.ones((20, 30), bool))
    np.testing.assert_array_equal(cloud.vertices, expected.vertices.astype(np.float32))
    np.testing.assert_array_equal(cloud.colors, expected.colors)


def test_a_cloud_without_points_is_a_file_too(tmp_path):
    found = prediction(np.full((4, 4), np.inf))
    assert found.save(tmp_path / "c", ["ply"], camera=Camera(fov=60.0))["ply"].read_bytes().endswith(b"end_header\n")


def road(height: int = 120, width: int = 160) -> np.ndarray:
    """A level road to the horizon, 1.5 m below a camera of focal length 100 px, as far as the row below the horizon."""
    rows = np.arange(1, height + 1, dtype=np.float64)[:, None]
    return np.broadcast_to(150.0 / rows, (height, width)).astype(np.float32)


def test_a_road_to_the_horizon_has_no_edge():
    assert not depth_edges(road(), 0.1, (4, 4)).any()


def test_a_slanted_wall_has_no_edge():
    columns, rows = np.meshgrid(np.arange(80), np.arange(60))
    wall = (1 / (0.5 - 0.004 * columns + 0.002 * rows)).astype(np.float32)
    assert not depth_edges(wall, 0.05, (4, 4)).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_a_smeared_step_is_an_edge_and_the_rest_stays(axis):
    """2 m and 10 m, with the ramp of four pixels that enlarging by four leaves between them."""
    line = np.concatenate([np.full(20, 0.5), np.linspace(0.5, 0.1, 5)[1:-1], np.full(20, 0.1)])
    depth = np.tile(1 / line, (30, 1)).astype(np.float32)
    edges = depth_edges(depth if axis == 1 else depth.T, 0.1, (4, 4))
    edges = edges if axis == 1 else edges.T
    assert edges[:, 20:23].all()  # the ramp: depths that nothing has
    assert not edges[:, :18].any() and not edges[:, 25:].any()
    assert not depth_edges(depth, 0.0, (4, 4)).any()


def test_a_small_step_stays_below_the_threshold():
    depth = np.full((10, 20), 10.0, np.float32)
    depth[:, 10:] = 10.5
    assert not depth_edges(depth, 0.1, (1, 1)).any() and depth_edges(depth, 0.01, (1, 1)).any()


def test_the_sky_is_left_out(tmp_path):
    depth = np.full((20, 30), 5.0, np.float32)
    depth[:5], depth[5] = np.inf, 500.0
    found = prediction(depth)
    files = found.save(tmp_path / "c", ["ply"], camera=Camera(fov=60.0), edges=0)
    points = trimesh.load(files["ply"]).vertices
    assert len(points) == 14 * 30 and (points[:, 2] == 5.0).all()
    files = found.save(tmp_path / "c", ["ply"], camera=Camera(fov=60.0), edges=0, max_depth_m=np.inf)
    assert len(trimesh.load(files["ply"]).vertices) == 15 * 30


def test_a_field_of_view_by_hand():
    camera = Intrinsics.from_fov(90.0, (100, 200))  # tan 45 degrees = 1: half the width
    assert camera.fx == pytest.approx(100.0) and camera.fy == pytest.approx(100.0)
    assert (camera.cx, camera.cy) == (99.5, 49.5)


def test_intrinsics_follow_the_image():
    given = Camera(Intrinsics(1000.0, 1000.0, 639.5, 359.5), size=(720, 1280))
    half = given.at((360, 640), "a.jpg")
    assert (half.fx, half.fy) == pytest.approx((500.0, 500.0))
    assert (half.cx, half.cy) == pytest.approx((319.5, 179.5))  # the middle stays the middle
    assert given.at((720, 1280), "a.jpg") == given.intrinsics
    assert Camera().at((720, 1280), "a.jpg") is None


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        (Camera(Intrinsics(4.2, 4.2, 320, 240)), r"a\.jpg: fx=4.2 sees 178 degrees .*\(millimetres \*"),
        (Camera(Intrinsics(3000, 3000, 2000, 1500)), r"the principal point \(2000, 1500\) is far .* intrinsics_size"),
        (Camera(Intrinsics(700, 700, 240, 320), size=(640, 480)), "another aspect .* cropped or turned"),
    ],
)
def test_intrinsics_of_another_image_are_refused(camera, message):
    with pytest.raises(UserError, match=message):
        camera.at((480, 640), "a.jpg")


def test_a_cloud_needs_metres_and_a_camera(tmp_path):
    with pytest.raises(UserError, match=r"save=ply: .*no metres; ways out: give both \(scale=S shift=T"):
        prediction([[1.0, 2.0]], Kind.affine_inv_depth).save(tmp_path / "c", ["ply"], camera=Camera(fov=60.0))
    with pytest.raises(UserError, match="a point cloud needs the camera: intrinsics=fx,fy,cx,cy"):
        prediction([[1.0, 2.0]]).save(tmp_path / "c", ["ply"])
    assert not list(tmp_path.iterdir())
    assert prediction([[0.1, 0.2]], Kind.inv_depth).save(tmp_path / "c", ["ply"], camera=Camera(fov=60.0))
