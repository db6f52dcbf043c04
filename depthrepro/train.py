"""Train, evaluate and record one run: `python -m depthrepro.train +experiment=garg_kitti`."""

from __future__ import annotations

import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from depthrepro.config.cli import fail, mistakes, one_line_errors, options, readable, tracebacks_wanted
from depthrepro.config.identity import config_hash, resolve_run_dir
from depthrepro.config.prerequisites import check_checkpoints
from depthrepro.config.schema import CONFIG_DIR, register_schema
from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import RunDir
from depthrepro.runs.reuse import equivalent_has_all
from depthrepro.runs.summary import finished_run, is_done
from depthrepro.sweep.plugins import register_plugins

register_schema()
register_plugins()


@hydra.main(version_base="1.3", config_path=CONFIG_DIR, config_name="config")
def main(cfg: DictConfig) -> None:
    """Hydra's entry: compose, then hand over. Heavy imports wait until the configuration is known to be good."""
    if HydraConfig.get().mode is RunMode.MULTIRUN:  # our sweeper never comes here
        fail(
            "hydra/sweeper: only this project's own is supported, whose jobs are known at launch; leave the setting out, "
            "and if Hydra does not find ours, install the project again: pip install -e .",
            code=2,
        )
    if OmegaConf.is_missing(cfg, "name"):
        fail(f"which experiment? Type +experiment=<name>, one of {', '.join(options('experiment'))}", code=2)
    try:
        signal_number = _run(cfg, list(HydraConfig.get().overrides.task))
    except mistakes() as error:
        if tracebacks_wanted():
            raise
        fail(readable(error), code=2)  # here, before Hydra adds lines of its own
    if signal_number is not None:
        sys.exit(128 + signal_number)


def _run(cfg: DictConfig, overrides: list[str]) -> int | None:
    run = RunDir(resolve_run_dir(cfg, overrides))
    alone, digest = "RANK" not in os.environ, config_hash(cfg)
    if not cfg.force and alone and is_done(run, digest, cfg.tests):
        print(finished_run(run))
        return None
    try:
        check_checkpoints(cfg)
    except UserError:
        if not (alone and equivalent_has_all(cfg, run, digest)):
            raise
    from depthrepro.runs.experiment import run_experiment  # torch takes seconds to load

    return run_experiment(cfg, overrides)


if __name__ == "__main__":
    one_line_errors(main)
