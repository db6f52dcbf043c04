"""Train, evaluate and record one run: `python -m depthrepro.train +experiment=garg_kitti`."""

from __future__ import annotations

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from depthrepro.config.cli import check_named, fail, hydra_program, mistakes_answered
from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.runs.start import start
from depthrepro.sweep.plugins import register_plugins

register_schema()
register_plugins()


@hydra.main(version_base="1.3", config_path=CONFIG_DIR, config_name="config")
def main(cfg: DictConfig) -> None:
    """Hydra's entry: compose, then hand over. Heavy imports wait until the configuration is known to be good."""
    if HydraConfig.get().mode is RunMode.MULTIRUN:  # our sweeper never comes here
        fail(
            "hydra/sweeper: only this project's own is supported, whose jobs are known at launch; leave the setting "
            "out, and if Hydra does not find ours, install the project again: pip install -e .",
            code=2,
        )
    with mistakes_answered():
        check_named(cfg)
        signal_number = start(ComposedRun(cfg, HydraConfig.get().overrides.task))
    if signal_number is not None:
        sys.exit(128 + signal_number)


if __name__ == "__main__":
    hydra_program(main)
