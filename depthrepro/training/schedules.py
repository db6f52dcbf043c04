"""Learning-rate schedules as pure functions of the position in training: nothing to save, nothing to restore."""

from __future__ import annotations

import math
from typing import Protocol


class Schedule(Protocol):
    """Factor on the optimizer's learning rate."""

    def __call__(self, step: int, steps_per_epoch: int, total_steps: int) -> float:
        """Factor for the optimizer step number `step`, 0-based, of `total_steps`."""


class Constant:
    """The learning rate as configured, throughout."""

    def __call__(self, step: int, steps_per_epoch: int, total_steps: int) -> float:
        """Always 1."""
        return 1.0


class GargDecay:
    """The paper's rule, read as lr_n = lr · (1 / (1 + alpha·n))^(n-1) in epoch n = 1, 2, ...

    Source: Garg et al. 2016. The rule is known only in a garbled print; this closed form falls to 0.8 % of the start
    at epoch 100 with alpha = 0.0005, while the same factor applied epoch after epoch would fall to 1e-71.
    """

    def __init__(self, alpha: float = 0.0005) -> None:
        self.alpha = alpha

    def __call__(self, step: int, steps_per_epoch: int, total_steps: int) -> float:
        """Constant within an epoch."""
        n = step // steps_per_epoch + 1
        return (1.0 / (1.0 + self.alpha * n)) ** (n - 1)


class Linear:
    """Linear warm-up from zero, then a straight line down to zero after the last step.

    Args:
        warmup: Fraction of all steps spent rising.

    Source: Depth Anything (arXiv:2401.10891): "a linear schedule"; no warm-up is published.
    """

    def __init__(self, warmup: float = 0.0) -> None:
        self.warmup = warmup

    def __call__(self, step: int, steps_per_epoch: int, total_steps: int) -> float:
        """Rises to 1 over the warm-up, ends just above 0."""
        rise = round(self.warmup * total_steps)
        return (step + 1) / (rise + 1) if step < rise else (total_steps - step) / max(1, total_steps - rise)


class OneCycle:
    """Half a cosine up to 1, then half a cosine down to almost nothing.

    Args:
        rise: Fraction of all steps before the peak.
        start: Factor at the first step; 1 = no rise, the learning rate stays at its peak until then.
        end: Factor at the last step.

    Source: ZoeDepth's training, which Depth Anything's metric fine-tuning takes over: peak after 70 % of the steps,
    division by 1 at the start and by 10,000 at the end. Differs: it also moves Adam's first momentum between 0.85 and
    0.95, which stays as configured here.
    """

    def __init__(self, rise: float = 0.7, start: float = 1.0, end: float = 1e-4) -> None:
        self.rise, self.start, self.end = rise, start, end

    def __call__(self, step: int, steps_per_epoch: int, total_steps: int) -> float:
        """`start` at the first step, 1 at the peak, `end` at the last."""
        peak = self.rise * total_steps - 1
        if step < peak:
            return _half_cosine(self.start, 1.0, step / peak)
        return _half_cosine(1.0, self.end, (step - peak) / max(1e-9, total_steps - 1 - peak))


class Cosine:
    """Linear warm-up from zero, then half a cosine down to `floor`.

    Args:
        warmup: Fraction of all steps spent rising.
        floor: Factor at the last step.
    """

    def __init__(self, warmup: float = 0.0, floor: float = 0.0) -> None:
        self.warmup, self.floor = warmup, floor

    def __call__(self, step: int, steps_per_epoch: int, total_steps: int) -> float:
        """Rises to 1 over the warm-up, ends at `floor`."""
        rise = round(self.warmup * total_steps)
        if step < rise:
            return (step + 1) / (rise + 1)
        progress = (step - rise) / max(1, total_steps - 1 - rise)
        return _half_cosine(1.0, self.floor, progress)


def _half_cosine(first: float, last: float, share: float) -> float:
    """From `first` to `last` along half a cosine, after a share of the way."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
