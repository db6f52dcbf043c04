"""How often do verdicts err? Simulated tables of two rows whose true difference is known.

    python -m tests.campaigns.verdicts                    1,000 tables a line, 100 lines: some 20 minutes of one core
    python -m tests.campaigns.verdicts --tables 300 --sets "39 images"

Each line is one mix of the sources of variance, one kind of test set and one number of seeds, and has: how often the
95 % interval holds the true difference (none), how often the equivalence test finds a difference as large as the margin
(on either side) to be smaller, and the same faults over planned looks at the same trainings.

Standard deviations are parts of the reference row's mean. The mixes are those of the committed tables' claims: medians
over 113 differences in an error are 0.005 (seed), 0.08 (image), 0.11 (rest) and 0.38 (the reference row itself); 0.03,
0.3 and 0.16 are each source's ninth decile. All effects but those of seeds are skewed (exponential).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from depthrepro.report.looks import Look, at_looks, parse_looks
from depthrepro.report.verdict import CONTRADICTED, NO_DIFFERENCE, REPRODUCED, Judgement, Margin

MARGIN = Margin(0.03, relative=True)
LOOKS = parse_looks("6:0.03 12:0.02")
HARDNESS = 0.38  # of the images, in the reference row
HEAD = (
    "| seed, scene, image, rest | test set | seeds | 95 % interval holds | equivalent at −m | at +m |\n|---|---|"
    + 4 * "--:|"
)


@dataclass(frozen=True)
class Mix:
    """Standard deviations of a difference's sources, as parts of the reference row's mean."""

    seed: float
    scene: float
    image: float
    rest: float

    def __str__(self) -> str:
        return f"{self.seed:g}, {self.scene:g}, {self.image:g}, {self.rest:g}"


@dataclass(frozen=True)
class Images:
    """Labels of a test set's images, (I,)."""

    scenes: np.ndarray
    strata: np.ndarray


def alone(n: int) -> Callable[[np.random.Generator], Images]:
    """A test set of n images, each its own scene."""
    return lambda rng: Images(np.arange(n), np.zeros(n, int))


def scenes(n: int, fewest: int, most: int) -> Callable[[np.random.Generator], Images]:
    """A test set of n scenes with `fewest` to `most` images each, drawn anew for each table."""

    def draw(rng: np.random.Generator) -> Images:
        labels = np.repeat(np.arange(n), rng.integers(fewest, most + 1, n))
        return Images(labels, np.zeros(len(labels), int))

    return draw


def two_sets(first: int, second: int) -> Callable[[np.random.Generator], Images]:
    """Two test sets whose images are pooled."""
    return lambda rng: Images(np.arange(first + second), np.repeat([0, 1], [first, second]))


MIXES = (
    Mix(0.005, 0, 0.08, 0.11),
    Mix(0.03, 0, 0.08, 0.11),
    Mix(0.005, 0, 0.3, 0.16),
    Mix(0.005, 0.08, 0.08, 0.11),
    Mix(0, 0, 0, 0.11),
)
SETS = {
    "39 images": alone(39),
    "20 scenes of 3": scenes(20, 3, 3),
    "12 scenes of 1 to 8": scenes(12, 1, 8),
    "60 scenes of 1 to 8": scenes(60, 1, 8),
    "39 and 130 images": two_sets(39, 130),
}


def table(
    rng: np.random.Generator, mix: Mix, images: Images, n_seeds: int, effect: float
) -> tuple[np.ndarray, np.ndarray]:
    """(better, worse), each (S, I): the reference has the mean 1, and the other (1 + effect) times it."""

    def skewed(*shape: int) -> np.ndarray:
        return rng.exponential(1, shape) - 1

    n = len(images.scenes)
    worse = 1 + HARDNESS * (skewed(images.scenes.max() + 1)[images.scenes] + skewed(n)) / 2**0.5
    own = [mix.rest / 2**0.5 * skewed(n_seeds, n) for _ in range(2)]  # each row's trainings err in their own way
    d = mix.seed * rng.normal(size=(n_seeds, 1)) + mix.scene * skewed(images.scenes.max() + 1)[images.scenes]
    return (1 + effect) * worse + d + mix.image * skewed(n) + own[0], worse + own[1]


def false(judgement: Judgement, effect: float) -> bool:
    """Whether something is said that is not so, where the true difference is none or as large as the margin."""
    if effect == 0:
        return judgement.verdict in (REPRODUCED, CONTRADICTED)
    return judgement.verdict == NO_DIFFERENCE or judgement.below_margin


def faults(
    mix: Mix,
    images: Callable[[np.random.Generator], Images],
    n_seeds: int,
    effect: float,
    *,
    tables: int,
    looks: bool = False,
    seed: int = 0,
) -> float:
    """Share of tables with a false verdict, at level 0.05 or at planned looks."""
    rng, wrong = np.random.default_rng(seed), 0
    for _ in range(tables):
        drawn = images(rng)
        better, worse = table(rng, mix, drawn, n_seeds, effect)
        planned = LOOKS if looks else (Look(n_seeds, 0.05),)
        found, _ = at_looks(
            better, worse, planned, higher_is_better=False, margin=MARGIN, scenes=drawn.scenes, strata=drawn.strata
        )
        wrong += false(found, effect)
    return wrong / tables


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=1000, help="simulated tables a line and effect (default: 1000)")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS), metavar="SET")
    options = parser.parse_args()
    print(HEAD, flush=True)
    for name in options.sets:
        images = SETS[name]
        for mix in MIXES:
            for n_seeds, looks in ((3, False), (6, False), (12, False), (12, True)):
                at = [
                    faults(mix, images, n_seeds, effect, tables=options.tables, looks=looks)
                    for effect in (0, -MARGIN.value, MARGIN.value)
                ]
                seeds = "6, then 12" if looks else str(n_seeds)
                print(f"| {mix} | {name} | {seeds} | {1 - at[0]:.3f} | {at[1]:.3f} | {at[2]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
