"""Attributes that every network declares, and how they are asked for."""

from __future__ import annotations

from torch import nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError


def declared_kind(model: nn.Module) -> Kind | None:
    """Kind of a network's outputs; None for a classifier.

    Raises:
        UserError: If the network declares no `kind`: nothing is taken for granted.
    """
    if not hasattr(model, "kind"):
        raise UserError(
            f"{type(model).__name__} declares no kind: give its class `kind`, one of core.depth_kind.Kind, or None "
            "for a classifier (docs/extending.md)"
        )
    kind: Kind | None = model.kind  # type: ignore[assignment]
    return kind


def depth_kind(model: nn.Module) -> Kind:
    """The kind of a network that predicts depth.

    Raises:
        UserError: If it declares none, or is a classifier.
    """
    kind = declared_kind(model)
    if kind is None:
        raise UserError(f"{type(model).__name__} predicts no depth")
    return kind


def declared_levels(model: nn.Module) -> tuple[str, ...]:
    """Names of the outputs that a network is trained and scored at unless others are asked for, coarse to fine.

    Raises:
        UserError: If the network declares no `levels`.
    """
    levels = getattr(model, "levels", None)
    if not levels:
        raise UserError(
            f"{type(model).__name__} declares no levels: give its class `levels`, the names of its outputs, coarse to "
            "fine (docs/extending.md)"
        )
    return tuple(levels)


def all_levels(model: nn.Module) -> tuple[str, ...]:
    """Names of all outputs that can be trained, coarse to fine: `all_levels` where a network has more than `levels`."""
    return tuple(getattr(model, "all_levels", ())) or declared_levels(model)
