import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.report.figures.panels import _depth_range, _enlarged, draw_panel
from tests.report.figures.images import pixels


def test_panel_has_a_row_per_image_and_a_column_per_map(add_run, add_pictures, tmp_path):
    folder = add_pictures(add_run("garg_kitti/seed=0"), count=2)
    two = pixels(draw_panel(folder, "streets · scale demo"), tmp_path / "two.png")
    one = pixels(draw_panel(folder, "streets · scale demo", rows=1), tmp_path / "one.png")
    tile_and_gap = (1.5 * 60 / 200 + 0.04) * 240
    assert two.shape[0] - one.shape[0] == pytest.approx(tile_and_gap, abs=2)
    assert two.shape[1] == pytest.approx((8 * 1.54 + 0.8) * 240, abs=2)  # image, truth, four levels, two baselines
    assert two.std() > 40
    bare = add_pictures(add_run("garg_kitti/seed=1"), count=1, baselines=False)
    assert pixels(draw_panel(bare, "x"), tmp_path / "bare.png").shape[1] == pytest.approx((6 * 1.54 + 0.8) * 240, abs=2)


def test_near_is_bright_and_unknown_is_grey(tmp_path):
    depth = np.full((60, 200), 40, np.float32)
    depth[:, 100:] = 4
    depth_gt = np.where(np.arange(60)[:, None] < 30, 0, depth).astype(np.float32)
    np.savez(tmp_path / "a.npz", image=np.zeros((60, 200, 3), np.uint8), depth_gt=depth_gt, L9=depth)
    image = pixels(draw_panel(tmp_path, "x"), tmp_path / "a.png")
    top, tile = image.shape[0] - round((0.08 + 1.5 * 60 / 200 + 0.04) * 240), 360
    left = [24 + round(column * 1.54 * 240) for column in range(3)]
    middle = top + 54
    assert image[middle, left[2] + 300].sum() > 2 * image[middle, left[2] + 60].sum()
    assert image[top + 20, left[1] + 180].tolist() == [230, 230, 230]
    assert image[middle, left[0] + tile // 2].tolist() == [0, 0, 0]  # the photograph


def test_a_network_of_one_output_has_its_prediction_beside_the_baselines(tmp_path):
    depth = np.tile(np.linspace(4, 60, 200, dtype=np.float32), (60, 1))
    maps = {"depth_gt": depth, "affine_inv_depth": depth, "ground_plane": depth}
    np.savez(tmp_path / "a.npz", image=np.zeros((60, 200, 3), np.uint8), **maps)
    tiles = [axes for axes in draw_panel(tmp_path, "x").axes if axes.images]
    assert [axes.get_title() for axes in tiles] == ["Image", "Ground truth", "Prediction", "Ground plane"]


def test_colours_span_the_ground_truth_in_round_metres():
    item = {"depth_gt": np.linspace(4, 60, 1000, dtype=np.float32).reshape(10, 100), "L9": np.full((10, 100), 500.0)}
    item["depth_gt"][0, 0] = 0
    assert _depth_range([item], ["image", "depth_gt", "L9"]) == (3, 80)
    item["depth_gt"][:] = 0
    low, high = _depth_range([item], ["image", "depth_gt", "L9"])
    assert low < high


def test_enlarging_sparse_points_keeps_the_nearest_and_invents_none():
    depth = np.zeros((100, 100), np.float32)
    depth[50, 50], depth[51, 51], depth[90, 10] = 30, 5, 20
    shown = _enlarged(depth, (50, 50))
    assert set(np.unique(shown)) == {0, 5, 20}  # 30 and 5 fall on one pixel: the nearer one is seen
    assert (shown[24:27, 24:27] == 5).all() and (shown[44:47, 4:7] == 20).all()
    assert (shown > 0).sum() == 18


def test_enlarging_a_dense_map_leaves_its_holes():
    depth = np.full((4, 8), 10, np.float32)
    depth[0, :2] = 0
    shown = _enlarged(depth, (16, 8))
    assert (shown == 0).sum() == 8 and (shown[:2, :4] == 0).all()


def test_pictures_that_cannot_be_drawn_are_named(tmp_path):
    with pytest.raises(UserError, match=r"holds no \*\.npz"):
        draw_panel(tmp_path, "x")
    image, depth = np.zeros((6, 8, 3), np.uint8), np.ones((6, 8), np.float32)
    np.savez(tmp_path / "a.npz", image=image, depth_gt=depth, L9=depth)
    np.savez(tmp_path / "b.npz", image=image, depth_gt=depth)
    with pytest.raises(UserError, match=r"b\.npz: has no L9, other pictures do"):
        draw_panel(tmp_path, "x")
    np.savez(tmp_path / "b.npz", image=image)
    with pytest.raises(UserError, match=r"b\.npz: has no depth_gt"):
        draw_panel(tmp_path, "x")
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match=r"b\.npz: cannot be read"):
        draw_panel(tmp_path, "x")
