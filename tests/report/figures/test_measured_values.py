"""What the plots show is what was measured."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from depthrepro.report.blocks import build_blocks
from depthrepro.report.figures import effects as plots_effects
from depthrepro.report.figures import ranges as plots_images
from depthrepro.report.figures import style
from depthrepro.report.figures.panels import draw_rows_panel
from depthrepro.report.sources import from_runs
from tests.report.conftest import metrics
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


@pytest.fixture
def drawn(monkeypatch):
    """Figures instead of files: the last one that was saved."""
    kept = []
    monkeypatch.setattr(style, "save", lambda fig, path, dpi=0: kept.append(fig) or path)
    return kept


def test_effects_show_mean_spread_and_single_seeds(measured, drawn, tmp_path):
    block, _ = measured
    assert plots_effects.draw_effects(EFFECTS, block, tmp_path / "x.png")
    abs_rel = drawn[0].axes[0]
    labels = [text.get_text() for text in abs_rel.get_yticklabels()]
    assert labels == ["L9", "L10", "L11", "L12"]
    (bars,) = abs_rel.containers[0].get_children()[-1:]
    (segment,) = bars.get_segments()
    assert segment[:, 0] == pytest.approx([0.28 - 0.02 * 2**0.5, 0.28 + 0.02 * 2**0.5])
    faint = next(line for line in abs_rel.lines if line.get_alpha() == 0.25)
    assert faint.get_xdata() == pytest.approx([0.26, 0.30])
    paper = drawn[0].axes[2]
    assert paper.lines[0].get_xdata() == pytest.approx([0.205, 0.189, 0.179, 0.177])


def test_ranges_show_the_mean_over_seeds_and_the_baselines(measured, drawn, tmp_path):
    block, results = measured
    assert plots_images.draw_error_by_range(RESOLUTION, block, results.ranges, tmp_path / "x.png")
    axes = drawn[0].axes[0]
    first = axes.containers[0].get_children()[0]
    assert first.get_ydata() == pytest.approx([0.28 + 0.05, 0.28 + 0.10])  # what the fixture adds at 5 and 10 m
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5–10 m\n4 images", "10–15 m\n4 images"]
    assert {"L9", "L12", "mean depth map", "SGBM (stereo)"} <= {t.get_text() for t in axes.get_legend().get_texts()}
    assert plots_images.draw_error_by_range(RESOLUTION, block, results.ranges[:0], tmp_path / "x.png") is None


def test_distribution_has_a_dot_for_every_image(measured, drawn, tmp_path):
    block, results = measured
    assert plots_images.draw_distribution(RESOLUTION, block, results.images, tmp_path / "x.png")
    dots = drawn[0].axes[0].lines[0]
    assert dots.get_xdata() == pytest.approx(0.28 * np.array([0.8, 0.9, 1.1, 1.2]))
    assert plots_images.draw_distribution(RESOLUTION, block, results.images[:0], tmp_path / "x.png") is None


def test_curves_have_a_panel_per_row(measured, drawn, tmp_path):
    block, results = measured
    assert plots_effects.draw_curves(RESOLUTION, block, results.curves, tmp_path / "x.png")
    shown = [axes for axes in drawn[0].axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["L9", "L10", "L11", "L12"]
    assert shown[0].lines[0].get_ydata() == pytest.approx([1, 0.5, 1 / 3], abs=1e-6)
    assert plots_effects.draw_curves(RESOLUTION, block, results.curves[:0], tmp_path / "x.png") is None


def test_one_row_alone_has_no_effect(measured, tmp_path):
    block, _ = measured
    block.lines["last"] = [line for line in block.lines["last"] if line.label == "L9"]
    assert plots_effects.draw_effects(EFFECTS, block, tmp_path / "x.png") is None


def test_the_rows_panel_needs_pictures_of_every_row(measured, add_pictures, tmp_path):
    block, results = measured
    assert draw_rows_panel(RESOLUTION, block, results.folders, tmp_path / "x.png") is None
    add_pictures(results.folders["runs/garg_kitti/seed=0"])
    path = draw_rows_panel(RESOLUTION, block, results.folders, tmp_path / "x.png")
    with Image.open(path) as image:
        assert image.width > image.height > 100
    assert draw_rows_panel(RESOLUTION, block, {}, tmp_path / "x.png") is None


def test_the_same_numbers_give_the_same_bytes(measured, tmp_path):
    block, results = measured
    one = plots_images.draw_distribution(RESOLUTION, block, results.images, tmp_path / "a.png")
    two = plots_images.draw_distribution(RESOLUTION, block, results.images, tmp_path / "b.png")
    assert one.read_bytes() == two.read_bytes()
