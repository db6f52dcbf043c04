"""The one gate to a run: whether it is done already, and whether all that it starts from is there."""

from __future__ import annotations

import os

from depthrepro.config.composed import ComposedRun
from depthrepro.config.prerequisites import check_checkpoints
from depthrepro.core.errors import UserError
from depthrepro.runs.reuse import equivalent_has_all
from depthrepro.runs.summary import changed_tests, format_summary, is_answered, read_summary


def start(job: ComposedRun) -> int | None:
    """Do what is left of a run; a finished one on synthetic data is answered without loading torch.

    Args:
        job: The run as it was asked for.

    Returns:
        None when the run is done, else the signal that stopped it.

    Raises:
        UserError: For everything a person can put right; the run directory keeps what was done.
    """
    cfg, rank = job.cfg, os.environ.get("RANK", "0")
    if is_answered(job):
        if rank == "0":
            print(f"done already: {job.run.path}  (force=true starts again)\n{format_summary(read_summary(job.run))}")
        return None
    for name, change in ({} if cfg.force or rank != "0" else changed_tests(job.run, cfg)).items():
        print(f"test set   {name} has changed since it was scored, {change}: scored again")
    try:
        check_checkpoints(cfg)
    except UserError:
        if "RANK" in os.environ or not equivalent_has_all(job):
            raise
    from depthrepro.runs.experiment import run_experiment  # torch takes 3 s to load

    return run_experiment(job)
