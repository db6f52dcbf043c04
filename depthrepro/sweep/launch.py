"""A sweep from the command to its end: plan the jobs, save them, hand those that are missing to Hydra's launcher.

Left alone, a launcher composes each job from conf/ at the moment it starts, so that an edit or a checkout during a
sweep changes the jobs still to come. Here a job is its number, and its configuration the one saved at launch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from depthrepro.core.errors import UserError
from depthrepro.runs.summary import is_answered
from depthrepro.sweep import plan
from depthrepro.sweep.folder import SweepFolder
from depthrepro.sweep.plugins import launcher_name
from depthrepro.sweep.session import Session
from depthrepro.sweep.start import start_job


def run_sweep(typed: Sequence[str], config: DictConfig, context: HydraContext) -> None:
    """Run every job of the command that is not done; leaves the program with code 1 if one fails.

    Args:
        typed: Overrides of the sweep, without those of Hydra itself.
        config: Hydra's configuration of the sweep.
        context: Hydra's loader of configurations, and the callbacks around each job.

    Raises:
        UserError: For everything a person can put right; nothing was started then.
    """
    _refuse_torchrun()
    launcher = launcher_name(config)
    jobs = plan.plan_jobs(typed, config, context.config_loader)
    name = plan.sweep_name([str(job.cfg.name) for job in jobs])
    folder = SweepFolder(Path(config.hydra.sweep.dir).expanduser().resolve() / plan.folder_name(name, typed, jobs))
    at_once = jobs_at_once(config, launcher, sum(not is_answered(job) for job in jobs))
    by_user = "OMP_NUM_THREADS" in os.environ or at_once <= 1
    sweep = Session(folder, name, jobs, typed)
    numbers = sweep.launch(launcher, at_once, None if by_user else max(1, cores() // at_once))
    if numbers:
        with sweep.running():
            _start_jobs(config, context, SavedJobs(folder.path, sweep.sweep["launch"]), numbers)
    sweep.finish()


def _refuse_torchrun() -> None:
    """A sweep starts processes of its own; under torchrun each rank would start all of them."""
    if os.environ.get("RANK", "0") != "0":
        sys.exit(2)  # one line is enough
    if "RANK" in os.environ:
        raise UserError("a sweep cannot run under torchrun: start its runs one by one, torchrun ... seed=0 and so on")


class SavedJobs:
    """The part of Hydra's ConfigLoader that launchers call, here and in their workers, with a launch's saved jobs."""

    def __init__(self, folder: Path, launch: str) -> None:
        self.folder, self.launch = str(folder), launch

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The sweep's settings, which are given, and beside them what `start_job` reads of job `sweep_overrides`."""
        cfg = master_config.copy()
        with read_write(cfg), open_dict(cfg):
            cfg.hydra.overrides.task = list(sweep_overrides)
            cfg.path, cfg.launch, cfg.number = self.folder, self.launch, int(sweep_overrides[0])
        return cfg


def _start_jobs(config: DictConfig, context: HydraContext, jobs: SavedJobs, numbers: Sequence[int]) -> None:
    """Have the launcher start these jobs, and wait for them; raises what starting one has raised."""
    settings = OmegaConf.masked_copy(config, "hydra")
    with read_write(settings), open_dict(settings):
        settings.hydra.sweep.dir = jobs.folder  # submitit keeps its files below
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=jobs, callbacks=context.callbacks),
        task_function=start_job,
        config=settings,
    )
    for returned in launcher.launch([[str(number)] for number in numbers], initial_job_idx=0):
        _ = returned.return_value


def jobs_at_once(config: DictConfig, launcher: str, jobs: int) -> int:
    """How many jobs share the cores of one machine."""
    if launcher == "joblib":
        wanted = int(config.hydra.launcher.n_jobs)
        return max(1, min(jobs, wanted if wanted > 0 else cores() + 1 + wanted))
    return jobs if launcher == "submitit_local" else 1


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
