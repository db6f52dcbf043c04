"""The progress log of a training: rows of metrics.jsonl, status.json, and the progress bar."""

from __future__ import annotations

import time

import torch

from depthrepro.core import distributed
from depthrepro.core.metrics_log import MetricsLog
from depthrepro.core.progress import progress_bar
from depthrepro.core.run_dir import RunDir
from depthrepro.training.stages import Plan


class ProgressLog:
    """Collects loss terms between two rows and writes the rows; silent on all ranks but the first.

    Args:
        run: Where to write.
        plan: For the epoch and stage of a step.
        batch_size: Images per step over all ranks.
        every: Steps between two rows.
        device: Where ranks average.
    """

    def __init__(self, run: RunDir, plan: Plan, batch_size: int, every: int, device: torch.device) -> None:
        self.run, self.plan, self.batch_size, self.every, self.device = run, plan, batch_size, every, device
        self.rows = MetricsLog(run.metrics)
        self.sums: dict[str, float] = {}
        self.count = 0

    def state_dict(self) -> dict[str, object]:
        """The unfinished row, so that a resumed run writes the same one."""
        return {"sums": dict(self.sums), "count": self.count}

    def restore(self, state: dict[str, object] | None, step: int) -> None:
        """Go on after `step`: rows that a killed run wrote beyond its checkpoint are dropped."""
        if state is not None:
            self.sums, self.count = dict(state["sums"]), int(state["count"])  # type: ignore[call-overload]
        if distributed.is_main():
            self.rows.truncate_after(step)

    def open_bar(self, step: int) -> ProgressLog:
        """Show the progress bar from `step` on; use as a context."""
        self.bar = progress_bar(
            None,
            "training",
            "img",
            shown=distributed.is_main(),
            total=self.plan.total_steps * self.batch_size,
            initial=step * self.batch_size,
            leave=True,
        )
        self._since = (time.monotonic(), step)
        return self

    def __enter__(self) -> ProgressLog:
        """The log itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the bar and the file."""
        self.bar.close()
        self.rows.close()

    def advance(self) -> None:
        """Move the bar on by a step."""
        self.bar.update(self.batch_size)

    def due(self, step: int) -> bool:
        """Whether a row is due after `step` steps."""
        return step % self.every == 0 or step == self.plan.total_steps

    def add(self, terms: dict[str, float]) -> None:
        """Take in the loss terms of a step."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += 1

    def write_row(self, step: int, lr: float) -> None:
        """Write the row of the steps since the last one, whose terms have been added."""
        names = sorted(self.sums)
        means = torch.tensor([self.sums[name] / self.count for name in names], device=self.device)
        values = dict(zip(names, distributed.mean_over_ranks(means).tolist(), strict=True))
        self.sums, self.count = {}, 0
        then, before = self._since
        self._since = (time.monotonic(), step)
        if not distributed.is_main():
            return
        stage = self.plan.stage(step - 1)
        row = {f"train/{name}": value for name, value in values.items()}
        row["train/lr"] = lr
        row["train/stage"] = float(self.plan.stages.index(stage))
        row["train/images_per_second"] = (step - before) * self.batch_size / max(1e-9, time.monotonic() - then)
        self.rows.append(step, self.plan.epoch(step - 1), row)
        self.run.write_status("running", step=step, total_steps=self.plan.total_steps)
        self.bar.set_postfix_str(f"stage {stage.name}, loss {values['loss']:.4f}", refresh=False)

    def add_validation(self, loss: float, step: int) -> None:
        """Write the row of a validation after `step` steps; its time does not count as training time."""
        if distributed.is_main():
            self.rows.append(step, self.plan.epoch(step - 1), {"val/loss": loss})

    def pause(self, seconds: float) -> None:
        """Leave `seconds` that were not spent training out of the next row's images per second."""
        self._since = (self._since[0] + seconds, self._since[1])
