"""What Hydra calls around a sweep (conf/config.yaml, hydra.callbacks). Single runs pay for nothing of it."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class SweepCallback(Callback):
    """Plans and saves a sweep before its first job, and closes it after the last."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Plan, check and save all jobs, then hand those that are missing to Hydra's launcher."""
        from depthrepro.config.cli import fail, mistakes, readable, tracebacks_wanted

        _refuse_torchrun()
        try:
            launch(config)
        except Exception as error:  # Hydra would make it a warning
            if isinstance(error, mistakes()) and not tracebacks_wanted():
                fail(readable(error), code=2)
            traceback.print_exc()
            sys.exit(1)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """List the jobs; exit code 1 if one failed."""
        from depthrepro.sweep import session

        if session.current is not None:
            session.current.finish()


def launch(config: DictConfig) -> None:
    """Plan and save the sweep; leaves the program if there is nothing to run.

    Args:
        config: Hydra's configuration of the sweep; changed, so that the saved jobs are launched.

    Raises:
        UserError: For everything a person can put right; nothing was started then.
    """
    from depthrepro.sweep import hydra_glue, plan, session
    from depthrepro.sweep.folder import SweepFolder

    launcher = hydra_glue.launcher_name(config)
    typed = hydra_glue.sweep_arguments(config)
    jobs = plan.plan_jobs(typed, config, hydra_glue.hydra_loader())
    name = plan.sweep_name([str(job.config.name) for job in jobs])
    folder = SweepFolder(Path(config.hydra.sweep.dir).expanduser().resolve() / plan.folder_name(name, typed, jobs))
    at_once = hydra_glue.jobs_at_once(config, launcher, sum(not job.is_done() for job in jobs))
    by_user = "OMP_NUM_THREADS" in os.environ or at_once <= 1
    sweep = session.Session(folder, name, jobs, typed)
    sweep.take()
    numbers = sweep.launch(launcher, at_once, None if by_user else max(1, hydra_glue.cores() // at_once))
    if not numbers:
        sweep.finish()
        sys.exit(0)
    session.begin(sweep)
    sweep.listen()
    hydra_glue.hand_over(config, folder.path, sweep.sweep["launch"], numbers)


def _refuse_torchrun() -> None:
    """A sweep starts processes of its own; under torchrun each rank would start all of them."""
    from depthrepro.config.cli import fail

    if "RANK" in os.environ:
        if os.environ["RANK"] == "0":
            fail("a sweep cannot run under torchrun: start its runs one by one, torchrun ... seed=0 and so on", code=2)
        sys.exit(2)
