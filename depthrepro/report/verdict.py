"""What a comparison of two methods shows: one is better, they do not differ by what matters, or it cannot be told yet.

First the difference: where its (1 − level) interval lies off zero, the claim is reproduced or contradicted. Else the
equivalence: where the (1 − 2·level) interval lies within ± margin, both of two one-sided tests at `level` reject a
difference as large as the margin (Schuirmann 1987, doi:10.1007/BF01068419), and there is no difference that matters
(the words follow Lakens 2017, doi:10.1177/1948550617697177). Else nothing is decided. New seeds and new scenes are both
sources of variance (Bouthillier et al. 2021, arXiv:2103.03098); the intervals are those of `bootstrap`.

A margin that is a part m of the reference row is tested as better − (1 ± m)·worse, image by image and seed by seed, so
that the reference's own noise counts.

How often that errs in 1,000 simulated tables a number, which scatter by 0.014 at 0.05 (`tests/campaigns/verdicts.py`;
margin 3 %, skewed effects, standard deviations of seed, scene, image and rest as parts of the reference row). Three
shares: of false verdicts where there is no difference, and of differences of −margin and +margin that are taken for
smaller ones. The last column is over both looks, at levels 0.03 and 0.02 (`looks`):

                              3 seeds             6 seeds             12 seeds            6, then 12 seeds
    12 scenes of 1 to 8 images
      0.005, 0, 0.08, 0.11    0.004 0.004 0.006   0.022 0.011 0.034   0.044 0.016 0.077   0.024 0.008 0.037
      0.005, 0.08, 0.08, 0.11 0.036 0.000 0.002   0.064 0.001 0.008   0.078 0.000 0.023   0.053 0.000 0.004
    60 scenes of 1 to 8 images
      0.005, 0.08, 0.08, 0.11 0.042 0.025 0.052   0.056 0.025 0.063   0.057 0.013 0.084   0.037 0.003 0.059
    39 images
      0.005, 0, 0.08, 0.11    0.027 0.002 0.007   0.056 0.017 0.062   0.053 0.014 0.074   0.034 0.003 0.036
      0.03, 0, 0.08, 0.11     0.041 0.006 0.008   0.052 0.007 0.026   0.050 0.012 0.039   0.041 0.001 0.013
      0.005, 0, 0.3, 0.16     0.063 0.000 0.000   0.069 0.000 0.000   0.060 0.000 0.000   0.039 0.000 0.000
    39 and 130 images, pooled
      0.005, 0, 0.08, 0.11    0.030 0.029 0.037   0.046 0.045 0.053   0.054 0.042 0.073   0.036 0.026 0.036

So one test at 12 seeds errs in up to 8 %: with few images or scenes skewed effects are not quite levelled out, on one
side of the margin more than on the other. Over the planned looks it is 6 % at most, and mostly below 4 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from depthrepro.report.bootstrap import Interval, intervals, paired
from depthrepro.report.variance import Scenes, group, reduced, spread

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
NO_DIFFERENCE, UNDECIDED = "no difference", "undecided"
MOST_SEEDS, USUAL_SEEDS, MOST_IMAGES = 100, 12, 1000  # asked for in `what_would_decide`; images: times today's


@dataclass(frozen=True)
class Margin:
    """The smallest difference that matters.

    Attributes:
        value: Above 0: 0.03 or 0.01.
        relative: Whether it is a part of the reference row's (`worse`) mean instead of in the metric's unit.
    """

    value: float
    relative: bool


@dataclass(frozen=True)
class Judgement:
    """What the tables of two rows show.

    Attributes:
        verdict: REPRODUCED, CONTRADICTED, NO_DIFFERENCE or UNDECIDED.
        difference: Mean of better − worse.
        low: Lower end of its (1 − level) interval, 95 % at level 0.05.
        high: Upper end.
        inner_low: Lower end of its (1 − 2·level) interval, 90 %.
        inner_high: Upper end.
        margin: The margin in the metric's unit, at the reference's mean.
        below_margin: Whether a reproduced or contradicted difference is shown to be smaller than the margin.
    """

    verdict: str
    difference: float
    low: float
    high: float
    inner_low: float
    inner_high: float
    margin: float
    below_margin: bool


@dataclass(frozen=True)
class Needs:
    """What would decide an open comparison, if the difference stays what it is.

    Attributes:
        seeds: Seeds, at today's images; None: no number of seeds up to 100 can.
        images: Images, at 12 seeds, where seeds alone cannot; None: not needed, or not even 1,000 times as many can.
    """

    seeds: int | None
    images: int | None


def judge(
    better: ArrayLike,
    worse: ArrayLike,
    *,
    higher_is_better: bool,
    margin: Margin,
    level: float = 0.05,
    scenes: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> Judgement:
    """Judge the claim that `better` is better than `worse`.

    Args:
        better: One row's metric, (S, I): seeds by images. One training of each (S = 1) shows nothing about methods:
            the caller must say so.
        worse: The reference row's, the same seeds and images in the same order.
        higher_is_better: The metric's direction.
        margin: The smallest difference that matters.
        level: Probability, in (0, 0.5), of each kind of false verdict.
        scenes: Label of the scene that each image shows, (I,). None: each its own.
        strata: Label of the set that each image belongs to, (I,), resampled within each. None: one set.

    Raises:
        ValueError: As `bootstrap.paired_interval`: also where a set has one scene only.
    """
    a, b = paired(better, worse)
    grouped = group(a.shape[1], scenes, strata)
    outer, inner = intervals(reduced(a - b, grouped), (1 - level, 1 - 2 * level))
    if margin.relative:
        above, below = (intervals(reduced(a - k * b, grouped), (1 - 2 * level,))[0] for k in _factors(margin))
    else:
        above, below = (Interval(0, inner.low - shift, inner.high - shift) for shift in (-margin.value, margin.value))
    within = above.low > 0 and below.high < 0
    verdict = NO_DIFFERENCE if within else UNDECIDED
    if outer.low > 0 or outer.high < 0:
        verdict = REPRODUCED if (outer.low > 0) == higher_is_better else CONTRADICTED
    return Judgement(
        verdict,
        outer.difference,
        outer.low,
        outer.high,
        inner.low,
        inner.high,
        _unit(margin, b),
        within and verdict in (REPRODUCED, CONTRADICTED),
    )


def what_would_decide(
    better: ArrayLike,
    worse: ArrayLike,
    *,
    higher_is_better: bool,
    margin: Margin,
    level: float = 0.05,
    scenes: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> Needs:
    """The least that would give a verdict other than undecided, were today's difference the true one.

    Arguments and errors are those of `judge`. The parts of the variance that belong to seeds, to scenes and to the
    rest are taken from today's tables, so with few seeds the answer is rough. With one seed (or nothing trained) the
    seeds' part is not known and counts as none: then only images are named.
    """
    a, b = paired(better, worse)
    grouped, n_seeds = group(a.shape[1], scenes, strata), a.shape[0]
    if n_seeds > 1:
        more = np.arange(n_seeds + 1, MOST_SEEDS + 1)
        enough = _decided(a, b, grouped, margin, level, more, np.ones(len(more)))
        if enough.any():
            return Needs(int(more[enough.argmax()]), None)
    times = np.geomspace(1, MOST_IMAGES, 701)  # steps of 1 %
    enough = _decided(a, b, grouped, margin, level, np.full(len(times), max(n_seeds, USUAL_SEEDS)), times)
    return Needs(None, int(np.ceil(a.shape[1] * times[enough.argmax()])) if enough.any() else None)


def _decided(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    grouped: Scenes,
    margin: Margin,
    level: float,
    n_seeds: NDArray[np.int_],
    times: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether a verdict is to be expected with so many seeds, (K,), and so many times the images, (K,)."""

    def half(d: NDArray[np.float64], tail: float) -> NDArray[np.float64]:
        error, freedom = spread(reduced(d, grouped)).at(n_seeds, times).total()
        return error * stdtrit(freedom, 1 - tail)

    d = a - b
    if margin.relative:
        above, below = (a - k * b for k in _factors(margin))
    else:
        above, below = d + margin.value, d - margin.value
    differs = abs(d.mean()) > half(d, level / 2)
    return differs | ((above.mean() > half(above, level)) & (-below.mean() > half(below, level)))


def _factors(margin: Margin) -> tuple[float, float]:
    """The reference's factors at which the difference is minus and plus the margin."""
    return 1 - margin.value, 1 + margin.value


def _unit(margin: Margin, reference: NDArray[np.float64]) -> float:
    return margin.value * abs(float(reference.mean())) if margin.relative else margin.value
