"""Where the variance of a mean difference comes from: seeds, scenes, and the rest.

Images of one scene are alike, so the unit is the scene. The estimated mean stays the mean over images; with scenes of
different sizes it is a ratio, and its variance over scenes is the jackknife's, that leaves out one scene at a time: it
is right for unequal scenes too, and leans to the safe side (MacKinnon, Nielsen & Webb 2023,
doi:10.1016/j.jeconom.2022.04.001). With scenes of one size it is the two-way analysis of variance to the last digit.
Sets that are pooled (strata) each add the variance of their own scenes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Scenes:
    """Which images belong together.

    Attributes:
        order: The images sorted by stratum and scene, (I,).
        starts: Where each of the C scenes begins in `order`, (C,).
        sizes: Images of each scene, (C,).
        strata: Number of scenes of each of the H strata; they add up to C.
        firsts: Each stratum's first scene, (H,).
        images: Images of each scene's stratum, (C,).
        alike: As many scenes of one size would do as well as a stratum's, (H,).
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    strata: tuple[int, ...]
    firsts: NDArray[np.intp]
    images: NDArray[np.intp]
    alike: NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A table of differences reduced to what its mean is made of.

    Attributes:
        by_seed: Each seed's mean over images, (S,).
        pulls: How far each scene pulls a seed's mean, (S, C): its distance from the mean of the other scenes of its
            stratum, times its stratum's part of the images, over the number of scenes of the stratum.
        scenes: What was grouped.
    """

    by_seed: NDArray[np.float64]
    pulls: NDArray[np.float64]
    scenes: Scenes


@dataclass(frozen=True)
class Spread:
    """The variance of the mean over new seeds and new scenes, by its sources; leading axes are separate designs.

    Attributes:
        seeds: Mean square of seeds over the number of cells, (...,): seeds' own part and the rest's.
        scenes: That of scenes in each stratum, (..., H): scenes' own part and the rest's.
        rest: That of what is left, (..., H).
        n_seeds: Number of seeds, (...,).
        freedom: Degrees of freedom of `scenes`, (..., H).
    """

    seeds: ArrayLike
    scenes: NDArray[np.float64]
    rest: NDArray[np.float64]
    n_seeds: ArrayLike
    freedom: NDArray[np.float64]

    def total(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(standard error, degrees of freedom by Satterthwaite), each (...,)."""
        rest = self.rest.sum(axis=-1)
        seeds, scenes = np.maximum(self.seeds, rest), np.maximum(self.scenes, self.rest)
        variance = seeds + scenes.sum(axis=-1) - rest
        between = np.maximum(np.asarray(self.n_seeds) - 1, 1)
        noise = seeds**2 / between + ((scenes**2 + self.rest**2 / between[..., None]) / self.freedom).sum(axis=-1)
        return np.sqrt(variance), np.where(noise > 0, variance**2 / np.where(noise > 0, noise, 1), 1.0)

    def at(self, n_seeds: ArrayLike, images: ArrayLike = 1.0) -> Spread:
        """What is to be expected with other numbers of seeds, (K,), and so many times the scenes, (K,)."""
        n_seeds, images = np.broadcast_arrays(np.asarray(n_seeds, float), np.asarray(images, float))
        fewer, times = np.asarray(self.n_seeds) / n_seeds, images[..., None]
        rest = self.rest * fewer[..., None] / times
        own_seeds = np.maximum(np.asarray(self.seeds) - self.rest.sum(axis=-1), 0) * fewer
        own_scenes = np.maximum(self.scenes - self.rest, 0) / times
        return Spread(own_seeds + rest.sum(axis=-1), own_scenes + rest, rest, n_seeds, (self.freedom + 1) * times - 1)


def group(n_images: int, scenes: ArrayLike | None, strata: ArrayLike | None) -> Scenes:
    """Sort images into scenes and strata; raises ValueError as `paired_interval`."""
    scene, stratum = (
        default if given is None else np.unique(np.asarray(given), return_inverse=True)[1]
        for given, default in ((scenes, np.arange(n_images)), (strata, np.zeros(n_images, int)))
    )
    if scene.shape != (n_images,) or stratum.shape != (n_images,):
        raise ValueError(f"need one label for each of {n_images} images: {scene.shape}, {stratum.shape}")
    order = np.lexsort((scene, stratum))
    scene, stratum = scene[order], stratum[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(scene) != 0) | (np.diff(stratum) != 0)])
    sizes, counts = np.diff(np.r_[starts, n_images]), np.bincount(stratum[starts])
    if counts.min() < 2:
        raise ValueError("need two scenes or more in each set: one scene says nothing about another")
    firsts = np.r_[0, np.cumsum(counts)[:-1]]
    squares, fourths = (np.add.reduceat(sizes.astype(float) ** power, firsts) for power in (2, 4))
    images = np.repeat(np.add.reduceat(sizes, firsts), counts)
    return Scenes(order, starts, sizes, tuple(counts.tolist()), firsts, images, squares**2 / fourths)


def reduced(d: NDArray[np.float64], scenes: Scenes) -> Table:
    """Reduce a table of differences, (S, I), to seeds' means and scenes' pulls on them."""
    sums, counts = np.add.reduceat(d[:, scenes.order], scenes.starts, axis=1), np.asarray(scenes.strata)
    means = np.repeat(np.add.reduceat(sums, scenes.firsts, axis=1), counts, axis=1) / scenes.images
    weights = np.repeat((counts - 1) / counts, counts) / (d.shape[1] * (1 - scenes.sizes / scenes.images))
    return Table(d.mean(axis=1), (sums - scenes.sizes * means) * weights, scenes)


def spread(table: Table) -> Spread:
    """The analysis of variance of a table: jackknife over scenes, crossed with seeds."""
    n_seeds, counts, by_scene = len(table.by_seed), np.asarray(table.scenes.strata), table.pulls.mean(axis=0)
    rest = ((table.pulls - by_scene) ** 2).sum(axis=0) / (n_seeds * max(n_seeds - 1, 1))
    squares = np.add.reduceat(np.stack((by_scene**2, rest)), table.scenes.firsts, axis=1) * counts / (counts - 1)
    of_seeds = float(table.by_seed.var(ddof=1)) / n_seeds if n_seeds > 1 else 0.0
    return Spread(of_seeds, squares[0], squares[1], n_seeds, np.maximum(table.scenes.alike - 1, 1))
