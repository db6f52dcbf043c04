"""Work that ranks share: everyone does a part, everyone gets the whole, and nobody waits for a rank that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from depthrepro.core import distributed
from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar

T = TypeVar("T")
Watch = Callable[[Iterable[int], str], Iterable[int]]  # wraps an iterable in a progress bar with a title


def together(work: Callable[[], T]) -> list[T]:
    """Run `work` on every rank and give every rank all results, in rank order.

    Raises:
        UserError: If any rank met one: its message, on all ranks, so that none waits for a result that never comes.
    """
    result: T | None = None
    fault: UserError | None = None
    try:
        result = work()
    except UserError as error:
        fault = error
    gathered = distributed.gather((result, None if fault is None else str(fault)))
    if fault is not None:
        raise fault
    for _, message in gathered:
        if message is not None:
            raise UserError(message)
    return [part for part, _ in gathered]


def image_bars(shown: bool) -> Watch:
    """Bars with the time left, on stderr, on the main process only; none at all unless `shown`."""

    def watch(items: Iterable[int], title: str) -> Iterable[int]:
        return progress_bar(items, title, "image", shown=shown and distributed.is_main())

    return watch
