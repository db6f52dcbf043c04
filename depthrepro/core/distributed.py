"""One process or many under torchrun, behind the same few functions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist


def rank() -> int:
    """This process's number; 0 without torchrun. Known before `start`."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """Number of processes; 1 without torchrun. Known before `start`."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """True on the one process that writes files and talks to people."""
    return rank() == 0


def start(device: torch.device) -> None:
    """Join the other ranks if there are any: NCCL for what lies on GPUs, gloo for the rest."""
    if world_size() > 1 and not dist.is_initialized():
        # Rank 0 may render a world or resize 45,000 frames while the others wait at a barrier.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=timedelta(hours=4))


def stop() -> None:
    """Leave the group, so that a process that ends is not taken for one that died."""
    if dist.is_initialized():
        dist.destroy_process_group()


def lost_a_rank(error: BaseException) -> bool:
    """Whether `error` tells that another rank has gone: what was done together ended for that reason alone."""
    gone = isinstance(error, dist.DistBackendError) or "gloo/transport" in str(error)
    return world_size() > 1 and isinstance(error, RuntimeError) and gone


def barrier() -> None:
    """Wait for all ranks."""
    if dist.is_initialized():
        dist.barrier()


@contextmanager
def main_first() -> Iterator[None]:
    """Rank 0 runs the block first and alone; the others find its files."""
    if not is_main():
        barrier()
    try:
        yield
    finally:
        if is_main():
            barrier()


def broadcast(value: Any) -> Any:
    """Rank 0's picklable `value` on every rank."""
    if not dist.is_initialized():
        return value
    holder = [value]
    dist.broadcast_object_list(holder, src=0)
    return holder[0]


def gather(value: Any) -> list[Any]:
    """Every rank's picklable `value`, in rank order, on every rank."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def any_rank(flags: list[bool]) -> list[bool]:
    """Element-wise OR over ranks; cheap enough for every step: it waits for no GPU."""
    if not dist.is_initialized():
        return flags
    tensor = torch.tensor([int(f) for f in flags])
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return [bool(v) for v in tensor.tolist()]


def mean_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """Mean of equal-shaped tensors over ranks."""
    if not dist.is_initialized():
        return values
    values = values.clone()
    dist.all_reduce(values, op=dist.ReduceOp.SUM)
    return values / dist.get_world_size()
