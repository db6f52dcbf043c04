"""The console command, and the list of programs: `python -m depthrepro`, `depthrepro train +experiment=garg_kitti`."""

from __future__ import annotations

import runpy
import sys

from depthrepro.config.cli import fail, one_line_errors
from depthrepro.core.errors import did_you_mean

PROGRAMS = {
    "train": "train, evaluate and record one run, or a sweep of them",
    "pseudo_label": "label a student's unlabelled images with its teacher",
    "evaluate": "score a finished run again under another protocol",
    "predict": "depth for your own images and videos",
    "report": "tables, plots, and verdicts on the papers' claims",
    "decide": "train further seeds where the papers' claims are open",
    "rerun": "repeat an old run from its record, and see what differs",
    "tracking": "catch up with MLflow after an outage, or open its pages",
}


def main() -> None:
    """Run a program as `python -m depthrepro.<program>` would, or list them."""
    one_line_errors(_run)


def _run() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("", "-h", "--help"):
        print("usage: depthrepro PROGRAM ...   the same as python -m depthrepro.PROGRAM ...\n")
        print("\n".join(f"  {program:14}{text}" for program, text in PROGRAMS.items()))
        print("\nEach answers to --help. First steps: depthrepro train +experiment=garg_kitti")
        return
    if name not in PROGRAMS:
        fail(f"no program is called {name!r}{did_you_mean(name, PROGRAMS)}", code=2)
    module = f"depthrepro.{name}"
    sys.argv = [module, *sys.argv[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
