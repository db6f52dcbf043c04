"""Training throughput against the bare network, measured side by side in one run.

    python -m experiments.performance.throughput [rounds=12] [steps=8] [any override, such as scale=paper]

The training loop's own steps (loading, augmentation, logging, the MLflow mirror) take turns with bare
forward-backward-step passes of the same network on one fixed batch. Ratios are taken round by round, so that a machine
whose speed drifts slows both alike; the median counts.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir

from depthrepro.config.cli import one_line_errors
from depthrepro.config.composed import ComposedRun
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.runs.experiment import Experiment
from depthrepro.training.device import choose_device
from depthrepro.training.trainer import Trainer
from experiments.performance.lines import Line, show

FEW = "data.synthetic={train_pairs: 32, val_pairs: 4, test_pairs: 4}"


@dataclass
class Rounds:
    """Images per second of the loop and of the bare step, round by round."""

    loop: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        """Median over the rounds."""
        return statistics.median(loop / bare for loop, bare in zip(self.loop, self.bare, strict=True))


def bare_step(trainer: Trainer, batch: dict[str, Any]) -> None:
    """Forward, backward and optimizer step, and nothing else."""
    trainer.optimizer.zero_grad(set_to_none=True)
    terms = trainer.loss(trainer.network, batch, trainer.plan.stage(trainer.progress.step).levels)
    torch.stack(list(terms.values())).sum().backward()
    trainer.optimizer.step()


def loop_step(trainer: Trainer, batches: Iterator[dict[str, Any]]) -> None:
    """What `Trainer.fit` does for a step without a validation or a checkpoint."""
    trainer.step(next(batches))
    trainer.log.advance()
    if trainer.log.due(trainer.progress.step):
        trainer.look()


def seconds(work: Callable[[], None], steps: int, device: torch.device) -> float:
    """Time of `steps` calls, until the device is done with them."""
    begin = time.perf_counter()
    for _ in range(steps):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


def take_turns(trainer: Trainer, rounds: int, steps: int, *, images: int, warmup: int = 4) -> Rounds:
    """Loop and bare step in turns, in the last stage, where most of the time goes; `images` are those of a step."""
    trainer.progress.step = trainer.plan.stages[-1].first_epoch * trainer.plan.steps_per_epoch
    trainer.network.wrap(unused=False)
    trainer.model.train()
    batches = trainer.batches_from(trainer.progress.step)
    fixed, found = next(batches), Rounds([], [])
    with contextlib.redirect_stderr(io.StringIO()), trainer.log.open_bar(trainer.progress.step):  # no bar
        for number in range(-1, rounds):
            count = steps if number >= 0 else warmup
            loop = seconds(lambda: loop_step(trainer, batches), count, trainer.device)
            bare = seconds(lambda: bare_step(trainer, fixed), count, trainer.device)
            if number >= 0:
                found.loop.append(count * images / loop)
                found.bare.append(count * images / bare)
    return found


def measure(overrides: list[str], rounds: int, steps: int) -> Rounds:
    """Build the experiment as `depthrepro.train` does, then alternate."""
    register_schema()
    with tempfile.TemporaryDirectory() as folder:
        overrides = ["+experiment=garg_kitti", *overrides, f"run_dir={Path(folder) / 'run'}", f"root={folder}"]
        with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
            job = ComposedRun(compose("config", overrides=overrides), overrides)
        job.run.lock()
        experiment = Experiment(job, choose_device(job.cfg.trainer.device))
        experiment.record.start()
        trainer = experiment.prepare()
        found = take_turns(trainer, rounds, steps, images=job.cfg.trainer.batch_size)
        experiment.record.finish("done")
        job.run.unlock()
    return found


def lines() -> list[Line]:
    """Garg's network at demo scale, on few streets; what this machine gives, there is no must."""
    return [as_line("Garg demo, training loop", measure([FEW], rounds=5, steps=4))]


def as_line(what: str, found: Rounds, must: float | None = None) -> Line:
    """Images per second of the loop beside those of the bare step."""
    loop, bare = (f"{statistics.median(values):.1f} images/s" for values in (found.loop, found.bare))
    holds = None if must is None else found.ratio >= must
    return Line(what, loop, f"{bare}, bare step", f"{found.ratio:.3f}", "" if must is None else f"≥ {must}", holds)


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
    found = measure(overrides, int(settings["rounds"]), int(settings["steps"]))
    ratios = sorted(loop / bare for loop, bare in zip(found.loop, found.bare, strict=True))
    show([as_line("training loop", found)])
    print(f"\nratios of {len(ratios)} rounds from {ratios[0]:.3f} to {ratios[-1]:.3f}")


if __name__ == "__main__":
    one_line_errors(main)
