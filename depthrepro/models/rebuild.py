"""The network that a checkpoint describes, from the file alone.

A checkpoint is data from anywhere, so nothing in it is executed or followed: its class must be a network of this
package, its arguments plain values, and what is built is no larger than the weights in the file.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reason
from depthrepro.models.weights import check_fit, load_strictly

_TARGET = re.compile(r"depthrepro\.models(\.[a-z]\w*)+\.[A-Z]\w*")
# How Hydra is to build the object; without meaning here.
_HYDRA_KEYS = {"_target_", "_convert_", "_recursive_"}
# timm's, which fetch or unpickle other files.
_FETCHING = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"}
_PLAIN = re.compile(r"[\w.+-]*")  # no path, and no name on a hub
_LARGEST, _LONGEST = 4096, 64  # numbers and lists; layers are made one by one, before their sizes are known


def network_of(state: Mapping[str, Any], source: str) -> nn.Module:
    """The network of a checkpoint with its weights.

    Args:
        state: With `model_config`, `_target_` and arguments, and `model`, the weights.
        source: For messages.

    Raises:
        UserError: As `build_model`, or if the weights do not fit.
    """
    config = state.get("model_config")
    if not isinstance(config, Mapping):
        raise UserError(f"{source}: its model_config is no mapping, so the network is unknown")
    with torch.device("meta"):  # no memory is taken before the shapes are known to be those in the file
        check_fit(build_model(config, source), state["model"], source)
    model = build_model(config, source)
    load_strictly(model, state["model"], source)
    return model


def build_model(config: Mapping[str, Any], source: str) -> nn.Module:
    """The network that a checkpoint's `model_config` describes, with fresh weights.

    Args:
        config: `_target_`, a class below `depthrepro.models`, and its arguments.
        source: For messages.

    Raises:
        UserError: If the class is none of this package's networks or needs other files, or its arguments do not fit.
    """
    target = str(config.get("_target_"))
    network = _network_class(target, source)
    arguments = {key: value for key, value in config.items() if key not in _HYDRA_KEYS}
    if "weights" in arguments:  # the starting weights of the training; the checkpoint has the trained ones
        arguments["weights"] = None
    strange = _strange(arguments)
    if strange is not None:
        raise UserError(f"{source}: its model_config uses {strange}, which is not followed from a file")
    try:
        return network(**arguments)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    except Exception as error:  # layers refuse a strange number each in its own way
        raise UserError(
            f"{source}: {target} does not take its arguments ({reason(error)}); another version?"
        ) from error


def _strange(value: Any, depth: int = 8) -> str | None:
    """What in arguments is no plain value, or too large; None if nothing is."""
    if isinstance(value, Mapping) and depth:
        keys = [repr(key) for key in value if not isinstance(key, str) or key.startswith("_") or key in _FETCHING]
        return keys[0] if keys else _strange(list(value.values()), depth - 1)
    if isinstance(value, (list, tuple)) and depth and len(value) <= _LONGEST:
        return next((found for part in value if (found := _strange(part, depth - 1)) is not None), None)
    if isinstance(value, str):
        return None if _PLAIN.fullmatch(value) else repr(value[:80])
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) <= _LARGEST):
        return None
    return f"{type(value).__name__} {value!s:.40}"


def _network_class(target: str, source: str) -> type[nn.Module]:
    """The class called `target`, which must be defined below depthrepro.models: an import there gives no way out."""
    refused = UserError(f"{source}: names {target[:80]!r}, which is no network of depthrepro.models; not loaded")
    if not _TARGET.fullmatch(target):
        raise refused
    module_name, _, name = target.rpartition(".")
    if module_name == "depthrepro.models.hf":
        raise UserError(f"{source}: names {name}, whose weights lie elsewhere and are not followed; not loaded")
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ModuleNotFoundError:
        raise refused from None
    if not (isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module_name):
        raise refused
    return found
