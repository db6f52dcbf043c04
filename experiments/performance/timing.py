"""Processor seconds: of commands, and of pieces of work that take turns."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def command_seconds(command: Sequence[str], folder: Path | None = None, env: Mapping[str, str] | None = None) -> float:
    """User and system seconds of a command and its processes; raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(works: Mapping[str, Callable[[], Any]], rounds: int, warmup: int = 1) -> dict[str, list[float]]:
    """Seconds of all threads that each piece of work takes, round by round, after some rounds to warm up."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + warmup):
        for name, work in works.items():
            begin = time.process_time()
            work()
            found[name].append(time.process_time() - begin)
    return {name: seconds[warmup:] for name, seconds in found.items()}
