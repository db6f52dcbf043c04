import json

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.report.figures.style import OURS, PAPER
from depthrepro.report.figures.training import _series, _smooth, _stage_changes, draw_training_curves
from tests.report.figures.images import pixels, share


def log(path, rows) -> None:
    path.write_text("".join(json.dumps({"step": s, "epoch": 0, "time": 0.0, "metrics": m}) + "\n" for s, m in rows))


def test_training_curves_show_the_loss_and_the_stages(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [(s, {"train/loss": 1.0 / s, "train/stage": float(s > 200)}) for s in range(10, 401, 10)]
    log(path, [*rows, (200, {"val/loss": 0.02}), (400, {"val/loss": None})])
    with_stages = pixels(draw_training_curves(path, "streets · scale demo"), tmp_path / "a.png")
    assert with_stages.shape == (670, 1440, 3)
    assert share(with_stages, OURS) > 0.002
    log(path, [(s, {"train/loss": m["train/loss"], "train/stage": 0.0}) for s, m in rows])
    without = pixels(draw_training_curves(path, "streets · scale demo"), tmp_path / "b.png")
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
        draw_training_curves(path, "x")
    path.write_text("not json\n" + path.read_text())
    with pytest.raises(UserError, match=r"metrics\.jsonl: line 1 is damaged"):
        draw_training_curves(path, "x")
