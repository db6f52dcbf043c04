"""The process of one job: trains from the saved configuration, and stops when its sweep does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from depthrepro.config.composed import ComposedRun
from depthrepro.config.schema import load_config
from depthrepro.core.processes import is_alive
from depthrepro.core.run_dir import InUseError, RunDir
from depthrepro.runs.start import start
from depthrepro.sweep.folder import SweepFolder

_POLL_S = 0.5
_TIME_TO_STOP_S = 25.0  # for a checkpoint; less than a later process waits for the run directory
_WAIT_FOR_LOCK_S = 40.0


def run_job(snapshot: Path) -> int | None:
    """Run the job; None when it is done, else the signal that stopped it.

    Args:
        snapshot: jobs/<nn>.yaml in a sweep's folder.

    Raises:
        UserError: For everything a person can put right.
    """
    job = SweepFolder(snapshot.parents[1]).read()["jobs"][int(snapshot.stem) - 1]
    asked = ComposedRun(load_config(snapshot), job["overrides"], job.get("recipe", ""))
    wait_until_free(asked.run)
    return start(asked)


def wait_until_free(run: RunDir, seconds: float = _WAIT_FOR_LOCK_S) -> None:
    """Wait for a process that still has the run directory: that of a sweep which was killed is writing its checkpoint.

    Raises:
        InUseError: If it stays in use.
    """
    end, told = time.monotonic() + seconds, False
    while True:
        try:
            run.lock()
        except InUseError as error:
            if time.monotonic() > end:
                raise
            if not told:
                print(f"waiting    {str(error).partition(':')[0]}", flush=True)
                told = True
            time.sleep(_POLL_S)
        else:
            return run.unlock()


def watch(snapshot: Path, processes: Sequence[tuple[int, float]]) -> None:
    """Stop this process as by SIGTERM, so with a checkpoint, when its sweep is stopped or gone.

    Args:
        snapshot: The job's configuration, in the sweep's folder.
        processes: (number, start in Unix seconds) of the processes that it must not outlive.
    """
    folder = SweepFolder(snapshot.parents[1])

    def follow() -> None:
        while not folder.stop_requested() and all(is_alive(*process) for process in processes):
            time.sleep(_POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_TIME_TO_STOP_S)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    threading.Thread(target=follow, daemon=True, name="sweep").start()


class Screen:
    """Standard error of a job that has the terminal to itself: shown there, and kept in the log but for the bars.

    Args:
        terminal: Where a person looks; all but `write` is its own.
        log: The job's log.
    """

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self._terminal, self._log, self._in_line = terminal, log, False

    def __getattr__(self, name: str) -> Any:
        """Whatever else a stream has."""
        return getattr(self._terminal, name)

    def write(self, text: str) -> int:
        """Show the text; a bar begins by going back to the start of its line."""
        if "\r" not in text and (self._in_line or text != "\n"):  # nor the end of a bar's line
            self._log.write(text)
            self._log.flush()
            self._in_line = not text.endswith("\n")
        return self._terminal.write(text)
