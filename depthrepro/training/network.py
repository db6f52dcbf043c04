"""The network as it is trained: on its device, in its number format, one replica a rank, compiled where that pays."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from depthrepro.config.schema import Precision, TrainerConfig
from depthrepro.core import distributed
from depthrepro.training.device import choose_precision, compiles, round_to_tf32

_HALF = {Precision.bf16: torch.bfloat16, Precision.fp16: torch.float16}


class Network:
    """Calls a model under autocast; its outputs come in float32, so that losses are computed in full precision.

    Attributes:
        model: The model itself; its weights bear its own names, however it is wrapped.
        precision: Number format of the forward and backward pass.
        compiles: Whether `torch.compile` translates the training pass; false from its first failure on.

    Args:
        model: Moved to the device.
        config: Precision, memory layout, compilation.
        device: Where to compute.
    """

    def __init__(self, model: nn.Module, config: TrainerConfig, device: torch.device) -> None:
        self.device = device
        self.precision = choose_precision(config.precision, device)
        round_to_tf32(self.precision is Precision.tf32, device)
        self.layout = torch.channels_last if config.channels_last else torch.contiguous_format
        self.model: nn.Module = model.to(device=device, memory_format=self.layout)  # type: ignore[call-overload]
        self.compiles = compiles(config.compile, device)
        self._replica = self._compiled = self.model

    def wrap(self, *, unused: bool) -> None:
        """Replicate over the ranks and compile; `unused`: a step may leave some weights without a gradient."""
        if distributed.world_size() > 1:
            devices = [self.device] if self.device.type == "cuda" else None
            self._replica = DistributedDataParallel(self.model, device_ids=devices, find_unused_parameters=unused)
        self._compiled = self._replica
        if self.compiles:
            try:
                self._compiled = torch.compile(self._replica)
            except RuntimeError as error:  # this release compiles nothing under this Python
                self._give_up(error)

    def __call__(self, image: Tensor, *options: Any) -> dict[str, Tensor]:
        """Outputs by name, float32, of images (B, 3, H, W); the options are the model's."""
        dtype, module = _HALF.get(self.precision), self._compiled if self.model.training else self._replica
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            outputs = module(image.contiguous(memory_format=self.layout), *options)
        return {name: value.float() for name, value in outputs.items()}

    def without_sync(self) -> contextlib.AbstractContextManager[Any]:
        """Gradients computed meanwhile stay on their rank."""
        if isinstance(self._replica, DistributedDataParallel):
            return self._replica.no_sync()
        return contextlib.nullcontext()

    def gives_up_compiling(self, error: Exception) -> bool:
        """Whether `error` is a failure of `torch.compile`: told in a line, and the network goes on without it."""
        if not self.compiles or not type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "triton")):
            return False
        self._give_up(error)
        return True

    def _give_up(self, error: Exception) -> None:
        reason = str(error).strip().partition("\n")[0]
        self.compiles, self._compiled = False, self._replica
        print(f"warning    torch.compile failed ({reason}): going on without (trainer.compile=false)", file=sys.stderr)
