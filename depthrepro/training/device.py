"""Where a run computes, in which number format, and by which of torch's ways."""

from __future__ import annotations

import importlib.util
import inspect
import os
import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from depthrepro.config.schema import Precision
from depthrepro.core import distributed
from depthrepro.core.errors import UserError


def choose_device(wanted: str) -> torch.device:
    """`auto` takes this rank's GPU where there is one.

    Raises:
        UserError: If the device is unknown, or CUDA is asked for and absent.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and torch.cuda.is_available():
        wanted = f"cuda:{distributed.rank() % torch.cuda.device_count()}"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UserError(f"trainer.device={wanted} is no device: use auto, cpu, cuda or cuda:<n>") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"trainer.device={wanted}, but this machine has no usable GPU: use trainer.device=cpu")
    return device


def choose_precision(wanted: Precision, device: torch.device) -> Precision:
    """`auto` takes bf16 where the processor computes in it, else fp32.

    Raises:
        UserError: If fp16 or tf32 is asked for on a CPU.
    """
    if wanted in (Precision.fp16, Precision.tf32) and device.type != "cuda":
        raise UserError(f"trainer.precision={wanted.value} needs a GPU: use bf16, fp32 or auto")
    if wanted is not Precision.auto:
        return wanted
    if device.type == "cuda":
        return Precision.bf16 if torch.cuda.is_bf16_supported(including_emulation=False) else Precision.fp32
    # Older releases of torch cannot tell; emulated bf16 would be slower than fp32.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    native = any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return Precision.bf16 if native else Precision.fp32


def round_to_tf32(on: bool, device: torch.device) -> None:
    """Round the factors of float32 products on a GPU to TF32, or none; torch by itself rounds those of convolutions."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high" if on else "highest")
        torch.backends.cudnn.allow_tf32 = on


def compiles(wanted: str, device: torch.device) -> bool:
    """`auto` compiles for a GPU where torch finds what it needs: Triton and a C compiler."""
    if wanted != "auto":
        return wanted == "true"
    compiler = any(map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang")))
    return device.type == "cuda" and compiler and importlib.util.find_spec("triton") is not None


def build_optimizer(
    optimizer: Callable[..., Optimizer], groups: list[dict[str, Any]], device: torch.device
) -> Optimizer:
    """The optimizer of some parameters; on a GPU one kernel updates them all where torch has one for it.

    A setting of its own, such as `optimizer.fused=false`, counts.
    """
    fused = inspect.signature(optimizer).parameters.get("fused")
    fuses = device.type == "cuda" and fused is not None and fused.default is None
    return optimizer(groups, fused=True) if fuses else optimizer(groups)


def fit_to_device(saved: dict[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer's saved state for going on with `optimizer`, which may stand on another kind of device."""
    for group, own in zip(saved["param_groups"], optimizer.param_groups, strict=False):
        group.update({name: own[name] for name in ("fused", "foreach") if name in own})
    return saved
