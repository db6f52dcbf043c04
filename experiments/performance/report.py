"""How long the report of the committed results takes: into an empty folder, and again where nothing has changed.

    python -m experiments.performance.report

The smaller of processor time and clock is the time on an idle machine: beside other work the clock says more, and
threads that wait for each other make the processor say more.
"""

from __future__ import annotations

import sys
import tempfile
from statistics import median
from time import perf_counter

from experiments.performance.lines import Line, show
from experiments.performance.timing import command_seconds

BEFORE = {"cold": 20.0, "nothing changed": 11.0}  # seconds on two idle cores
MUST = {"cold": 6.0, "nothing changed": 2.0}
ROUNDS = 3


def seconds(out: str) -> tuple[float, float]:
    """(processor seconds, seconds by the clock) of one report into the folder `out`.

    Raises:
        subprocess.CalledProcessError: If the report fails.
    """
    began = perf_counter()
    used = command_seconds([sys.executable, "-m", "depthrepro.report", "source=committed", f"out={out}"])
    return used, perf_counter() - began


def lines() -> list[Line]:
    """Medians over three reports of either kind."""
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in BEFORE}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as out:
            for kind in found:
                found[kind].append(seconds(out))
    table = []
    for kind, times in found.items():
        processor, clock = (median(values) for values in zip(*times, strict=True))
        measured, before = f"{processor:.1f} s of processor, {clock:.1f} s by the clock", BEFORE[kind]
        least = min(processor, clock)
        must, holds = f"≤ {MUST[kind]:g} s", least <= MUST[kind]
        ratio = f"{before / least:.1f} ×"
        table.append(Line(f"report, committed results, {kind}", measured, f"{before:g} s before", ratio, must, holds))
    return table


if __name__ == "__main__":
    show(lines())
