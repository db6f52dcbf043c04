"""Colours: near is bright whatever the kind, one range means one colour, and the legend tells the truth."""

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Kind
from depthrepro.predict.colour import (
    NO_VALUE,
    ColourScale,
    colour_table,
    legend,
    pictures,
    robust_range,
    sample,
)

DARK, BRIGHT = colour_table("inferno")[0], colour_table("inferno")[255]


@pytest.mark.parametrize("kind", list(Kind))
def test_near_is_bright(kind):
    near, far = (2.0, 50.0) if kind is Kind.depth else (50.0, 2.0)
    picture = ColourScale(kind, 2.0, 50.0).paint(np.array([[near, far]], np.float32))
    assert (picture[0, 0] == BRIGHT).all() and (picture[0, 1] == DARK).all()


def test_depth_is_logarithmic_and_the_rest_linear():
    share = ColourScale(Kind.depth, 1.0, 100.0).share(np.array([1.0, 10.0, 100.0], np.float32))
    np.testing.assert_allclose(share, [0, 0.5, 1], atol=1e-6)
    share = ColourScale(Kind.disp_frac, 1.0, 100.0).share(np.array([1.0, 50.5, 100.0], np.float32))
    np.testing.assert_allclose(share, [0, 0.5, 1], atol=1e-6)


def test_beyond_the_range_are_the_end_colours_and_nothing_is_grey():
    values = np.array([[0.1, 1000.0, np.inf, np.nan, -1.0]], np.float32)
    picture = ColourScale(Kind.depth, 1.0, 100.0).paint(values)[0]
    assert (picture[0] == BRIGHT).all() and (picture[1] == DARK).all()
    assert (picture[2:] == NO_VALUE).all()


def test_the_range_is_over_all_maps_together():
    near, far = np.full(100, 1.0, np.float32), np.full(100, 9.0, np.float32)
    assert robust_range([near, far]) == (1.0, 9.0)
    values = np.arange(101, dtype=np.float32)
    assert robust_range([values]) == pytest.approx((2.0, 98.0))  # the percentiles of 0..100


def test_one_outlier_does_not_take_the_colours():
    values = np.linspace(0, 1, 10_000, dtype=np.float32)
    values[0] = 1e6
    assert robust_range([values])[1] < 1


def test_a_constant_map_has_a_range():
    low, high = robust_range([np.full(10, 3.0)])
    assert low < 3.0 < high
    low, high = robust_range([np.zeros(10)])
    assert low < 0.0 < high


def test_without_a_value_there_is_no_range():
    with pytest.raises(UserError, match="no prediction has a finite value"):
        robust_range([sample(np.full((4, 4), np.inf, np.float32))])


def test_large_maps_are_sampled_evenly():
    values = np.linspace(0, 1, 400 * 500, dtype=np.float32).reshape(400, 500)
    taken = sample(values)
    assert 10_000 < taken.size <= 30_000 and taken.mean() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("kind", [Kind.depth, Kind.affine_inv_depth])
def test_the_legends_colours_are_those_of_the_picture(kind):
    """Numbers rise to the right: the bar's column at a value has that value's colour."""
    scale = ColourScale(kind, 2.0, 50.0)
    row = legend(scale, 501)[10].astype(int)
    inside = np.flatnonzero((row != row[0]).any(axis=1))  # from frame to frame
    row = row[inside[0] + 1 : inside[-1]]
    assert len(row) > 450
    for share in (0.1, 0.5, 0.9):
        value = 2.0 * 25**share if kind is Kind.depth else 2.0 + 48.0 * share
        painted = scale.paint(np.array([[value]], np.float32))[0, 0].astype(int)
        assert np.abs(row[round(share * (len(row) - 1))] - painted).max() <= 6


@pytest.mark.parametrize("kind", [Kind.affine_inv_depth, Kind.depth])
@pytest.mark.parametrize("width", [1, 2, 9, 16, 40, 100, 640, 4000])
def test_a_legend_fits_any_width(width, kind):
    strip = legend(ColourScale(kind, 0.9, 17.0), width)
    assert strip.shape[1] == width and strip.shape[2] == 3 and strip.dtype == np.uint8
    if width >= 100:
        lower = strip[strip.shape[0] // 2 :]
        assert (lower < 100).any()  # the numbers and the caption
        assert (lower[:, -2:] == 255).all()  # end before the edge


def test_a_legend_is_drawn_once():
    assert legend(ColourScale(Kind.depth, 1.0, 10.0), 300) is legend(ColourScale(Kind.depth, 1.0, 10.0), 300)


def test_pictures_keep_their_pixels():
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    values = np.linspace(1.0, 10.0, 1500, dtype=np.float32).reshape(30, 50)
    scale = ColourScale(Kind.depth, 1.0, 10.0)
    painted = scale.paint(values)
    assert (pictures(values, image, scale, ["color"], True)["color"][:30] == painted).all()
    both = pictures(values, image, scale, ["side_by_side"], False)["side_by_side"]
    assert (both[:, :50] == image).all() and (both[:, -50:] == painted).all() and both.shape[1] == 102


def test_mistakes_are_named():
    with pytest.raises(UserError, match="colormap=infreno: did you mean 'inferno'"):
        ColourScale(Kind.depth, 1.0, 2.0, "infreno")
    with pytest.raises(UserError, match="depth is in metres, more than 0"):
        ColourScale(Kind.depth, 0.0, 2.0)
    with pytest.raises(UserError, match="two different numbers"):
        ColourScale(Kind.depth, 2.0, 2.0)
