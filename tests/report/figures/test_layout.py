"""Legends and row labels stay on the figure however long their texts are."""

import pytest
from matplotlib.lines import Line2D

from depthrepro.report.figures import style
from depthrepro.report.figures.layout import LABEL_CHARACTERS, legend_below, row_labels


def drawn_legend(labels, columns):
    """The legend's box in inches of a figure of 7.2 × 4, its texts, and the height that `legend_below` claims."""
    with style.figure(style.WIDTH, 4) as fig:
        fig.subplots()
        claimed = legend_below(fig, [Line2D([], [], label=label) for label in labels], columns)
        fig.draw_without_rendering()
        legend = fig.axes[0].get_legend()
        return legend.get_window_extent().transformed(fig.dpi_scale_trans.inverted()), legend.get_texts(), claimed


def test_a_legend_of_long_labels_lies_within_the_figure_and_its_height_is_known():
    labels = [f"Student start, sigmoid, demo {i}" for i in range(6)]
    box, _, claimed = drawn_legend(labels, 4)
    assert box.x0 >= 0.1 and box.x1 <= style.WIDTH - 0.1
    assert 0 < box.y0 and box.y1 < claimed < box.y1 + 0.1


@pytest.mark.parametrize(("count", "lines"), [(3, [3]), (4, [4]), (5, [3, 2]), (8, [4, 4])])
def test_a_legend_that_fits_has_even_lines_in_reading_order(count, lines):
    _, texts, _ = drawn_legend([f"L{i}" for i in range(count)], 4)
    by_place = sorted(texts, key=lambda text: (-round(text.get_window_extent().y0, 1), text.get_window_extent().x0))
    assert [text.get_text() for text in by_place] == [f"L{i}" for i in range(count)]
    heights = [round(text.get_window_extent().y0, 1) for text in by_place]
    assert [heights.count(height) for height in dict.fromkeys(heights)] == lines


def test_row_labels_are_wrapped_and_say_how_much_room_they_need():
    assert row_labels(["L9", "L12"], 0.34) == (["L9", "L12"], pytest.approx(0.2 + 3 * 0.068), 0.34)
    long = "FastConv on colours and depth, depth network trained along"
    texts, left, height = row_labels(["L9", long], 0.34)
    assert texts[1].split("\n") == ["FastConv on colours and depth,", "depth network trained along"]
    assert left == pytest.approx(0.2 + LABEL_CHARACTERS * 0.068) and height == 0.34
    assert row_labels([long], 0.34, 21)[2] == pytest.approx(0.05 + 3 * 0.145)  # three lines make a row higher
