import json

import numpy as np
import pytest
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.report.blocks import build_blocks
from depthrepro.report.figures.panels import _depth_range, _enlarged, draw_panel
from depthrepro.report.figures.resolution import (
    _series,
    _smooth,
    _stage_changes,
    draw_error_vs_resolution,
    draw_training_curves,
)
from depthrepro.report.figures.style import OURS, PAPER
from depthrepro.report.rows import load_runs
from tests.report.tables.test_tables import RESOLUTION


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def share(image: np.ndarray, colour: str) -> float:
    """Part of the pixels that have a colour, nearly."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((np.abs(image - rgb).max(axis=-1) < 12).mean())


def test_resolution_plot_shows_ours_and_the_paper(runs, add_run, tmp_path):
    add_run("garg_kitti/seed=0")
    (block,) = build_blocks(RESOLUTION, load_runs(runs)[0])
    image = pixels(draw_error_vs_resolution(RESOLUTION, block, tmp_path / "deep" / "plot.png"))
    assert image.shape[1] == 936  # enough to be read at 700 pixels
    assert share(image, OURS) > 0.002
    assert share(image, PAPER) > 0.0005
    for half in (image[140:420, :480], image[140:420, 480:]):  # both panels, not only the first
        assert share(half, OURS) > 0.002
    assert (image[:4] == 255).all() and (image[:, :4] == 255).all()  # nothing is cut off at the edge
    assert not list(tmp_path.rglob("*.tmp"))


def test_panel_has_a_row_per_image_and_a_column_per_map(add_run, add_pictures, tmp_path):
    folder = add_pictures(add_run("garg_kitti/seed=0"), count=2)
    two = pixels(draw_panel(folder, tmp_path / "two.png", "streets · scale demo"))
    one = pixels(draw_panel(folder, tmp_path / "one.png", "streets · scale demo", rows=1))
    tile_and_gap = (1.5 * 60 / 200 + 0.04) * 240
    assert two.shape[0] - one.shape[0] == pytest.approx(tile_and_gap, abs=2)
    assert two.shape[1] == pytest.approx((8 * 1.54 + 0.8) * 240, abs=2)  # image, truth, four levels, two baselines
    assert two.std() > 40
    bare = add_pictures(add_run("garg_kitti/seed=1"), count=1, baselines=False)
    assert pixels(draw_panel(bare, tmp_path / "bare.png", "x")).shape[1] == pytest.approx((6 * 1.54 + 0.8) * 240, abs=2)


def test_near_is_bright_and_unknown_is_grey(tmp_path):
    depth = np.full((60, 200), 40, np.float32)
    depth[:, 100:] = 4
    depth_gt = np.where(np.arange(60)[:, None] < 30, 0, depth).astype(np.float32)
    np.savez(tmp_path / "a.npz", image=np.zeros((60, 200, 3), np.uint8), depth_gt=depth_gt, L9=depth)
    image = pixels(draw_panel(tmp_path, tmp_path / "a.png", "x"))
    top, tile = image.shape[0] - round((0.08 + 1.5 * 60 / 200 + 0.04) * 240), 360
    left = [24 + round(column * 1.54 * 240) for column in range(3)]
    middle = top + 54
    assert image[middle, left[2] + 300].sum() > 2 * image[middle, left[2] + 60].sum()
    assert image[top + 20, left[1] + 180].tolist() == [230, 230, 230]
    assert image[middle, left[0] + tile // 2].tolist() == [0, 0, 0]  # the photograph


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
        draw_panel(tmp_path, tmp_path / "x.png", "x")
    image, depth = np.zeros((6, 8, 3), np.uint8), np.ones((6, 8), np.float32)
    np.savez(tmp_path / "a.npz", image=image, depth_gt=depth, L9=depth)
    np.savez(tmp_path / "b.npz", image=image, depth_gt=depth)
    with pytest.raises(UserError, match=r"b\.npz: has no L9, other pictures do"):
        draw_panel(tmp_path, tmp_path / "x.png", "x")
    np.savez(tmp_path / "b.npz", image=image)
    with pytest.raises(UserError, match=r"b\.npz: has no depth_gt"):
        draw_panel(tmp_path, tmp_path / "x.png", "x")
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match=r"b\.npz: not readable"):
        draw_panel(tmp_path, tmp_path / "x.png", "x")
    assert not (tmp_path / "x.png").exists()


def log(path, rows) -> None:
    path.write_text("".join(json.dumps({"step": s, "epoch": 0, "time": 0.0, "metrics": m}) + "\n" for s, m in rows))


def test_training_curves_show_the_loss_and_the_stages(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [(s, {"train/loss": 1.0 / s, "train/stage": float(s > 200)}) for s in range(10, 401, 10)]
    log(path, [*rows, (200, {"val/loss": 0.02}), (400, {"val/loss": None})])
    with_stages = pixels(draw_training_curves(path, tmp_path / "a.png", "streets · scale demo"))
    assert with_stages.shape == (670, 1440, 3)
    assert share(with_stages, OURS) > 0.002
    log(path, [(s, {"train/loss": m["train/loss"], "train/stage": 0.0}) for s, m in rows])
    without = pixels(draw_training_curves(path, tmp_path / "b.png", "streets · scale demo"))
    assert share(with_stages[200:560], PAPER) > share(without[200:560], PAPER)


def test_series_take_the_later_row_of_a_repeated_step_and_null_as_a_gap(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log(path, [(1, {"a": 1.0}), (2, {"a": 5.0}), (2, {"a": 2.0}), (3, {"a": None})])
    path.write_text(path.read_text() + '{"step": 4, "metr')  # killed while writing
    steps, values = _series(path)["a"]
    assert steps.tolist() == [1, 2, 3]
    np.testing.assert_equal(values, [1.0, 2.0, np.nan])


def test_stage_changes_are_the_first_steps_of_new_stages():
    stage = (np.array([10, 20, 30, 40]), np.array([0.0, 0.0, 1.0, 2.0]))
    assert _stage_changes({"train/stage": stage}) == [30, 40]
    assert _stage_changes({}) == []


def test_smoothing_keeps_a_constant_averages_neighbours_and_skips_gaps():
    np.testing.assert_allclose(_smooth(np.full(100, 3.0)), 3.0)
    np.testing.assert_allclose(_smooth(np.array([0.0, 3.0, 6.0])), [1.5, 3.0, 4.5])
    np.testing.assert_allclose(_smooth(np.array([1.0, np.nan, 3.0])), [1.0, 2.0, 3.0])


def test_a_log_without_training_or_with_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log(path, [(1, {"val/loss": 1.0})])
    with pytest.raises(UserError, match="no row with train/loss"):
        draw_training_curves(path, tmp_path / "x.png", "x")
    path.write_text("not json\n" + path.read_text())
    with pytest.raises(UserError, match=r"metrics\.jsonl: line 1 is damaged"):
        draw_training_curves(path, tmp_path / "x.png", "x")
