"""Parts of a network that learn at rates of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from depthrepro.core.errors import UserError


def parameter_groups(model: nn.Module, lr_factors: Mapping[str, float]) -> list[dict[str, Any]]:
    """The model's parameters, those of each named part in a group with that part's factor on the learning rate.

    Raises:
        UserError: If the model has no such part.
    """
    groups: list[dict[str, Any]] = []
    taken: set[int] = set()
    for name, factor in lr_factors.items():
        part = getattr(model, name, None)
        if not isinstance(part, nn.Module):
            parts = ", ".join(child for child, _ in model.named_children())
            raise UserError(f"trainer.lr_factors: the network has no part {name!r}; it has {parts}")
        own = [p for p in part.parameters() if id(p) not in taken]
        taken |= {id(p) for p in own}
        groups.append({"params": own, "lr_factor": factor})
    rest = [p for p in model.parameters() if id(p) not in taken]
    return [{"params": rest}, *groups] if rest else groups
