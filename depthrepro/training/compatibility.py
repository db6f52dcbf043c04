"""Which network, loss, data and augmentation fit together, asked before any data is read or made."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Iterable
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig
from torch import nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.core.supervision import Supervision
from depthrepro.data.base import DataSplits
from depthrepro.data.input_transform import InputTransform
from depthrepro.models.contract import declared_kind, declared_levels

_GROUPS = ("model", "loss", "optimizer", "scheduler", "augment", "data")


def check_arguments(cfg: DictConfig) -> None:
    """Every key of a configured object is an argument of its class or function.

    Raises:
        UserError: For the first that is not: a misspelt key, or one that belongs to another option of the group.
    """
    for group in _GROUPS:
        _check_node(cfg[group], group)


def _check_node(node: Any, key: str) -> None:
    if not isinstance(node, DictConfig):
        return
    if "_target_" in node:
        target = _target(str(node._target_), key)
        names, hints = _arguments(target), _hints(target)
        for name in map(str, node):
            _check_number(target, hints.get(name), node[name], f"{key}.{name}")
            if names is not None and not name.startswith("_") and name not in names:
                raise UserError(
                    f"{key}.{name}: {_short(node._target_)} has no such argument{did_you_mean(name, names)}; if the "
                    f"experiment sets it, it goes with another option of {key.split('.')[0]}"
                )
    for name in map(str, node):
        if not name.startswith("_"):
            _check_node(node[name], f"{key}.{name}")


def _target(path: str, key: str) -> Any:
    try:
        return get_object(path)
    except Exception as error:  # whatever the import of somebody's module raises
        raise UserError(f"{key}._target_: {path} cannot be imported ({str(error).splitlines()[0]})") from None


def _hints(target: Any) -> dict[str, Any]:
    """Types that a class or function declares for its arguments."""
    try:
        return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (NameError, TypeError, AttributeError):  # declared by names that only a type checker knows
        return {}


def _check_number(target: Any, hint: Any, value: Any, key: str) -> None:
    """Refuse a word where an argument is declared as a number, and one that is not finite.

    Raises:
        UserError: For such a value.
    """
    kinds = {hint, *typing.get_args(hint)}
    if kinds & {int, float} and not kinds & {str, Any}:
        if isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)):
            raise UserError(f"{key}={value}: {_short(f'{target.__module__}.{target.__name__}')} takes a number there")


def _short(path: str) -> str:
    """A class by its name, a function with its file's: `kitti_raw.build`."""
    *_, module, name = path.split(".")
    return name if name[0].isupper() else f"{module}.{name}"


def _arguments(target: Any) -> list[str] | None:
    """Names of a target's arguments; None if it takes any."""
    parameters = inspect.signature(target).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters]


def configured_supervision(data: DictConfig) -> Supervision | None:
    """Supervision of a configured data set, by the return type of its function; None if that is not declared."""
    kind = typing.get_type_hints(_target(str(data._target_), "data")).get("return")
    return kind.supervision if isinstance(kind, type) and issubclass(kind, DataSplits) else None


def check_fit(model: nn.Module, loss: Any, augment: Any, data: DictConfig, transform: InputTransform) -> None:
    """A network, its loss, the data (not built yet), the augmentation and the size of the input fit together.

    The loss declares `kinds` and `learns_from`, the augmentation `fits`.

    Raises:
        UserError: For the first pair that does not fit, with what to choose instead.
    """
    kind, network, name = declared_kind(model), type(model).__name__, type(loss).__name__
    declared_levels(model)
    if kind not in loss.kinds:
        raise UserError(
            f"{name} trains networks that predict {_kinds(loss.kinds)}, and {network} predicts {_kinds([kind])}: "
            "choose another with loss=..., or another network with model=..."
        )
    supervision = configured_supervision(data)
    if supervision is not None:
        if supervision not in loss.learns_from:
            raise UserError(
                f"{name} learns from {_names(loss.learns_from)}, and the data has {supervision.value}: choose another "
                "with data=..., or another loss with loss=..."
            )
        if augment is not None and supervision not in augment.fits:
            raise UserError(
                f"{type(augment).__name__} is for {_names(augment.fits)}, and the data has {supervision.value}: choose "
                "another with augment=..., or augment=none"
            )
    _check_input(model, data, transform)


def _check_input(model: nn.Module, data: DictConfig, transform: InputTransform) -> None:
    """The size suits the network, and it gets the depth maps that it looks at."""
    multiple = int(getattr(model, "multiple", 1))
    if transform.height % multiple or transform.width % multiple or transform.multiple % multiple:
        raise UserError(
            f"{type(model).__name__} takes sides that are multiples of {multiple}, and input_size is "
            f"{transform.height}x{transform.width} with input.multiple={transform.multiple}: set both, for example "
            f"input_size=[{14 * multiple},{14 * multiple}] input.multiple={multiple}"
        )
    wants_maps, has_maps = getattr(model, "channels", 3) == 4, isinstance(data.get("depth"), DictConfig)
    if wants_maps != has_maps:
        choice = "data=places_depth" if wants_maps else "data=places"
        given = "the data makes depth maps" if has_maps else "the data makes no depth maps"
        looks = "takes one beside each image" if wants_maps else "takes none"
        raise UserError(
            f"{given}, and {type(model).__name__} {looks}: choose {choice}, or another network with model=..."
        )


def _kinds(kinds: Iterable[Kind | None]) -> str:
    return " or ".join("classes" if kind is None else f"{kind.value} ({kind.unit})" for kind in kinds)


def _names(supervisions: Iterable[Supervision]) -> str:
    return " or ".join(supervision.value for supervision in supervisions)


def begin(loss: Any, model: nn.Module) -> None:
    """Let a loss look at the network before it is trained, if it wants to."""
    if hasattr(loss, "begin"):
        loss.begin(model)
