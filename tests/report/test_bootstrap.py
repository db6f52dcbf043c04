"""The interval against cases with a known answer, and how often it holds the truth."""

import math

import numpy as np
import pytest

from depthrepro.report.bootstrap import _standardised_draws, group, paired_interval, reduced, spread


def table(d, scenes=None, strata=None):
    return reduced(np.asarray(d, float), group(np.shape(d)[1], scenes, strata))


def standard_error(d, scenes=None, strata=None):
    return spread(table(d, scenes, strata)).total()


def test_standard_error_by_hand():
    # Seeds differ by 2, images by 4, nothing is left over: MS_seed = 2 · 2 = 4 (means ∓1), MS_image = 2 · 8 = 16.
    d = np.array([[0.0, 4.0], [2.0, 6.0]])
    error, freedom = standard_error(d)
    assert error == pytest.approx(math.sqrt((4 + 16) / 4))
    assert freedom == pytest.approx(20**2 / (4**2 / 1 + 16**2 / 1))


def test_one_seed_gives_the_textbook_interval_of_a_mean():
    rng = np.random.default_rng(0)
    d = rng.normal(0.5, 2.0, (1, 400))
    found = paired_interval(d, np.zeros_like(d), resamples=20000)
    half = 1.966 * d.std(ddof=1) / math.sqrt(400)  # Student's t with 399 degrees of freedom
    assert found.difference == pytest.approx(d.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)


def test_seeds_alone_give_student_s_interval_around_their_mean():
    d = np.repeat([[1.0], [2.0], [3.0]], 50, axis=1)
    found = paired_interval(d, np.zeros_like(d), resamples=20000)
    assert found.difference == 2.0
    error, freedom = standard_error(d)
    assert error == pytest.approx(1 / math.sqrt(3)) and freedom == pytest.approx(2.0)
    assert found.low < 0.5 and found.high > 3.5  # 2 ± 4.30 · 0.577 in the normal case; the draws are discrete here


def test_a_constant_difference_is_certain():
    worse = np.random.default_rng(1).random((3, 20))
    found = paired_interval(worse - 0.25, worse)
    assert (found.low, found.high) == pytest.approx((-0.25, -0.25))


def test_exchanging_the_two_mirrors_the_interval():
    rng = np.random.default_rng(2)
    a, b = rng.random((3, 40)), rng.random((3, 40))
    one, other = paired_interval(a, b), paired_interval(b, a)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))


def test_what_both_have_in_common_does_not_matter_and_the_unit_scales():
    rng = np.random.default_rng(3)
    a, b, hard = rng.random((3, 40)), rng.random((3, 40)), 100 * rng.random((1, 40))
    plain, shifted = paired_interval(a, b), paired_interval(a + hard, b + hard)
    assert (plain.low, plain.high) == pytest.approx((shifted.low, shifted.high), abs=1e-9)
    scaled = paired_interval(10 * a, 10 * b)
    assert (scaled.low, scaled.high) == pytest.approx((10 * plain.low, 10 * plain.high))


def test_a_higher_level_is_wider():
    rng = np.random.default_rng(4)
    a, b = rng.random((3, 40)), rng.random((3, 40))
    wide, narrow = paired_interval(a, b, level=0.99), paired_interval(a, b, level=0.9)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("a", "b"),
    [(np.zeros((3, 4)), np.zeros((3, 5))), (np.zeros(4), np.zeros(4)), (np.zeros((3, 1)), np.zeros((3, 1)))],
)
def test_tables_that_do_not_pair_are_refused(a, b):
    with pytest.raises(ValueError, match="two tables"):
        paired_interval(a, b)
    with pytest.raises(ValueError, match="not finite"):
        paired_interval(np.full((2, 3), np.nan), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("by_seed", "by_image", "rest", "lowest", "highest"),
    [
        (0.0, 1.0, 0.3, 0.91, 0.985),
        (0.3, 1.0, 1.0, 0.91, 0.99),
        (1.0, 1.0, 1.0, 0.91, 0.99),
        (1.0, 0.3, 0.3, 0.91, 0.99),
        (0.0, 0.0, 1.0, 0.95, 1.0),  # too wide on purpose: three seeds cannot show that seeds do not matter
    ],
)
def test_the_interval_holds_the_truth_about_as_often_as_it_says(by_seed, by_image, rest, lowest, highest):
    """300 tables of 3 seeds and 40 images: the share scatters by ±0.025 (two standard deviations) about 0.95."""
    rng, tables, held = np.random.default_rng(5), 300, 0
    for table in range(tables):
        d = 0.7 + rng.normal(0, by_seed, (3, 1)) + rng.normal(0, by_image, (1, 40)) + rng.normal(0, rest, (3, 40))
        found = paired_interval(d, np.zeros_like(d), resamples=600, seed=table)
        held += found.low <= 0.7 <= found.high
    assert lowest <= held / tables <= highest


def test_shared_resamples_give_the_intervals_of_fresh_ones():
    """Whatever was compared before, and as the table itself resampled crosswise."""
    rng = np.random.default_rng(3)
    tables = [rng.normal(size=shape) for shape in ((3, 39), (2, 5), (3, 39), (1, 60), (3, 60))]
    for d in tables:
        fresh = np.random.default_rng(0)
        seeds, images = (fresh.multinomial(n, np.full(n, 1 / n), size=4000) / n for n in d.shape)
        draws = np.einsum("rs,ri,si->r", seeds, images, d, optimize=True) - d.mean()
        np.testing.assert_allclose(_standardised_draws(table(d), 4000, 0), (draws - draws.mean()) / draws.std(), 1e-7)
