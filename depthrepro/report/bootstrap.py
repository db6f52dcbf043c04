"""A paired bootstrap over images and seeds, with an interval that holds for a handful of seeds.

Two networks are scored on the same images and trained from the same seeds, so d[s, i] = better − worse is one number
per seed and image. What is asked is the difference to expect with *new* seeds and *new* images, so both are resampled:
seeds with replacement, images with replacement, crosswise (the "pigeonhole" bootstrap; Owen 2007, arXiv:0712.1111).

Taken as it is, that bootstrap is far too sure of itself with three seeds (see the coverage below), and three times too
unsure where seeds and images do not matter by themselves (Owen 2007, section 4). So the bootstrap gives the *shape* of
the distribution, skew included, and its width is set by the two-way analysis of variance: with the mean squares of
seeds, images and the rest, MS_s, MS_i and MS_e, the mean of d has variance (MS_s + MS_i − MS_e) / (S·I), and the width
grows by t/z, Student's quantile over the normal one, with Satterthwaite's degrees of freedom. A component estimated
below zero counts as zero.

With two seeds, half of all draws repeat one seed and their tails end too early: there the width takes Student's
quantile of seeds and of images apart, and the shape is never narrower than the normal one.

Coverage of the 95 % interval in 500 simulated tables of 40 images whose effects are skewed (exponential), for standard
deviations of seed, image and rest; beside it the plain percentile bootstrap's:

    3 seeds   0.0, 1.0, 0.0: 0.92 (plain 0.92)    0.3, 1.0, 1.0: 0.94 (plain 0.92)    1.0, 1.0, 1.0: 0.95 (plain 0.83)
              1.0, 0.3, 0.3: 0.95 (plain 0.75)    0.0, 0.0, 1.0: 1.00 (plain 0.99)
    2 seeds   0.0, 1.0, 0.0: 0.92 (plain 0.92)    0.3, 1.0, 1.0: 0.99 (plain 0.92)    1.0, 1.0, 1.0: 0.99 (plain 0.75)
              1.0, 0.3, 0.3: 0.95 (plain 0.58)    0.0, 0.0, 1.0: 1.00 (plain 0.99)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

RESAMPLES = 4000


@dataclass(frozen=True)
class Interval:
    """A difference with its interval, in the metric's own unit.

    Attributes:
        difference: Mean of better − worse over seeds and images.
        low: Lower end.
        high: Upper end.
    """

    difference: float
    low: float
    high: float


def paired_interval(
    better: ArrayLike, worse: ArrayLike, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Interval of the mean of `better` − `worse` over new seeds and new images.

    Args:
        better: One method's metric, (S, I): seeds by images.
        worse: The other's, the same seeds and images in the same order.
        level: Probability that the interval is to hold the true mean.
        resamples: Bootstrap samples.
        seed: Seeds the resampling: the same numbers give the same interval.

    Returns:
        The interval. With one seed it is the spread over images alone.

    Raises:
        ValueError: If the arrays are not two finite tables of one shape with at least two images.
    """
    a, b = np.asarray(better, dtype=np.float64), np.asarray(worse, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[0] < 1 or a.shape[1] < 2:
        raise ValueError(f"need two tables (seeds, images) of one shape with two images or more: {a.shape}, {b.shape}")
    d = a - b
    if not np.isfinite(d).all():
        raise ValueError("a difference is not finite")
    mean = float(d.mean())
    error, freedom = standard_error(d)
    if error <= 1e-12 * max(1.0, abs(mean)):
        return Interval(mean, mean, mean)
    tail = (1 - level) / 2
    normal = float(ndtri(1 - tail))
    low, high = (float(q) for q in np.quantile(_standardised_draws(d, resamples, seed), (tail, 1 - tail)))
    half = float(stdtrit(freedom, 1 - tail)) * error
    if d.shape[0] == 2:  # half of all draws repeat one seed: their tails end too early
        low, high, half = min(low, -normal), max(high, normal), _half_width_of_two(d, tail)
    return Interval(mean, mean + low / normal * half, mean + high / normal * half)


def standard_error(d: NDArray[np.float64]) -> tuple[float, float]:
    """(standard error of the mean over new seeds and images, its degrees of freedom) of a table (S, I)."""
    n_seeds, n_images = d.shape
    if n_seeds == 1:
        return float(d.std(ddof=1)) / math.sqrt(n_images), n_images - 1
    ms_seed, ms_image, ms_rest = _mean_squares(d)
    ms_seed, ms_image = max(ms_seed, ms_rest), max(ms_image, ms_rest)
    total = ms_seed + ms_image - ms_rest
    if total <= 0:
        return 0.0, 1.0
    noise = ms_seed**2 / (n_seeds - 1) + ms_image**2 / (n_images - 1) + ms_rest**2 / ((n_seeds - 1) * (n_images - 1))
    return math.sqrt(total / (n_seeds * n_images)), total**2 / noise


def _mean_squares(d: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean squares of seeds, of images and of the rest in a table (S, I) with two seeds or more."""
    n_seeds, n_images = d.shape
    mean, by_seed, by_image = d.mean(), d.mean(axis=1), d.mean(axis=0)
    ms_seed = n_images * float(((by_seed - mean) ** 2).sum()) / (n_seeds - 1)
    ms_image = n_seeds * float(((by_image - mean) ** 2).sum()) / (n_images - 1)
    rest = d - by_seed[:, None] - by_image[None, :] + mean
    return ms_seed, ms_image, float((rest**2).sum()) / ((n_seeds - 1) * (n_images - 1))


def _half_width_of_two(d: NDArray[np.float64], tail: float) -> float:
    """Half the width with two seeds: seeds and images each with their own Student's quantile, the rest in both."""
    ms_seed, ms_image, ms_rest = _mean_squares(d)
    of_seeds, of_images = (float(stdtrit(n - 1, 1 - tail)) for n in d.shape)
    return math.sqrt((of_seeds**2 * ms_seed + of_images**2 * max(ms_image, ms_rest)) / d.size)


def _standardised_draws(d: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Means of resampled tables, centred on their own mean and divided by their standard deviation."""
    seeds, images = _weights(*d.shape, resamples, seed)
    draws = np.einsum("rs,ri,si->r", seeds, images, d, optimize=True) - d.mean()
    return (draws - draws.mean()) / draws.std()


@lru_cache(maxsize=8)  # a report compares hundreds of tables of a few shapes
def _weights(n_seeds: int, n_images: int, resamples: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Parts that each seed, (R, S), and each image, (R, I), has in each resampled table; not to be written to."""
    rng = np.random.default_rng(seed)
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=resamples) / n_seeds
    return seeds, rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=resamples) / n_images
