"""Whether a process still lives."""

from __future__ import annotations

import psutil

# Start times come from the system clock, which may be set while a process runs. A process number is not used
# again within a minute.
_CLOCK_TOLERANCE_S = 60.0


def started_at(pid: int) -> float:
    """Start of process `pid` in Unix seconds; 0 if it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def is_alive(pid: int, started: float) -> bool:
    """Whether the process `pid` that started at `started` (Unix seconds) still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < _CLOCK_TOLERANCE_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
