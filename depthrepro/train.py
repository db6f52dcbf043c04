"""Train, evaluate and record one run: `python -m depthrepro.train +experiment=garg_kitti`."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from depthrepro.config.cli import fail, mistakes, one_line_errors, options, readable, tracebacks_wanted
from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.runs.start import start
from depthrepro.sweep.hydra_glue import KEY, register_launchers
from depthrepro.sweep.session import closing

register_schema()
register_launchers()


@hydra.main(version_base="1.3", config_path=CONFIG_DIR, config_name="config")
def main(cfg: DictConfig) -> str | None:
    """Hydra's entry: compose, then hand over. Heavy imports wait until the configuration is known to be good."""
    from hydra.core.hydra_config import HydraConfig  # hydra takes 0.2 s

    if KEY in cfg:  # one of a sweep, composed and checked at its launch
        from depthrepro.sweep.start import start_job

        return start_job(**cfg[KEY])
    if OmegaConf.is_missing(cfg, "name"):
        fail(f"which experiment? Type +experiment=<name>, one of {', '.join(options('experiment'))}", code=2)
    try:
        signal_number = start(ComposedRun(cfg, HydraConfig.get().overrides.task))
    except mistakes() as error:
        if tracebacks_wanted():
            raise
        fail(readable(error), code=2)  # here, before Hydra adds lines of its own
    if signal_number is not None:
        sys.exit(128 + signal_number)
    return None


def program() -> None:
    """`main`, and the end of the sweep that it may have started."""
    with closing():
        main()


if __name__ == "__main__":
    one_line_errors(program)
