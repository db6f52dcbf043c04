"""A double for a device that works on its own: notes what would wait for it, on a CPU too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

METHODS = ("item", "tolist", "cpu", "__float__", "__int__", "__bool__", "__index__")
# A number or a size that depends on values, and a tensor made of Python's numbers, which would be copied to the device.
OPERATIONS = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh")


class Waits(TorchDispatchMode):
    """Calls `note` with the name of each operation that would wait."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self.note = note

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().split("::")[1].split(".")[0]
        picks = name == "index" and any(i is not None and i.dtype is torch.bool for i in args[1])
        if picks or name in OPERATIONS:
            self.note(name)
        return func(*args, **(kwargs or {}))


@contextmanager
def noting(note: Callable[[str], None]) -> Iterator[None]:
    """Call `note` with the name of each method and operation that would wait for a device."""
    with pytest.MonkeyPatch.context() as patch, Waits(note):
        for name in METHODS:
            patch.setattr(Tensor, name, _noted(getattr(Tensor, name), name, note))
        yield


def _noted(method: Callable[..., Any], name: str, note: Callable[[str], None]) -> Callable[..., Any]:
    def noted(*arguments: Any, **options: Any) -> Any:
        note(name)
        return method(*arguments, **options)

    return noted
