"""How far something is: one kind of progress bar for every program, quiet in log files, and times in words."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 15.0  # a log file needs a line now and then, not ten a second


def progress_bar(items: Iterable[Any] | None, title: str, unit: str, *, shown: bool = True, **options: Any) -> tqdm:
    """A bar over `items`, or over `total=` updates by hand.

    Args:
        items: What is iterated; None for a bar that is updated by hand.
        title: What is being done.
        unit: What is counted.
        shown: Whether there is a bar at all.
        options: Further options of tqdm, such as total, initial and leave.
    """
    interval = 0.1 if sys.stderr.isatty() else _SECONDS_BETWEEN_LINES
    options = {"mininterval": interval, "dynamic_ncols": True, "smoothing": 0.1, "leave": False, **options}
    return tqdm(items, desc=title, unit=unit, disable=not shown, file=sys.stderr, **options)


def duration(seconds: float) -> str:
    """`45 s`, `7 min` or `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
