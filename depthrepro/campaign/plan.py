"""Which trainings would decide open claims, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

Machine = tuple[str, str]  # kind of device and precision, such as ("cpu", "bf16")
FAR = 1000  # seeds that are looked through for one that both rows can have


@dataclass(frozen=True)
class Training:
    """One run that is missing.

    Attributes:
        recipe: What is trained; experiments of one recipe are trained once.
        seed: With which seed.
        experiment: Under which name.
    """

    recipe: str
    seed: int
    experiment: str

    @property
    def key(self) -> tuple[str, int]:
        """Two trainings of one key are the same."""
        return self.recipe, self.seed


@dataclass(frozen=True)
class Side:
    """A trained row of a claim.

    Attributes:
        recipe: Its recipe.
        experiment: Its experiment.
        here: What it would be trained on and in here.
        there: Its seeds that are there, and what they were trained on and in.
    """

    recipe: str
    experiment: str
    here: Machine
    there: Mapping[int, Machine]


@dataclass(frozen=True)
class Question:
    """A claim in one metric on one data set.

    Attributes:
        label: For people.
        table: Its table.
        photographs: Whether it is asked on photographs.
        looks: Numbers of seeds at which it is looked at, ascending.
        sides: Its trained rows: two, or one where the other is a baseline.
        closed: Why it needs no more seeds; "" while it is open.
    """

    label: str
    table: str
    photographs: bool
    looks: tuple[int, ...]
    sides: tuple[Side, ...]
    closed: str = ""


def counted(question: Question) -> list[int]:
    """Seeds that all rows have, trained alike on each."""
    first, *others = question.sides
    return sorted(s for s in first.there if all(side.there.get(s) == first.there[s] for side in others))


def next_look(question: Question) -> int | None:
    """Seeds at the next planned look; None where no more is to be looked at."""
    if question.closed:
        return None
    reached = len(counted(question))
    return next((look for look in question.looks if look > reached), None)


def missing(question: Question, look: int | None = None) -> list[Training]:
    """Trainings up to a look (None: the next): all rows have a seed before one has the next.

    A seed that a row has from another kind of machine cannot be completed here, and a later one takes its place.
    """
    look = next_look(question) if look is None else look
    if look is None or question.closed or len({side.here for side in question.sides}) > 1:
        return []
    whole, seeds = set(counted(question)), list[int]()
    for seed in count():
        if len(whole) + len(seeds) >= look or seed > FAR:
            break
        if seed not in whole and all(side.there.get(seed, side.here) == side.here for side in question.sides):
            seeds.append(seed)
    return [
        Training(side.recipe, seed, side.experiment)
        for seed in seeds
        for side in question.sides
        if seed not in side.there
    ]


def plan(questions: Sequence[Question], forecast: Callable[[Training], float]) -> list[Training]:
    """The missing trainings up to each open claim's next look, the most informative first, each once.

    Claims on photographs come before those on synthetic images, and of them the one that is nearest to its next look
    by the time that is still to be trained for it; what is trained for one counts for the others.

    Args:
        questions: All claims.
        forecast: Seconds of a training.
    """
    forecast = cache(forecast)
    due = {index: needed for index, one in enumerate(questions) if (needed := missing(one))}
    planned: dict[tuple[str, int], Training] = {}

    def distance(index: int) -> tuple[bool, float, int]:
        left = {t.key: forecast(t) for t in due[index] if t.key not in planned}
        return not questions[index].photographs, sum(left.values()), index

    while due:
        for training in due.pop(min(due, key=distance)):
            planned.setdefault(training.key, training)
    return list(planned.values())


def most(questions: Sequence[Question]) -> list[Training]:
    """What would be trained if every open claim stayed open to its last look."""
    found: dict[tuple[str, int], Training] = {}
    for question in questions:
        for training in missing(question, question.looks[-1]) if question.looks else ():
            found.setdefault(training.key, training)
    return list(found.values())
