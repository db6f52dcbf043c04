"""Verdicts worked out by hand, and how often they err where the truth is known."""

import numpy as np
import pytest

from depthrepro.report.verdict import (
    CONTRADICTED,
    NO_DIFFERENCE,
    REPRODUCED,
    UNDECIDED,
    Margin,
    Needs,
    judge,
    what_would_decide,
)
from tests.campaigns.verdicts import MARGIN, MIXES, SETS, faults

ABSOLUTE = Margin(0.1, relative=False)


def around(mean, spread=0.0, shape=(3, 40)):
    """Two tables whose difference has exactly this mean; images differ by `spread`, seeds do not."""
    images = np.random.default_rng(0).normal(size=shape[1])
    images = spread * (images - images.mean()) / images.std(ddof=1)
    worse = np.ones(shape)
    return worse + mean + images, worse


def verdict(better, worse, margin=ABSOLUTE, higher_is_better=False, **labels):
    return judge(better, worse, margin=margin, higher_is_better=higher_is_better, **labels)


@pytest.mark.parametrize(
    ("mean", "spread", "expected", "below"),
    [
        (-0.5, 0.3, REPRODUCED, False),
        (0.5, 0.3, CONTRADICTED, False),
        (-0.04, 0.05, REPRODUCED, True),  # certain, and smaller than what matters
        (0.04, 0.05, CONTRADICTED, True),
        (0.0, 0.05, NO_DIFFERENCE, False),
        (-0.09, 0.3, UNDECIDED, False),  # ± 0.096: neither off zero nor within 0.1
        (0.0, 0.0, NO_DIFFERENCE, False),
    ],
)
def test_each_verdict_of_an_error(mean, spread, expected, below):
    found = verdict(*around(mean, spread))
    assert (found.verdict, found.below_margin) == (expected, below)
    assert found.difference == pytest.approx(mean, abs=1e-12) and found.margin == 0.1
    assert found.low <= found.inner_low <= found.inner_high <= found.high


def test_ends_are_student_s():
    """All variance is the images': 0.3 / √40 times Student's t with 39 degrees of freedom."""
    found = verdict(*around(-0.09, 0.3))
    half, inner = 2.023 * 0.3 / 40**0.5, 1.685 * 0.3 / 40**0.5
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)
    assert (found.inner_high - found.inner_low) / 2 == pytest.approx(inner, rel=0.03)


def test_a_smaller_level_asks_for_more():
    tables = around(-0.11, 0.3)
    assert verdict(*tables).verdict == REPRODUCED
    found = verdict(*tables, level=0.01)
    assert found.verdict == UNDECIDED and found.low < verdict(*tables).low


def test_the_metric_s_direction_counts():
    better, worse = around(0.5, 0.3)
    assert verdict(better, worse, higher_is_better=True).verdict == REPRODUCED
    assert verdict(worse, better, higher_is_better=True).verdict == CONTRADICTED


def test_a_relative_margin_counts_the_noise_of_the_reference():
    """Better is 0.98 times worse: within 3 % on every image, however much the images differ in what they ask."""
    worse = np.tile(np.linspace(0.5, 20, 40), (3, 1))
    found = verdict(0.98 * worse, worse, Margin(0.03, relative=True))
    assert found.verdict == REPRODUCED and found.below_margin
    assert found.margin == pytest.approx(0.03 * worse.mean())
    fixed = verdict(0.98 * worse, worse, Margin(found.margin, relative=False))
    assert fixed.verdict == REPRODUCED and fixed.below_margin
    # The same plain difference on a reference that varies by itself: as sure of 0, but not of 3 % of the reference.
    noisy = 1 + np.random.default_rng(1).normal(0, 6, (3, 40))
    noisy += 1 - noisy.mean()
    better = noisy - 0.02 + 0.02 * np.linspace(-1, 1, 40)
    assert verdict(better, noisy, Margin(0.03, relative=False)).below_margin
    assert not verdict(better, noisy, Margin(0.03, relative=True)).below_margin


