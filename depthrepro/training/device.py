"""Where a run computes, and in which number format."""

from __future__ import annotations

import torch

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
        UserError: If fp16 is asked for on a CPU.
    """
    if wanted is Precision.fp16 and device.type != "cuda":
        raise UserError("trainer.precision=fp16 needs a GPU: use bf16, fp32 or auto")
    if wanted is not Precision.auto:
        return wanted
    if device.type == "cuda":
        return Precision.bf16 if torch.cuda.is_bf16_supported(including_emulation=False) else Precision.fp32
    # Older releases of torch cannot tell; emulated bf16 would be slower than fp32.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    native = any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return Precision.bf16 if native else Precision.fp32
