"""Loss terms that stay on the device until many are read together: to read one is to wait for all that was queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LossPart:
    """The loss of a part of a batch.

    Attributes:
        names: Of the terms.
        values: Their sum, then the terms, (1 + terms,), on the device.
        weight: The part's share of the batch.
    """

    names: tuple[str, ...]
    values: Tensor
    weight: float

    @classmethod
    def of(cls, total: Tensor, terms: Mapping[str, Tensor], weight: float) -> LossPart:
        """Keep the numbers of `total` and its `terms`, all scalars, without their graph."""
        return cls(tuple(terms), torch.stack([total, *terms.values()]).detach(), weight)


class LossTerms:
    """The losses of the steps since the last `read`."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, LossPart]] = []

    def add(self, step: int, parts: list[LossPart]) -> None:
        """Keep the parts of step number `step`, 0-based."""
        self._parts += [(step, part) for part in parts]

    def read(self) -> dict[int, dict[str, float]]:
        """Step → name → value, the mean over the step's parts by their weights; "loss" is the sum of a step's terms.

        The only place that waits for the device. What was read is forgotten.
        """
        parts, self._parts = self._parts, []
        numbers = iter(torch.cat([part.values for _, part in parts]).tolist() if parts else ())
        steps: dict[int, dict[str, float]] = {}
        for step, part in parts:
            terms = steps.setdefault(step, {})
            total = next(numbers)
            for name, value in {**{name: next(numbers) for name in part.names}, "loss": total}.items():
                terms[name] = terms.get(name, 0.0) + value * part.weight
        return steps
