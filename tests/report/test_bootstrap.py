"""The interval against cases with a known answer, and how often it holds the truth."""

import math

import numpy as np
import pytest

from depthrepro.report.bootstrap import _standardised_draws, paired_interval
from depthrepro.report.variance import group, reduced, spread


def table(d, scenes=None, strata=None):
    return reduced(np.asarray(d, float), group(np.shape(d)[1], scenes, strata))


def standard_error(d, scenes=None, strata=None):
    return tuple(float(value) for value in spread(table(d, scenes, strata)).total())


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


def test_scenes_of_one_size_are_as_if_each_were_one_image():
    rng = np.random.default_rng(6)
    d = rng.normal(size=(3, 30))
    labels = np.repeat(np.arange(10), 3)[(order := rng.permutation(30))]
    means = np.stack([d[:, labels == scene].mean(axis=1) for scene in range(10)], axis=1)
    assert standard_error(d, labels) == pytest.approx(standard_error(means))
    found, same = (paired_interval(x, np.zeros_like(x), scenes=s) for x, s in ((d, labels), (means, None)))
    assert (found.low, found.high) == pytest.approx((same.low, same.high))
    shuffled = paired_interval(d[:, order], np.zeros_like(d), scenes=labels[order])
    assert (found.low, found.high) == pytest.approx((shuffled.low, shuffled.high))


def test_scenes_of_different_sizes_by_hand():
    """One seed; scenes of 1, 1 and 2 images with means 0, 4 and 2, and a mean over images of 2."""
    d = np.array([[0.0, 4.0, 1.0, 3.0]])
    assert paired_interval(d, 0 * d, scenes=["a", "b", "c", "c"]).difference == 2.0
    left_out = np.array([8 / 3, 4 / 3, 2.0])  # the mean without each scene
    error, freedom = standard_error(d, ["a", "b", "c", "c"])
    assert error == pytest.approx(math.sqrt(2 / 3 * ((left_out - 2) ** 2).sum()))
    assert freedom == pytest.approx((1 + 1 + 4) ** 2 / (1 + 1 + 16) - 1)


def test_two_sets_of_different_sizes_by_hand():
    """One seed; each set is resampled within itself, so the difference of their means is no variance."""
    near, far = np.array([0.0, 2.0]), np.array([100.0, 101.0, 102.0, 103.0, 104.0, 105.0])
    d, sets = np.r_[near, far][None], ["near"] * 2 + ["far"] * 6
    parts = (2 / 8) ** 2 * near.var(ddof=1) / 2, (6 / 8) ** 2 * far.var(ddof=1) / 6
    error, freedom = standard_error(d, strata=sets)
    assert error == pytest.approx(math.sqrt(sum(parts)))
    assert freedom == pytest.approx(sum(parts) ** 2 / (parts[0] ** 2 / 1 + parts[1] ** 2 / 5))
    found = paired_interval(d, 0 * d, strata=sets)
    assert found.difference == pytest.approx(d.mean()) and found.high - found.low < 7
    assert paired_interval(d, 0 * d).high - found.high > 20


def test_seeds_go_across_the_sets():
    """All variance is the seeds': Student's with two degrees of freedom, however many sets."""
    d = np.repeat([[1.0], [2.0], [3.0]], 50, axis=1)
    error, freedom = standard_error(d, strata=np.arange(50) % 2)
    assert error == pytest.approx(1 / math.sqrt(3)) and freedom == pytest.approx(2.0)


def test_the_same_scene_in_two_sets_is_two_scenes():
    d = np.random.default_rng(7).normal(size=(2, 8))
    sets = np.repeat(["x", "y"], 4)
    assert standard_error(d, [0, 0, 1, 1, 0, 0, 1, 1], sets) == standard_error(d, [0, 0, 1, 1, 2, 2, 3, 3], sets)


def test_one_scene_that_holds_nearly_all_images_makes_the_interval_wide():
    d = np.random.default_rng(8).normal(size=(3, 40))
    _, freedom = standard_error(d, [0] * 38 + [1, 2])
    wide, plain = (paired_interval(d, 0 * d, scenes=s) for s in ([0] * 38 + [1, 2], None))
    assert freedom < 1.5 and wide.high - wide.low > 3 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"scenes": [0, 0, 0, 0]}, "two scenes or more in each set"),
        ({"scenes": [0, 0, 1, 2], "strata": [0, 0, 1, 1]}, "two scenes or more in each set"),
        ({"scenes": [0, 1, 2]}, "one label for each of 4 images"),
    ],
)
def test_labels_that_cannot_be_resampled_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        paired_interval(np.zeros((3, 4)), np.zeros((3, 4)), **labels)


@pytest.mark.parametrize(("n_scenes", "lowest"), [(12, 0.9), (40, 0.92)])
def test_the_interval_holds_the_truth_with_scenes_of_one_to_eight_images(n_scenes, lowest):
    """300 tables; were the images taken for independent, they would hold the truth in eight of ten tables or fewer."""
    rng, held, careless = np.random.default_rng(9), 0, 0
    for _ in range(300):
        labels = np.repeat(np.arange(n_scenes), rng.integers(1, 9, n_scenes))
        d = 0.7 + rng.normal(0, 0.3, (3, 1)) + rng.normal(0, 1, n_scenes)[labels] + rng.normal(0, 0.3, (3, len(labels)))
        found = paired_interval(d, 0 * d, resamples=600, scenes=labels)
        held += found.low <= 0.7 <= found.high
        error, _ = standard_error(d)
        careless += abs(d.mean() - 0.7) <= 1.96 * error
    assert lowest <= held / 300 <= 0.985 and careless / 300 < 0.85
