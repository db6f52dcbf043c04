"""Training throughput against the bare network, measured side by side in one run.

    python experiments/performance/throughput.py [rounds=12] [steps=8] [any override, such as scale=paper]

The training loop's own steps (loading, augmentation, logging, the MLflow mirror) take turns with bare
forward-backward-step passes of the same network on one fixed batch. Ratios are taken round by round, so that a machine
whose speed drifts slows both alike; the median counts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from depthrepro.device import choose_device
from depthrepro.experiment import Experiment
from depthrepro.program import one_line_errors
from depthrepro.run_dir import RunDir
from depthrepro.trainer import Trainer
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from depthrepro.config import CONFIG_DIR, register_schema


def bare_step(trainer: Trainer, batch: dict) -> None:
    """Forward, backward and optimizer step, and nothing else."""
    trainer.optimizer.zero_grad(set_to_none=True)
    terms = trainer.loss(trainer.network, batch, trainer.plan.stage(trainer.progress.step).levels)
    torch.stack(list(terms.values())).sum().backward()
    trainer.optimizer.step()


def seconds(work: Callable[[], None], steps: int) -> float:
    """Time of `steps` calls."""
    begin = time.perf_counter()
    for _ in range(steps):
        work()
    return time.perf_counter() - begin


def measure(cfg: DictConfig, run_dir: Path, rounds: int, steps: int) -> None:
    """Build the experiment as `depthrepro.train` does, then alternate."""
    experiment = Experiment(cfg, [], RunDir(run_dir), choose_device(cfg.trainer.device))
    trainer = experiment.prepare()
    stage = trainer.plan.stages[-1]  # where most of the time goes
    trainer.progress.step = stage.first_epoch * trainer.plan.steps_per_epoch
    batches = trainer.batches_from(trainer.progress.step)
    fixed = next(batches)

    def training_step() -> None:
        terms = trainer.step(next(batches))
        trainer.log.add(terms, trainer.progress.step, trainer.optimizer.param_groups[0]["lr"])

    with trainer.log.open_bar(trainer.progress.step) as log:
        log.bar.disable = True
        for _ in range(4):  # warm up
            training_step()
            bare_step(trainer, fixed)
        pairs = []
        for _ in range(rounds):
            pairs.append((seconds(training_step, steps), seconds(lambda: bare_step(trainer, fixed), steps)))
    experiment.record.finish("done", "FINISHED", None)
    images = steps * cfg.trainer.batch_size
    ratios = sorted(bare / loop for loop, bare in pairs)
    print(f"training loop  {statistics.median(images / loop for loop, _ in pairs):6.2f} images/s (median of {rounds})")
    print(f"bare network   {statistics.median(images / bare for _, bare in pairs):6.2f} images/s")
    print(f"ratio          {statistics.median(ratios):6.3f} (from {ratios[0]:.3f} to {ratios[-1]:.3f})")


def main() -> None:
    """Read the command line."""
    settings = {"rounds": "12", "steps": "8"}
    overrides = []
    for word in sys.argv[1:]:
        key, _, value = word.partition("=")
        if key in settings:
            settings[key] = value
        else:
            overrides.append(word)
    register_schema()
    with tempfile.TemporaryDirectory() as folder:
        with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
            cfg = compose("config", overrides=["+experiment=garg_kitti", f"root={folder}", *overrides])
        measure(cfg, Path(folder) / "run", int(settings["rounds"]), int(settings["steps"]))


if __name__ == "__main__":
    one_line_errors(main)
