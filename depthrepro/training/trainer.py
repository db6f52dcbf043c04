"""The training loop: plain torch, resumable to the bit, the same on one process and on many."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from depthrepro.config.schema import Precision, TrainerConfig
from depthrepro.core import distributed
from depthrepro.core.checkpoint import RESUMES, load_checkpoint, save_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.interrupt import Stopped, StopRequest
from depthrepro.core.reading import reading
from depthrepro.core.reproducibility import random_state, restore_random_state
from depthrepro.core.run_dir import RunDir
from depthrepro.data.items.loader import EpochBatches, InOrder, length, make_loader, on_device, split_batch, to_device
from depthrepro.models.contract import all_levels, declared_levels
from depthrepro.models.weights import load_strictly
from depthrepro.training.average import EpochAverage
from depthrepro.training.device import build_optimizer, fit_to_device
from depthrepro.training.loss_terms import LossPart, LossTerms
from depthrepro.training.network import Network
from depthrepro.training.parameter_groups import parameter_groups
from depthrepro.training.progress_log import ProgressLog
from depthrepro.training.schedules import Schedule
from depthrepro.training.stages import Plan, PlannedStage, make_plan

Loss = Callable[..., dict[str, Tensor]]


@dataclass
class Progress:
    """Where the training stands, besides weights and optimizer state.

    Attributes:
        step: Optimizer steps done.
        best_loss: Lowest validation loss of the current stage.
        best_step: Step of `best_loss`.
        seconds: Time spent on training steps, over all resumptions.
    """

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    seconds: float = 0.0


class Trainer:
    """Fits a model to a loss, stage by stage.

    Args:
        model: Called by the loss as model(image, levels) -> named outputs.
        loss: Called as loss(model, batch, levels) -> named scalar terms; their sum is minimised.
        optimizer: From parameters to an optimizer.
        schedule: Factor on the learning rate.
        train: Training items, by (epoch, index).
        val: Unaugmented validation items; where there are none, `best.pt` is the last state of each epoch.
        config: How to train.
        seed: Of shuffling.
        device: Where to train.
        run: Where to write.
        identity: Saved in each checkpoint and compared on resume: what must not change under a run.
        extra: Saved in each checkpoint for later readers, such as the model's configuration.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        loss: Loss,
        optimizer: Callable[..., Optimizer],
        schedule: Schedule,
        train: Dataset[Any],
        val: Dataset[Any],
        config: TrainerConfig,
        seed: int,
        device: torch.device,
        run: RunDir,
        identity: dict[str, str],
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.schedule, self.config, self.device, self.run = schedule, config, device, run
        self.loss = loss.to(device) if isinstance(loss, nn.Module) else loss  # it may hold a frozen network
        self.identity, self.extra, self.progress = identity, extra or {}, Progress()
        self.network = Network(model, config, device)
        self.model, self.precision = self.network.model, self.network.precision
        self.optimizer = build_optimizer(optimizer, parameter_groups(self.model, config.lr_factors), device)
        self.base_lrs = [group["lr"] * group.get("lr_factor", 1.0) for group in self.optimizer.param_groups]
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision is Precision.fp16)
        ranks = (distributed.rank(), distributed.world_size())
        self.batches = EpochBatches(length(train), config.batch_size, seed, *ranks)
        self.loader = make_loader(train, self.batches, config.num_workers)
        self.val_loader = make_loader(val, InOrder(length(val), max(1, config.batch_size // ranks[1]), *ranks), 0)
        self.plan: Plan = make_plan(config, len(self.batches), declared_levels(model), all_levels(model))
        self.average = EpochAverage(config.average_epochs, self.plan)
        self.log = ProgressLog(run, self.plan, config.batch_size, config.log_every, device)
        self.terms = LossTerms()

    def fit(self) -> Progress:
        """Train from where the run directory stands to the end of the plan.

        Raises:
            Stopped: After one of `stop_signals`, with the checkpoint written.
            UserError: If the loss is not finite (the batch is saved first), or the checkpoint is of another run.
        """
        self.resume()
        # Early stages leave the finer layers without a gradient.
        self.network.wrap(unused=len(self.plan.stages) > 1)
        self.model.train()
        saved_at = begin = time.monotonic()
        with StopRequest() as stop, self.log.open_bar(self.progress.step):
            for batch in self.batches_from(self.progress.step):
                self.step(batch)
                self.log.advance()
                stopping, saving = distributed.any_rank(
                    [stop.signal_number is not None, time.monotonic() - saved_at > self.config.checkpoint_seconds]
                )
                finished = self.progress.step == self.plan.total_steps
                if self.plan.ends_epoch(self.progress.step - 1):
                    self.average.add(self.model, self.plan.epoch(self.progress.step - 1))
                if finished:
                    self.average.put_into(self.model)
                saving, validating = saving or stopping or finished, self._validation_due()
                if saving or validating or self.log.due(self.progress.step):
                    self.look()
                now = time.monotonic()
                self.progress.seconds += now - begin
                if validating:
                    self.validate()
                if saving:
                    self.save()
                    saved_at = time.monotonic()
                begin = time.monotonic()
                self.log.pause(begin - now)
                if stopping and not finished:
                    raise Stopped(stop.signal_number or 15)
        return self.progress

    def batches_from(self, step: int) -> Iterator[dict[str, Any]]:
        """Every batch from step number `step` to the end, epoch after epoch."""
        while step < self.plan.total_steps:
            self.batches.set_position(self.plan.epoch(step), step % self.plan.steps_per_epoch)
            for batch in on_device(self.loader, self.device):
                yield batch
                step += 1
                if step == self.plan.total_steps:
                    return

    def step(self, batch: dict[str, Any]) -> None:
        """One optimizer step on this rank's part of a batch, queued on the device; `look` waits for it."""
        stage = self.plan.stage(self.progress.step)
        position = (self.progress.step, self.plan.steps_per_epoch, self.plan.planned_steps)
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr * stage.lr_factor * self.schedule(*position)
        self.terms.add(self.progress.step, self._gradients(batch, stage))
        if self.config.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.progress.step += 1

    def _gradients(self, batch: dict[str, Any], stage: PlannedStage) -> list[LossPart]:
        """`_accumulate_gradients`, without `torch.compile` from its first failure on."""
        try:
            return self._accumulate_gradients(batch, stage)
        except Exception as error:
            if not self.network.gives_up_compiling(error):
                raise
        return self._accumulate_gradients(batch, stage)

    def _accumulate_gradients(self, batch: dict[str, Any], stage: PlannedStage) -> list[LossPart]:
        """Forward and backward in `accumulate` parts; returns their losses."""
        self.optimizer.zero_grad(set_to_none=True)
        parts = split_batch(batch, self.config.accumulate)
        losses = []
        for number, part in enumerate(parts):
            weight = len(part["id"]) / len(batch["id"])
            last = number == len(parts) - 1
            with contextlib.nullcontext() if last else self.network.without_sync():
                named = self.loss(self.network, part, stage.levels)
                total = torch.stack(list(named.values())).sum()
                self.scaler.scale(total * weight).backward()
            losses.append(LossPart.of(total, named, weight))
        return losses

    def look(self) -> None:
        """Wait for the steps queued so far and take in their losses; the row of `metrics.jsonl`, if it is due.

        Raises:
            UserError: If a loss is not finite; nothing that it spoilt has been written.
        """
        for step, terms in self.terms.read().items():
            if not math.isfinite(terms["loss"]):
                self._refuse(step, terms["loss"])
            self.log.add(terms)
        if self.log.due(self.progress.step):
            self.log.write_row(self.progress.step, self.optimizer.param_groups[0]["lr"])

    def _refuse(self, step: int, loss: float) -> None:
        batch = next(self.batches_from(step))  # once more: a function of seed, epoch and position
        path = self.run.path / "nonfinite" / f"step_{step}_rank_{distributed.rank()}.pt"
        save_checkpoint(path, {"batch": batch, "step": step})
        raise UserError(
            f"the loss is {loss} at step {step} on {', '.join(batch['id'][:3])}...: the batch is in {path}; a lower "
            "optimizer.lr or trainer.clip_norm=1 usually helps"
        )

    def _validation_due(self) -> bool:
        step = self.progress.step - 1
        due = self.plan.ends_epoch(step) and (self.plan.epoch(step) + 1) % self.config.validate_every == 0
        return due or self.plan.ends_stage(step)

    def validate(self) -> None:
        """Mean loss over the validation pairs at the stage's levels; the lowest of the stage becomes `best.pt`."""
        progress, stage = self.progress, self.plan.stage(self.progress.step - 1)
        self.model.eval()
        sums = torch.zeros(2, device=self.device)
        with torch.inference_mode():
            for batch in on_device(self.val_loader, self.device):
                total = torch.stack(list(self.loss(self.network, batch, stage.levels).values())).sum()
                sums += torch.stack([total * len(batch["id"]), torch.full_like(total, len(batch["id"]))])
        self.model.train()
        total_loss, count = distributed.mean_over_ranks(sums).tolist()
        loss = total_loss / count if count else math.inf
        # Losses at different levels are not comparable: each stage chooses its best anew.
        first_of_stage = progress.best_step <= stage.first_epoch * self.plan.steps_per_epoch
        if not count or first_of_stage or loss < progress.best_loss:
            progress.best_loss, progress.best_step = loss, progress.step
            if distributed.is_main():
                state = {"model": self.model.state_dict(), "step": progress.step, "val_loss": loss}
                save_checkpoint(self.run.best, {**state, **self.identity, **self.extra})
        if count:
            self.log.add_validation(loss, progress.step)

    def save(self) -> None:
        """Write `last.pt`: everything a later process needs to go on as if nothing had happened."""
        generators = distributed.gather(random_state())
        if distributed.is_main():
            state = {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "progress": dict(vars(self.progress)),
                "log": self.log.state_dict(),
                "average": self.average.state_dict(),
                "random": generators,
            }
            save_checkpoint(self.run.last, {**state, **self.identity, **self.extra})
        distributed.barrier()  # the other ranks read the file next

    def resume(self) -> None:
        """Continue from `last.pt` if there is one.

        Raises:
            UserError: If it belongs to other data or another configuration.
        """
        if not self.run.last.exists():
            return self.log.restore(None, 0)
        state = load_checkpoint(self.run.last, needs=RESUMES)  # to the CPU, where random states belong
        old = {name: state.get(name) for name, value in self.identity.items() if state.get(name) != value}
        if old:
            changes = " and ".join(
                f"{name.replace('_', ' ')} ({was} -> {self.identity[name]})" for name, was in old.items()
            )
            raise UserError(
                f"{self.run.path} was trained with another {changes}: start again with force=true, or keep both with "
                "run_dir=..."
            )
        load_strictly(self.model, state["model"], self.run.last)
        with reading(self.run.last, "the training's state", fix="start again with force=true"):
            self.optimizer.load_state_dict(fit_to_device(state["optimizer"], self.optimizer))
            self.scaler.load_state_dict(state["scaler"])
            self.progress = Progress(**state["progress"])
            self.average.load_state_dict(state.get("average") or {"count": 0, "mean": {}}, self.device)
            self.log.restore(state["log"], self.progress.step)
            if len(state["random"]) == distributed.world_size():
                restore_random_state(state["random"][distributed.rank()])

    def forecast_seconds(self, start: int) -> float:
        """Time from step `start` to the end, from one forward and backward pass of the last, most expensive stage."""
        self.batches.set_position(0)
        batch = to_device(next(iter(self.loader)), self.device)
        self.model.eval()  # statistics of normalisation layers must not move
        for _ in range(2):  # the first pass warms up
            begin = time.monotonic()
            named = self.loss(self.network, batch, self.plan.stages[-1].levels)
            torch.stack(list(named.values())).sum().backward()
            if self.device.type == "cuda":
                torch.cuda.synchronize()
        self.model.zero_grad(set_to_none=True)
        return (time.monotonic() - begin) * (self.plan.total_steps - start)
