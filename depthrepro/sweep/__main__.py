"""`python -m depthrepro.sweep SNAPSHOT`: one job of a sweep; started by the sweep, not by hand."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from depthrepro.config.cli import one_line_errors
from depthrepro.sweep.job import Screen, run_job, watch


def main() -> None:
    """Parse the command line, watch the sweep, and train."""
    parser = argparse.ArgumentParser(
        prog="python -m depthrepro.sweep", description="Run one job; started by a sweep, not by hand."
    )
    parser.add_argument("snapshot", type=Path, help="runs/.sweeps/<sweep>/jobs/<nn>.yaml")
    parser.add_argument("--stop-with", action="append", default=[], metavar="PID:STARTED")
    parser.add_argument("--terminal", type=int, metavar="FILE", help="open file that shows the progress bar")
    options = parser.parse_args()
    snapshot = options.snapshot.resolve()
    watch(snapshot, [(int(pid), float(start)) for pid, _, start in (w.partition(":") for w in options.stop_with)])
    if options.terminal is not None:
        sys.stderr = Screen(os.fdopen(options.terminal, "w", buffering=1), sys.stderr)
    signal_number = run_job(snapshot)
    if signal_number is not None:
        sys.exit(128 + signal_number)


if __name__ == "__main__":
    one_line_errors(main)
