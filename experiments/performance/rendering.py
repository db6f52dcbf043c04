"""Rendering of `streets` at the demo's size, by as many worker processes as the demo starts on two cores.

    python -m experiments.performance.rendering

The clock's time, so nothing else should run.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from depthrepro.config.cli import one_line_errors
from depthrepro.worlds.sets.streets import Streets, StreetsConfig
from depthrepro.worlds.workers import run_workers
from experiments.performance.lines import Line, show

WORKERS, MUST = 2, 5.0


def pairs_per_second(drives: int = 24) -> float:
    """By the clock, with the start of the workers and the hashes of the files."""
    world = Streets(StreetsConfig())
    units = world.units()[:drives]
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        run_workers(world, Path(folder), units, WORKERS, lambda unit: None)
        return sum(unit.items for unit in units) / (time.perf_counter() - begin)


def lines() -> list[Line]:
    """Stereo pairs with their laser scans, 620×188."""
    rate = pairs_per_second()
    what = f"render `streets`, 620×188, {WORKERS} workers"
    return [Line(what, f"{rate:.2f} pairs/s", "–", "–", f"≥ {MUST:g} pairs/s", rate >= MUST)]


if __name__ == "__main__":
    one_line_errors(lambda: show(lines()))
