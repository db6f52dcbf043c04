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
        result = painter.start(partial(draw, table, frame, folders or {}), path)()
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


def test_a_damaged_or_foreign_figure_is_made_again(times_drawn, tmp_path):
    assert times_drawn(FRAME) == 1
    figure_file = tmp_path / "t" / "figure.png"
    content = figure_file.read_bytes()
    for damaged in (content[:-1], b"another picture"):
        figure_file.write_bytes(damaged)
        drawn = times_drawn(FRAME)
        assert figure_file.read_bytes() == content
    assert drawn == 3


def test_a_figure_committed_from_the_same_numbers_is_copied_while_it_is_whole(tmp_path):
    DRAWN.clear()
    experiments, kept = tmp_path / "experiments", tmp_path / "experiments" / "t" / "plots" / "figure.png"

    def paint(out, frame=FRAME, committed=experiments):
        painter = Painter(memory=out, committed=committed)
        path = kept if out == experiments else out / "t" / "figure.png"
        assert painter.start(partial(draw, "t", frame, {}), path)() == path
        painter.remember()
        return len(DRAWN), path.read_bytes()

    assert paint(experiments)[0] == 1
    assert paint(tmp_path / "a") == (1, kept.read_bytes())
    assert paint(tmp_path / "b", FRAME.assign(abs_rel=[0.25, 0.75]))[0] == 2
    content = kept.read_bytes()
    kept.write_bytes(b"another picture")
    assert paint(tmp_path / "c") == (3, content)


def test_many_figures_are_drawn_by_processes_and_few_by_none(tmp_path, monkeypatch):
    monkeypatch.setattr("depthrepro.report.figures.painter.WORTH_PROCESSES", 3)
    for count, processes in ((2, False), (3, True)):
        painter = Painter()
        paths = [tmp_path / str(count) / f"{number}.png" for number in range(count)]
        begun = [painter.start(partial(draw, "t", FRAME, {}), path) for path in paths]
        assert [drawn() for drawn in begun] == paths and all(path.is_file() for path in paths)
        assert (painter._pool is not None) is processes
        painter.close()


def test_without_a_memory_everything_is_drawn_and_nothing_noted(times_drawn, tmp_path):
    assert [times_drawn(FRAME, memory=False), times_drawn(FRAME, memory=False)] == [1, 2]
    assert not (tmp_path / MEMORY).exists()


def test_nothing_to_show_is_remembered_as_such(times_drawn, tmp_path):
    assert [times_drawn(FRAME[:0]), times_drawn(FRAME[:0])] == [1, 1]
    assert json.loads((tmp_path / MEMORY).read_text())["t/figure.png"]["drawn"] is None
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
    painter.start(partial(draw, "u", FRAME, {}), tmp_path / "u" / "figure.png")()
    painter.remember()
    assert times_drawn(FRAME) == 2  # the other table's counts too
