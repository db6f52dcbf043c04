"""Error by depth range and over images: every image and range counts once, and baselines stand beside the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from depthrepro.report.figures import style
from depthrepro.report.figures.distribution import draw_distribution
from depthrepro.report.figures.panels import draw_rows_panel
from depthrepro.report.figures.ranges import draw_error_by_range
from tests.report.figures.images import pixels
from tests.report.figures.test_effects import bars, block_of, legend, paper_table, words

TABLE = paper_table()


def ranges_of(block, edges=((0, 5), (5, 10), (10, 15)), mean_map=0.4, first=0.1) -> pd.DataFrame:
    """L9 has 0.1, 0.2, 0.3 at seeds 0 to 2 in the first range and 0.1 more in each further one; other rows 0.25."""
    records = []
    for place, (near, far) in enumerate(edges):
        common = ("last", "L12", near, far, 60 - place)
        for run in block.runs["run"]:
            label, seed = run.split("/")
            error = first * (int(seed) + 1) + 0.1 * place if label == "L9" else 0.25
            records.append((run, *common, error))
        records.append((block.runs["run"][0], "-", "mean_map", near, far, 60 - place, mean_map))
    return pd.DataFrame(records, columns=["run", "checkpoint", "method", "near_m", "far_m", "images", "abs_rel"])


def images_of(block, count=4) -> pd.DataFrame:
    """Image i of seed s has (i + 1) / 10 + s / 100; the mean map 0.5 each, in one run only."""
    records = []
    for run in block.runs["run"]:
        records += [(run, "last", "L12", f"{i}", (i + 1) / 10 + int(run.split("/")[1]) / 100) for i in range(count)]
        records += [(run, "best", "L12", f"{i}", 9.0) for i in range(count)]
    records += [(block.runs["run"][0], "-", "mean_map", f"{i}", 0.5) for i in range(count)]
    return pd.DataFrame(records, columns=["run", "checkpoint", "method", "id", "abs_rel"])


def test_ranges_show_mean_and_std_over_seeds_and_the_number_of_images():
    block = block_of(TABLE)
    axes = (fig := draw_error_by_range(block, ranges_of(block))).axes[0]
    assert axes.containers[0][0].get_ydata() == pytest.approx([0.2, 0.3, 0.4])
    assert bars(axes)[0][:, 1] == pytest.approx([0.1, 0.3])  # 0.1, 0.2, 0.3: deviations ±0.1, over n - 1 = 2: std 0.1
    assert [t.get_text() for t in axes.get_xticklabels()] == [
        "0–5 m\n60 images",
        "5–10 m\n59 images",
        "10–15 m\n58 images",
    ]
    assert legend(fig) == ["L9", "L10", "L12", "mean depth map"]
    across = [line for line in axes.lines if list(line.get_ydata()) == [0.4, 0.4]]
    assert len(across) == 3  # the mean map, once a range
    assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] > 0.5
    places = np.array([found[0].get_xdata() for found in axes.containers])
    assert (np.diff(places, axis=0) > 0.1).all() and (abs(places - [0, 1, 2]) < 0.5).all()  # beside each other


def test_a_range_that_a_row_lacks_is_a_gap_and_one_seed_has_no_bars():
    block = block_of(TABLE, {"L9": (0.3,), "L12": (0.25,)})
    ranges = ranges_of(block)
    ranges = ranges[~((ranges["run"] == "L12/0") & (ranges["near_m"] == 5) & (ranges["checkpoint"] == "last"))]
    axes = (fig := draw_error_by_range(block, ranges)).axes[0]
    assert axes.containers[1][0].get_xdata() == pytest.approx([0.175, 2.175])
    assert not bars(axes) and "± std" not in words(fig)


def test_a_baseline_far_above_the_rows_is_named_at_the_edge():
    block = block_of(TABLE)
    fig = draw_error_by_range(block, ranges_of(block, mean_map=4.0))
    assert fig.axes[0].get_ylim()[1] < 1 and words(fig).count("mean map\n4.00 ↑") == 3


def test_without_ranges_there_is_no_figure():
    block = block_of(TABLE)
    ranges = ranges_of(block)
    only_baselines = ranges[ranges["checkpoint"] == "-"]
    for frame in (ranges[:0], only_baselines):
        assert draw_error_by_range(block, frame) is None


def test_distribution_has_each_image_once_averaged_over_seeds():
    block = block_of(TABLE)
    axes = (fig := draw_distribution(block, images_of(block))).axes[0]
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx([0.11, 0.21, 0.31, 0.41])  # seeds add 0, 0.01, 0.02
    assert ((dots.get_ydata() > -0.5) & (dots.get_ydata() < 0.5)).all()
    diamond = next(line for line in axes.lines if line.get_marker() == "D")
    assert diamond.get_xdata() == pytest.approx([0.26])
    box = axes.patches[0]
    assert (box.get_x(), box.get_x() + box.get_width()) == pytest.approx((0.185, 0.335))  # quartiles of the four
    assert [t.get_text() for t in axes.get_yticklabels()] == ["L9", "L10", "L12", "mean depth map"]
    assert "60 test images, 3 seeds" in words(fig)


def test_images_beyond_the_axis_are_counted():
    block = block_of(TABLE, {"L9": (0.3,)})
    images = images_of(block, count=40).assign(abs_rel=lambda f: f["abs_rel"].where(f["id"] != "39", 90.0))
    images = images[images["checkpoint"] != "-"]
    fig = draw_distribution(block, images)
    assert fig.axes[0].get_xlim()[1] < 10 and "+1 →" in words(fig)
    assert draw_distribution(block, images[images["checkpoint"] == "best"]) is None


def test_figures_of_images_are_the_same_bytes_every_time(tmp_path):
    block = block_of(TABLE)
    cases = (("r", draw_error_by_range, ranges_of(block)), ("d", draw_distribution, images_of(block)))
    for name, draw, frame in cases:
        one, two = (style.save(draw(block, frame), tmp_path / folder / f"{name}.png").read_bytes() for folder in "ab")
        assert one == two
    assert draw_distribution(block, images_of(block)[:0]) is None


def test_rows_of_a_table_have_looks_of_their_own():
    looks = [tuple(style.row_look(i).values()) for i in range(6)]
    assert len(set(looks)) == 6 and len({color for color, _ in looks}) == 6 and len({mark for _, mark in looks}) == 6


def write_pictures(folder, depth: float) -> None:
    (folder / "panel").mkdir(parents=True)
    maps = {"L9": np.full((60, 200), 40, np.float32), "L12": np.full((60, 200), depth, np.float32)}
    truth = np.tile(np.linspace(4, 60, 200, dtype=np.float32), (60, 1))
    for name in ("a", "b"):
        image = np.zeros((60, 200, 3), np.uint8)
        np.savez(folder / "panel" / f"{name}.npz", image=image, depth_gt=truth, mean_map=truth, **maps)


def test_the_rows_panel_shows_each_row_s_own_output_of_its_lowest_seed(tmp_path):
    block = block_of(TABLE)
    folders = {run: tmp_path / run.replace("/", "_") for run in block.runs["run"]}
    for run, depth in (("L9/0", 5.0), ("L10/0", 12.0), ("L12/0", 50.0)):
        write_pictures(folders[run], depth)
    image = pixels(draw_rows_panel(block, folders), tmp_path / "x.png")
    step = (1.9 * 60 / 200 + 0.04) * 160  # image, truth, L9, L10, L12, mean map: six tiles down
    bottom = image.shape[0] - 0.08 * 160
    middle = image.shape[1] // 2 + 20
    shown = [image[round(bottom - (6 - row) * step + step / 2), middle].sum() for row in range(6)]
    assert shown[0] == 0  # the photograph
    assert shown[2] > shown[3] + 30 and shown[3] > shown[4] + 30  # 5 m is brighter than 12 m, 12 m than 50 m
    (folders["L10/0"] / "panel" / "a.npz").unlink()
    assert pixels(draw_rows_panel(block, folders), tmp_path / "y.png").shape[1] < image.shape[1]
    del folders["L12/0"]
    assert draw_rows_panel(block, folders) is None
