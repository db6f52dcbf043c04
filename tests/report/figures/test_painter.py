"""Figures are drawn once from the same numbers, and again when anything that they show has changed."""

import json
from functools import partial

import pandas as pd
import pytest

from depthrepro.report.figures.painter import MEMORY, Painter, fingerprint
from depthrepro.report.figures.style import figure

DRAWN = []


def draw(table, frame, folders):
    """A figure; nothing to show without rows."""
    DRAWN.append(table)
    if frame.empty:
        return None
    with figure(1, 1) as fig:
        return fig


@pytest.fixture
def times_drawn(tmp_path):
    """Report once more; returns how often the figure has been drawn by now."""
    DRAWN.clear()

    def paint(frame, table="t", folders=None, memory=True):
        painter = Painter(memory=tmp_path if memory else None)
        path = tmp_path / "t" / "figure.png"
        result = painter.start(partial(draw, table, frame, folders or {}), path).result()
        painter.remember()
        assert result == (None if frame.empty else path)
        return len(DRAWN)

    return paint


FRAME = pd.DataFrame({"run": ["a", "b"], "abs_rel": [0.25, 0.5]})


def test_the_same_numbers_are_drawn_once(times_drawn):
    assert [times_drawn(FRAME), times_drawn(FRAME.copy())] == [1, 1]


def test_other_numbers_names_or_code_are_drawn_again(times_drawn, monkeypatch):
    assert times_drawn(FRAME) == 1
    assert times_drawn(FRAME.assign(abs_rel=[0.25, 0.75])) == 2
    assert times_drawn(FRAME.rename(columns={"run": "row"})) == 3
    assert times_drawn(FRAME, table="another title") == 4
    monkeypatch.setattr(Painter, "_code", "changed")
    assert times_drawn(FRAME, table="another title") == 5


def test_a_lost_figure_or_memory_is_made_again(times_drawn, tmp_path):
    assert times_drawn(FRAME) == 1
    (tmp_path / "t" / "figure.png").unlink()
    assert times_drawn(FRAME) == 2
    (tmp_path / MEMORY).write_text("{not json")
    assert times_drawn(FRAME) == 3


def test_without_a_memory_everything_is_drawn_and_nothing_noted(times_drawn, tmp_path):
    assert [times_drawn(FRAME, memory=False), times_drawn(FRAME, memory=False)] == [1, 2]
    assert not (tmp_path / MEMORY).exists()


def test_nothing_to_show_is_remembered_as_such(times_drawn, tmp_path):
    assert [times_drawn(FRAME[:0]), times_drawn(FRAME[:0])] == [1, 1]
    assert json.loads((tmp_path / MEMORY).read_text())["t/figure.png"]["drawn"] is False
    assert times_drawn(FRAME) == 2


def test_pictures_of_a_run_count(tmp_path):
    panel = tmp_path / "run" / "panel"
    panel.mkdir(parents=True)
    (panel / "00.npz").write_bytes(b"12")
    before = fingerprint({"runs/a": tmp_path / "run"})
    assert fingerprint({"runs/a": tmp_path / "run"}) == before
    (panel / "00.npz").write_bytes(b"123")
    assert fingerprint({"runs/a": tmp_path / "run"}) != before


def test_figures_of_other_tables_stay_remembered(times_drawn, tmp_path):
    assert times_drawn(FRAME) == 1
    painter = Painter(memory=tmp_path)
    painter.start(partial(draw, "u", FRAME, {}), tmp_path / "u" / "figure.png").result()
    painter.remember()
    assert times_drawn(FRAME) == 2  # the other table's counts too
