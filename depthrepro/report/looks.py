"""Planned looks at a claim: after so many seeds, each at its own level.

Whoever looks again and again until something shows will find something. So the looks are planned beforehand and their
levels add up to 5 % at most: by Bonferroni's inequality the chance of a false verdict at any of them stays below that,
however the looks depend on each other (they share seeds and images).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from depthrepro.core.errors import UserError
from depthrepro.report.verdict import UNDECIDED, Judgement, Margin, judge

TOTAL = 0.05


@dataclass(frozen=True)
class Look:
    """One look.

    Attributes:
        seeds: Number of seeds that are looked at.
        level: Probability of a false verdict that this look may spend.
    """

    seeds: int
    level: float


def parse_looks(text: str) -> tuple[Look, ...]:
    """Read `6:0.03 12:0.02`: seeds and level of each look.

    Raises:
        UserError: If it cannot be read, seeds do not grow, or the levels add up to more than 0.05.
    """
    try:
        looks = tuple(Look(int(n), float(level)) for n, level in (part.split(":") for part in text.split()))
    except ValueError:
        raise UserError(f"looks {text!r}: write seeds:level for each look, such as 6:0.03 12:0.02") from None
    seeds, levels = [look.seeds for look in looks], [look.level for look in looks]
    if not looks or seeds[0] < 1 or seeds != sorted(set(seeds)):
        raise UserError(f"looks {text!r}: the numbers of seeds must grow from look to look, such as 6:0.03 12:0.02")
    if not all(level > 0 for level in levels) or sum(levels) > TOTAL + 1e-9:
        raise UserError(f"looks {text!r}: the levels must be above 0 and add up to {TOTAL} at most")
    return looks


def at_looks(
    better: ArrayLike,
    worse: ArrayLike,
    looks: Sequence[Look],
    *,
    higher_is_better: bool,
    margin: Margin,
    scenes: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> tuple[Judgement, Look | None]:
    """Judge a claim at its planned looks: the first that decides is the verdict, whatever later seeds say.

    Args:
        better: As in `verdict.judge`, (S, I), the seeds in ascending order: a look takes the first of them.
        worse: As in `verdict.judge`.
        looks: The planned looks, at least one.
        higher_is_better: As in `verdict.judge`.
        margin: As in `verdict.judge`.
        scenes: As in `verdict.judge`.
        strata: As in `verdict.judge`.

    Returns:
        The judgement and the look it was made at: the first decided one, else the last that could be made. Before the
        first look: that of all seeds at the first look's level, with the verdict UNDECIDED, and None.

    Raises:
        ValueError: As `verdict.judge`.
    """
    n = len(better)  # type: ignore[arg-type]

    def judged(seeds: int, level: float) -> Judgement:
        a, b = better[:seeds], worse[:seeds]  # type: ignore[index]
        return judge(a, b, higher_is_better=higher_is_better, margin=margin, level=level, scenes=scenes, strata=strata)

    reached = [look for look in looks if look.seeds <= n]
    if not reached:
        return replace(judged(n, looks[0].level), verdict=UNDECIDED, below_margin=False), None
    for look in reached:
        judgement = judged(look.seeds, look.level)
        if judgement.verdict != UNDECIDED:
            break
    return judgement, look
