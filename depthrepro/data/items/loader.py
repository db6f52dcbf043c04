"""Batches as a pure function of (seed, epoch, position): the same for any number of workers, ranks or resumptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from depthrepro.core.errors import UserError

ItemKey = tuple[int, int]  # (epoch, index into the data set)


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """uint8 (H, W, 3) to uint8 (3, H, W); scaled to [0, 1] only on the training device."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


class EpochBatches(Sampler[list[ItemKey]]):
    """This rank's part of each batch of one epoch, from batch `start` on.

    The order is a permutation drawn from (seed, epoch). The last, incomplete batch is dropped: every optimizer
    step sees the same number of pairs, and another epoch leaves out other pairs.

    Args:
        length: Number of items in the data set.
        batch_size: Items per optimizer step over all ranks; divisible by `world_size`.
        seed: Of the run.
        rank: This process.
        world_size: Number of processes.

    Raises:
        UserError: If the data set is smaller than a batch, or the batch cannot be divided among the ranks.
    """

    def __init__(self, length: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        if length < batch_size:
            raise UserError(
                f"the training set has {length} items, fewer than trainer.batch_size={batch_size}: "
                f"set trainer.batch_size={max(1, length)} or less"
            )
        if batch_size % world_size:
            raise UserError(
                f"trainer.batch_size={batch_size} cannot be divided among {world_size} processes: "
                f"choose a multiple of {world_size}"
            )
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch, self.start = 0, 0

    def set_position(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch and the first batch of the next iteration."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        return self.length // self.batch_size

    def __iter__(self) -> Iterator[list[ItemKey]]:
        """Yield keys, rank r taking every world_size-th item of each batch."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        for batch in range(self.start, len(self)):
            items = order[batch * self.batch_size : (batch + 1) * self.batch_size][self.rank :: self.world_size]
            yield [(self.epoch, int(i)) for i in items]


class InOrder(Sampler[list[ItemKey]]):
    """This rank's items of an unaugmented set, in order, in batches of at most `batch_size`."""

    def __init__(self, length: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.items, self.batch_size = list(range(length))[rank::world_size], batch_size

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.items) // self.batch_size)

    def __iter__(self) -> Iterator[list[ItemKey]]:
        """Yield keys of epoch 0."""
        for start in range(0, len(self.items), self.batch_size):
            yield [(0, i) for i in self.items[start : start + self.batch_size]]


def make_loader(items: Dataset[Any], batches: Sampler[list[ItemKey]], num_workers: int) -> DataLoader[Any]:
    """A torch loader over `batches`; workers are kept over epochs."""
    return DataLoader(
        items,
        batch_sampler=batches,
        num_workers=num_workers,
        generator=torch.Generator(),  # its own, so that iterating leaves the global random state alone
        persistent_workers=num_workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def to_device(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Move a collated batch to `device` and its images, which are its uint8 tensors, to float32 in [0, 1]."""
    moved = {k: v.to(device, non_blocking=True) if torch.is_tensor(v) else v for k, v in batch.items()}
    return {k: v.float() / 255.0 if torch.is_tensor(v) and v.dtype == torch.uint8 else v for k, v in moved.items()}


def on_device(batches: Iterable[dict[str, Any]], device: torch.device) -> Iterator[dict[str, Any]]:
    """`to_device` of each batch; a GPU copies it on a stream of its own while it still computes on the one before."""
    if device.type != "cuda":
        yield from (to_device(batch, device) for batch in batches)
        return
    copies = torch.cuda.Stream(device)
    for batch in batches:
        with torch.cuda.stream(copies):
            moved = to_device(batch, device)
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(copies)
        for value in moved.values():
            if torch.is_tensor(value):
                value.record_stream(computing)  # its memory is not given away before the step is done
        yield moved


def length(items: Dataset[Any]) -> int:
    """Number of items; torch's data sets promise none."""
    return len(items)  # type: ignore[arg-type]


def split_batch(batch: dict[str, Any], parts: int) -> list[dict[str, Any]]:
    """Cut a batch into at most `parts` nearly equal pieces along its first dimension."""
    size = len(batch["id"])
    bounds = [round(i * size / parts) for i in range(parts + 1)]
    return [{key: value[a:b] for key, value in batch.items()} for a, b in pairwise(bounds) if b > a]
