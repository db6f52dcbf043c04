"""Work that ranks share: everyone does a part, everyone gets the whole, and nobody waits for a rank that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from depthrepro.core import distributed
from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar

T = TypeVar("T")


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
    gathered = distributed.gather((result, fault))
    for _, met in gathered:
        if met is not None:
            raise met
    return [part for part, _ in gathered]


def watch(items: Iterable[int], title: str) -> Iterable[int]:
    """Indices of images under a bar with the time left, which only the main process shows, on stderr."""
    return progress_bar(items, title, "image", shown=distributed.is_main())
