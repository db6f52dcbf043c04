"""Which stage, epoch and batch a step belongs to: pure functions of the step number, nothing needs restoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from depthrepro.config.schema import Stage, TrainerConfig
from depthrepro.core.errors import UserError


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its epochs counted out.

    Attributes:
        name: Key in `trainer.stages`.
        levels: Outputs that the loss is computed at.
        first_epoch: First epoch, 0-based.
        epochs: Number of epochs, at least 1.
        lr_factor: Factor on the learning rate.
    """

    name: str
    levels: tuple[str, ...]
    first_epoch: int
    epochs: int
    lr_factor: float

    @property
    def last_epoch(self) -> int:
        """Last epoch of the stage, 0-based."""
        return self.first_epoch + self.epochs - 1


@dataclass(frozen=True)
class Plan:
    """The whole training, step by step.

    Attributes:
        stages: In order, covering epochs 0, 1, ... without a gap.
        steps_per_epoch: Optimizer steps in one pass over the training set.
        max_steps: Stop early after so many steps; None = all.
    """

    stages: tuple[PlannedStage, ...]
    steps_per_epoch: int
    max_steps: int | None = None

    @property
    def planned_steps(self) -> int:
        """Steps of all epochs; schedules are laid out over these."""
        return (self.stages[-1].last_epoch + 1) * self.steps_per_epoch

    @property
    def total_steps(self) -> int:
        """Steps that will be done."""
        return min(self.planned_steps, self.max_steps or self.planned_steps)

    def epoch(self, step: int) -> int:
        """Epoch that step number `step` (0-based) belongs to."""
        return step // self.steps_per_epoch

    def stage(self, step: int) -> PlannedStage:
        """Stage that step number `step` belongs to."""
        epoch = self.epoch(step)
        return next(s for s in self.stages if epoch <= s.last_epoch)

    def ends_epoch(self, step: int) -> bool:
        """Whether step number `step` is the last of its epoch, or the last of all."""
        return (step + 1) % self.steps_per_epoch == 0 or step + 1 == self.total_steps

    def ends_stage(self, step: int) -> bool:
        """Whether step number `step` is the last of its stage, or the last of all."""
        last_of_stage = (self.stage(step).last_epoch + 1) * self.steps_per_epoch - 1
        return step in (last_of_stage, self.total_steps - 1)


def make_plan(
    config: TrainerConfig, steps_per_epoch: int, levels: Sequence[str], all_levels: Sequence[str] = ()
) -> Plan:
    """Divide `config.epochs` among the stages by their shares, each stage at least one epoch.

    Args:
        config: Epochs, stages and the finest output that is trained.
        steps_per_epoch: Optimizer steps in one pass over the training set.
        levels: Outputs of the network, coarse to fine, that a stage has unless it names its own.
        all_levels: Outputs that a stage may name, coarse to fine; by default `levels`.

    Raises:
        UserError: If a stage names an output that the network has not, no stage has a share, or there are fewer epochs
            than stages.
    """
    stages = config.stages or {"all": Stage()}
    trained = _stage_levels(stages, config.finest, levels, all_levels or levels)
    active = [(name, stage) for name, stage in stages.items() if stage.share > 0 and trained[name]]
    if not any(trained.values()):
        raise UserError(f"trainer.finest={config.finest}: every stage trains finer outputs; choose one of those")
    if not active:
        raise UserError("trainer.stages has no stage with a share above 0: choose one, such as stages=end_to_end")
    _require_epochs(config.epochs, len(active))
    total_share, done_share, first = sum(stage.share for _, stage in active), 0.0, 0
    planned: list[PlannedStage] = []
    for position, (name, stage) in enumerate(active):
        done_share += stage.share
        stages_left = len(active) - position - 1
        end = round(config.epochs * done_share / total_share)
        end = min(max(end, first + 1), config.epochs - stages_left)
        planned.append(PlannedStage(name, trained[name], first, end - first, stage.lr_factor))
        first = end
    return Plan(tuple(planned), steps_per_epoch, config.max_steps)


def check_epochs(config: TrainerConfig) -> None:
    """What `make_plan` would refuse for too few epochs, as far as the configuration alone tells: no network is built.

    Raises:
        UserError: If there are fewer epochs than stages.
    """
    active = [stage for stage in config.stages.values() if stage.share > 0]
    named = list(dict.fromkeys(level for stage in active for level in stage.levels or ()))
    if config.finest is not None:  # leaves out the stages that train finer outputs alone
        kept = named[: named.index(config.finest) + 1] if config.finest in named else []
        active = [stage for stage in active if set(stage.levels or ()) & set(kept)]
    _require_epochs(config.epochs, len(active))


def _require_epochs(epochs: int, stages: int) -> None:
    if epochs < stages:
        raise UserError(
            f"trainer.epochs={epochs} is fewer than the {stages} stages: each needs at least one; "
            "raise trainer.epochs or choose stages=end_to_end"
        )


def _stage_levels(
    stages: Mapping[str, Stage], finest: str | None, levels: Sequence[str], all_levels: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Outputs that each stage trains; none where all of them are finer than `finest`."""
    has = f"the network has no output {{}}, it has {', '.join(all_levels)}"
    if finest is not None and finest not in all_levels:
        raise UserError(f"trainer.finest={finest}: {has.format(finest)}")
    kept = all_levels if finest is None else all_levels[: list(all_levels).index(finest) + 1]
    found: dict[str, tuple[str, ...]] = {}
    for name, stage in stages.items():
        wanted = levels if stage.levels is None else stage.levels
        unknown = next((level for level in wanted if level not in all_levels), None)
        if unknown is not None:
            raise UserError(
                f"trainer.stages.{name}: {has.format(unknown)}; train all of them at once with stages=end_to_end"
            )
        found[name] = tuple(level for level in wanted if level in kept)
    return found
