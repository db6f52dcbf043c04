"""A teacher labels images: in fixed chunks, shared among processes, resumable after any kind of end."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar
from depthrepro.data.base import ImageDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.readers.pseudo_labels import MANIFEST, label_path, present, write_label, write_manifest
from depthrepro.inference.forward import predict

# Images that are predicted together, always the same ones: what a batch holds can change the last bits of a result, and
# a label must not depend on where an earlier run was stopped.
CHUNK = 8


def label_images(
    model: nn.Module,
    transform: InputTransform,
    images: ImageDataset,
    folder: Path,
    *,
    shard: tuple[int, int] = (0, 1),
    device: torch.device | str = "cpu",
    about: dict[str, str] | None = None,
    progress: bool = True,
) -> int:
    """Write the labels that are missing of one shard; whoever finds all of them there seals the folder.

    Args:
        model: The teacher; predicts `affine_inv_depth`.
        transform: The network's input; labels have its size.
        images: What is labelled.
        folder: Target.
        shard: (number, count): every count-th chunk from `number` on.
        device: Where the model is.
        about: Kept in the manifest beside the hashes.
        progress: Show a bar with the time left.

    Returns:
        Number of labels written.

    Raises:
        UserError: If the disk has not enough space, an image cannot be read, or another process does the same shard.
    """
    number, count = shard
    if not 0 <= number < count:
        raise UserError(f"shard {number}/{count}: the number must be from 0 to {count - 1}")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f".shard-{number}-of-{count}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{folder}: another process does shard {number}/{count}; wait for it") from None
    try:
        chunks = [c for c in missing_chunks(len(images), folder) if c.start // CHUNK % count == number]
        _check_space(folder, images, transform, sum(len(c) for c in chunks))
        _remove_leftovers(folder, chunks)
        written = 0
        with progress_bar(None, "labelling", "image", shown=progress, total=sum(len(c) for c in chunks)) as bar:
            for chunk in chunks:
                _label(model, transform, images, chunk, folder, device)
                written += len(chunk)
                bar.update(len(chunk))
    finally:
        lock.release()
    _seal(folder, images, about or {})
    return written


def missing_chunks(count: int, folder: Path) -> list[range]:
    """Chunks of `count` images that lack a label below `folder`; each is a range of indices.

    One that was cut off is done again as a whole, which gives the same files.
    """
    there = present(folder, count)
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    return [chunk for chunk in chunks if not there[chunk.start : chunk.stop].all()]


def _remove_leftovers(folder: Path, chunks: Sequence[range]) -> None:
    """Remove what killed processes left of these chunks, which nobody else writes now; each folder is listed once."""
    for here, there in groupby(chunks, key=lambda chunk: label_path(folder, chunk.start).parent):
        names = {label_path(folder, index).name for chunk in there for index in chunk}
        for leftover in here.glob(".*.tmp"):
            if leftover.name[1:].partition(".png.")[0] + ".png" in names:
                leftover.unlink(missing_ok=True)


def _check_space(folder: Path, images: ImageDataset, transform: InputTransform, count: int) -> None:
    """Say what disk the labels need before the first is written; an upper bound, as PNG only makes them smaller."""
    sample = [transform.size_for(record.size) for record in images.records[:: max(1, len(images) // 1000)]]
    need = int(np.mean([2 * h * w for h, w in sample]) * count) if sample else 0
    free = shutil.disk_usage(folder).free
    if count:
        print(f"pseudo-labels  {count} to write, at most {need / 1e6:.1f} MB of {free / 1e9:.0f} GB free -> {folder}")
    if need > free:
        raise UserError(
            f"{folder}: {count} labels may need {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; free some, or set "
            "data.pseudo_labels to another disk"
        )


def _label(
    model: nn.Module,
    transform: InputTransform,
    images: ImageDataset,
    chunk: range,
    folder: Path,
    device: torch.device | str,
) -> None:
    found = predict(model, images, chunk, transform=transform, device=device, batch_size=CHUNK)
    for index, prediction in zip(chunk, found, strict=True):
        if prediction.kind is not Kind.affine_inv_depth:
            raise UserError(f"the teacher predicts {prediction.kind.unit}: choose a relative one with data.teacher=...")
        values = prediction.levels[prediction.kind.value]
        if not np.isfinite(values).all():
            raise UserError(f"{prediction.id}: the teacher's prediction is not finite")
        write_label(label_path(folder, index), values)


def _seal(folder: Path, images: ImageDataset, about: dict[str, str]) -> None:
    """Write the manifest once all labels are there; shards that finish together write the same one."""
    if not (folder / MANIFEST).exists() and present(folder, len(images)).all():
        write_manifest(folder, images, about)
