"""The loss of a network that is only evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from depthrepro.core.depth_kind import Kind
from depthrepro.core.supervision import Supervision


class NoLoss:
    """Always 0, without asking the network; for networks and data of any kind."""

    kinds = (*Kind, None)
    learns_from = tuple(Supervision)

    def __call__(
        self, model: Any, batch: Mapping[str, Tensor], levels: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """{"nothing": 0}, with a gradient to nobody."""
        return {"nothing": batch["image"].new_zeros((), requires_grad=True)}
