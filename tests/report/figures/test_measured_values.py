"""Figures show what was measured."""

from dataclasses import replace

import numpy as np
import pytest

from depthrepro.report.blocks import build_blocks
from depthrepro.report.figures.curves import draw_curves
from depthrepro.report.figures.distribution import draw_distribution
from depthrepro.report.figures.effects import draw_effects
from depthrepro.report.figures.panels import draw_rows_panel
from depthrepro.report.figures.ranges import draw_error_by_range
from depthrepro.report.figures.resolution import draw_error_vs_resolution
from depthrepro.report.figures.style import OURS, PAPER, save
from depthrepro.report.rows import load_runs
from depthrepro.report.sources import from_runs
from tests.report.conftest import metrics
from tests.report.figures.images import pixels, share
from tests.report.tables.test_tables import RESOLUTION

EFFECTS = replace(RESOLUTION, effect_of="resolution")


@pytest.fixture
def measured(runs, add_run):
    """Two seeds; L9 has AbsRel 0.26 and 0.30, so mean 0.28 and standard deviation 0.02·√2."""
    for seed, first in enumerate((0.26, 0.30)):
        levels = {name: metrics(a) for name, a in (("L9", first), ("L10", 0.27), ("L11", 0.26), ("L12", 0.25))}
        add_run(f"garg_kitti/seed={seed}", seed=seed, levels=levels)
    results = from_runs(runs, [RESOLUTION])
    return build_blocks(RESOLUTION, results.rows)[0], results


def test_effects_show_mean_spread_and_single_seeds(measured):
    block, _ = measured
    fig = draw_effects(EFFECTS, block)
    abs_rel = fig.axes[0]
    labels = [text.get_text() for text in abs_rel.get_yticklabels()]
    assert labels == ["L9", "L10", "L11", "L12"]
    (bars,) = abs_rel.containers[0].get_children()[-1:]
    (segment,) = bars.get_segments()
    assert segment[:, 0] == pytest.approx([0.28 - 0.02 * 2**0.5, 0.28 + 0.02 * 2**0.5])
    faint = next(line for line in abs_rel.lines if line.get_alpha() == 0.25)
    assert faint.get_xdata() == pytest.approx([0.26, 0.30])
    paper = fig.axes[2]
    assert paper.lines[0].get_xdata() == pytest.approx([0.205, 0.189, 0.179, 0.177])


def test_ranges_show_the_mean_over_seeds_and_the_baselines(measured):
    block, results = measured
    fig = draw_error_by_range(block, results.ranges)
    axes = fig.axes[0]
    first = axes.containers[0].get_children()[0]
    assert first.get_ydata() == pytest.approx([0.28 + 0.05, 0.28 + 0.10])  # what the fixture adds at 5 and 10 m
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5–10 m\n4 images", "10–15 m\n4 images"]
    assert {"L9", "L12", "mean depth map", "SGBM (stereo)"} <= {t.get_text() for t in axes.get_legend().get_texts()}
    assert draw_error_by_range(block, results.ranges[:0]) is None


def test_distribution_has_a_dot_for_every_image(measured):
    block, results = measured
    fig = draw_distribution(block, results.images)
    dots = fig.axes[0].lines[0]
    assert dots.get_xdata() == pytest.approx(0.28 * np.array([0.8, 0.9, 1.1, 1.2]))
    assert draw_distribution(block, results.images[:0]) is None


def test_curves_have_a_panel_per_row(measured):
    block, results = measured
    fig = draw_curves(block, results.curves)
    shown = [axes for axes in fig.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["L9", "L10", "L11", "L12"]
    assert shown[0].lines[0].get_ydata() == pytest.approx([1, 0.5, 1 / 3], abs=1e-6)
    assert draw_curves(block, results.curves[:0]) is None


def test_one_row_alone_has_no_effect(measured):
    block, _ = measured
    block.lines["last"] = [line for line in block.lines["last"] if line.label == "L9"]
    assert draw_effects(EFFECTS, block) is None


def test_the_rows_panel_needs_pictures_of_every_row(measured, add_pictures):
    block, results = measured
    assert draw_rows_panel(block, results.folders) is None
    add_pictures(results.folders["runs/garg_kitti/seed=0"])
    width, height = draw_rows_panel(block, results.folders).get_size_inches()
    assert width > height > 1
    assert draw_rows_panel(block, {}) is None


def test_the_same_numbers_give_the_same_bytes(measured, tmp_path):
    block, results = measured
    one, two = (save(draw_distribution(block, results.images), tmp_path / name).read_bytes() for name in ("a", "b"))
    assert one == two


def test_resolution_plot_shows_ours_and_the_paper(runs, add_run, tmp_path):
    add_run("garg_kitti/seed=0")
    (block,) = build_blocks(RESOLUTION, load_runs(runs)[0])
    image = pixels(draw_error_vs_resolution(RESOLUTION, block), tmp_path / "deep" / "plot.png")
    assert image.shape[1] == 936  # enough to be read at 700 pixels
    assert share(image, OURS) > 0.002
    assert share(image, PAPER) > 0.0005
    for half in (image[140:420, :480], image[140:420, 480:]):  # both panels, not only the first
        assert share(half, OURS) > 0.002
    assert (image[:4] == 255).all() and (image[:, :4] == 255).all()  # nothing is cut off at the edge
    assert not list(tmp_path.rglob("*.tmp"))
