"""Pictures of confusion: how panels are laid out and which of them name the classes."""

import numpy as np
import pandas as pd
import pytest

from depthrepro.report.figures import style
from depthrepro.report.figures.confusion import draw_confusion

NAMES = [f"class {i}" for i in range(10)]
LABELS = ("on colours", "on colours and depth", "on colours and depth, depth network trained along", "on depth", "none")


@pytest.fixture
def confused(tmp_path):
    """The figure of so many rows, each with so many classes."""

    def build(rows, names=NAMES):
        counts = pd.DataFrame(np.eye(len(names), dtype=int), index=pd.Index(names, name="class"), columns=names)
        counts.to_csv(tmp_path / "confusion.csv")
        fig = draw_confusion({label: [tmp_path / "confusion.csv"] for label in LABELS[:rows]}, "title")
        fig.draw_without_rendering()
        return fig

    return build


def shown(fig):
    return [axes for axes in fig.axes if axes.get_visible()]


def named(axes, axis="x"):
    return [text.get_text() for text in (axes.get_xticklabels() if axis == "x" else axes.get_yticklabels())] == NAMES


def test_four_rows_are_a_square_with_names_below_the_last_two(confused):
    panels = shown(fig := confused(4))
    places = [(axes.get_subplotspec().rowspan.start, axes.get_subplotspec().colspan.start) for axes in panels]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [named(axes) for axes in panels] == [False, False, True, True]
    assert [named(axes, "y") for axes in panels] == [True, False, True, False]
    assert fig.get_size_inches()[0] == pytest.approx(style.WIDTH)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_others_are_in_up_to_three_columns_with_names_where_nothing_is_below(confused, rows, columns):
    panels = shown(confused(rows))
    assert panels[0].get_subplotspec().get_gridspec().ncols == columns
    assert [named(axes) for axes in panels] == [number + columns >= rows for number in range(rows)]


@pytest.mark.parametrize("rows", [3, 4, 5])
def test_names_and_titles_do_not_meet(confused, rows):
    panels = shown(fig := confused(rows))
    titles = [axes._left_title.get_window_extent() for axes in panels]
    names = [text.get_window_extent() for axes in panels for text in axes.get_xticklabels() if text.get_text()]
    assert names and not any(title.overlaps(name) for title in titles for name in names)
    assert all(name.y0 > 0 for name in names)
    assert all(title.x1 < fig.bbox.x1 for title in titles)
    assert not any(one.overlaps(two) for i, one in enumerate(titles) for two in titles[:i])


def test_many_classes_have_no_names(confused):
    panels = shown(confused(4, [f"class {i}" for i in range(21)]))
    assert not any(text.get_text() for axes in panels for text in axes.get_xticklabels() + axes.get_yticklabels())