def test_alike_images_of_few_scenes_decide_less():
    better, worse = around(-0.1, 0.3)
    better = np.sort(better, axis=1)  # neighbours are alike
    assert verdict(better, worse).verdict == REPRODUCED
    assert verdict(better, worse, scenes=np.arange(40) // 10).verdict == UNDECIDED


def test_sets_that_differ_are_compared_within_themselves():
    """Two sets with differences of 0.1 and 0.9, of 10 and 30 images: their distance is no doubt."""
    d = np.repeat([0.1, 0.9], [10, 30]) + 0.01 * np.tile([-1, 1], 20)
    better, worse = np.tile(1 - d, (2, 1)), np.ones((2, 40))
    apart, one = (verdict(better, worse, Margin(0.72, False), strata=s) for s in (np.repeat([0, 1], [10, 30]), None))
    assert apart.difference == one.difference == pytest.approx(-0.7)
    assert apart.below_margin and not one.below_margin


@pytest.mark.parametrize("n_seeds", [1, 2])
def test_few_seeds_give_a_verdict_of_the_numbers_alone(n_seeds):
    better, worse = around(-0.5, 0.3, (n_seeds, 40))
    assert verdict(better, worse).verdict == REPRODUCED
    better[0] += 0.4
    assert verdict(better, worse).verdict == (REPRODUCED if n_seeds == 1 else UNDECIDED)  # seeds 0.1 and 0.5 apart


def test_one_scene_for_all_images_is_refused():
    with pytest.raises(ValueError, match="two scenes or more"):
        verdict(*around(0.5, 0.3), scenes=np.zeros(40))


def by_seed(mean, apart, n_seeds=4, n_images=40):
    """Two tables that differ between seeds alone, with the standard deviation `apart`."""
    seeds = np.linspace(-1, 1, n_seeds)
    d = mean + apart * seeds / seeds.std(ddof=1)
    return 1 + np.repeat(d[:, None], n_images, axis=1), np.ones((n_seeds, n_images))


def needs(better, worse, margin=ABSOLUTE, **labels):
    return what_would_decide(better, worse, margin=margin, higher_is_better=False, **labels)


def test_seeds_that_would_decide_by_hand():
    """0.2 ± 2.571 · 0.2 / √6 = 0.21 holds zero, 0.2 ± 2.447 · 0.2 / √7 = 0.185 does not."""
    assert needs(*by_seed(0.2, 0.2)) == Needs(7, None)
    # 0.05 is shown to be below 0.1 first: 1.761 · 0.11 / √15 = 0.0500 (too wide), 1.753 · 0.11 / √16 = 0.048.
    assert needs(*by_seed(0.05, 0.11)) == Needs(16, None)
    assert needs(*by_seed(0.05, 0.11), level=0.025).seeds > 16


def test_images_that_would_decide_by_hand():
    """0.05 within 0.1 at 12 seeds: Student's t about 1.65 times 0.3 / √I below 0.05 from 98 to 100 images on."""
    found = needs(*around(0.05, 0.3))
    assert found.seeds is None and 97 <= found.images <= 101
    assert needs(*around(0.05, 0.3, (1, 40))) == found  # nothing trained: images alone


def test_where_neither_seeds_nor_images_can():
    seeds = by_seed(0.001, 40.0)
    assert needs(*seeds) == Needs(None, None)


def test_seeds_and_images_both_matter():
    """The seeds' part shrinks with seeds, and the scenes' does not."""
    better, worse = around(0.05, 0.1)
    noise = 0.1 * np.array([[-1.0], [0.0], [1.0]])
    found = needs(better + noise, worse)
    assert found.images is None and 12 <= found.seeds <= 30
    assert needs(better + noise, worse, scenes=np.arange(40) // 2).seeds is not None


@pytest.mark.parametrize(
    ("mix", "name", "n_seeds", "effect", "most"),
    [
        (MIXES[0], "39 images", 6, -MARGIN.value, 0.075),
        (MIXES[0], "39 images", 6, MARGIN.value, 0.085),
        (MIXES[3], "60 scenes of 1 to 8", 3, MARGIN.value, 0.085),
    ],
)
def test_the_equivalence_test_keeps_its_size(mix, name, n_seeds, effect, most):
    """A difference as large as the margin is seldom found smaller: 5 % of 300 tables scatter by ± 2.5."""
    assert faults(mix, SETS[name], n_seeds, effect, tables=300) <= most


@pytest.mark.parametrize("effect", [0, -MARGIN.value, MARGIN.value])
def test_planned_looks_keep_the_promise(effect):
    """No more false verdicts over both looks, at the same trainings and images, than one test may have."""
    assert faults(MIXES[1], SETS["39 images"], 12, effect, tables=250, looks=True) <= 0.08
