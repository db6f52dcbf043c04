"""How cost grows with the number of images: indexes, an epoch's order, labelling, resuming, the manifest.

    python -m experiments.performance.scale               # 10³, 10⁴ and 10⁵ images: some minutes
    python -m experiments.performance.scale 1000000       # that number alone: a quarter of an hour

Tiny images (32×24) are made for it, and the teacher returns at once, so that what is measured is everything around it.
Each size has a process of its own, so that its memory is its own. Times are the clock's; nothing else should run.
"""

from __future__ import annotations

import io
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import torch
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.loader import EpochBatches
from depthrepro.data.readers.image_folder import ImageFiles, image_folder
from depthrepro.data.readers.pseudo_labels import MANIFEST, label_path, read_manifest, write_manifest
from depthrepro.data.readers.tar_shards import tar_shards
from depthrepro.inference.labelling import label_images, missing_chunks
from experiments.performance.lines import Line, show

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000
HEIGHT, WIDTH = 24, 32
PROCESSES = 2  # that label together, as shard=1/2 and shard=2/2 of the program
_LINKS = 20_000  # names of one file; file systems bound them
_PER_SHARD = 10_000
# What is measured, in the order of the table.
WORKS = {
    "index_folder": "index of a folder, made",
    "index_folder_again": "the same, read again",
    "index_shards": "index of tar shards, made",
    "index_shards_again": "the same, read again",
    "epoch": "an epoch's order",
    "labelling": "labelling around a network that returns at once, two processes",
    "resume": "finding where to resume",
    "manifest_write": "manifest, written",
    "manifest_read": "manifest, read",
}


class AtOnce(nn.Module):
    """A teacher that takes no time: the mean of the colours."""

    kind = Kind.affine_inv_depth
    levels = (Kind.affine_inv_depth.value,)

    def forward(self, image: Tensor, levels: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Its one map, (B, 1, H, W)."""
        return {self.levels[0]: image.mean(1, keepdim=True)}


def jpeg(number: int) -> bytes:
    """A tiny photograph of noise."""
    pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def write_folder(folder: Path, count: int) -> None:
    """`count` names of a few files, a thousand in a folder."""
    for i in range(count):
        place = folder / f"{i // 1000:05d}"
        if i % 1000 == 0:
            place.mkdir(parents=True)
        if i % _LINKS == 0:
            first = place / f"{i:08d}.jpg"
            first.write_bytes(jpeg(i))
        else:
            os.link(first, place / f"{i:08d}.jpg")


def write_shards(folder: Path, count: int) -> None:
    """Tar files of ten thousand images."""
    folder.mkdir()
    for start in range(0, count, _PER_SHARD):
        data = jpeg(start)
        with tarfile.open(folder / f"{start // _PER_SHARD:05d}.tar", "w") as shard:
            for i in range(start, min(start + _PER_SHARD, count)):
                member = tarfile.TarInfo(f"{i:08d}.jpg")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))


def label_shard(images: ImageFiles, folder: Path, number: int) -> int:
    """What one of the processes labels; the last one seals the folder."""
    torch.set_num_threads(1)
    return label_images(
        AtOnce(), InputTransform(HEIGHT, WIDTH), images, folder, shard=(number, PROCESSES), progress=False
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and its seconds."""
    begin = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begin


def measure(count: int) -> dict[str, float]:
    """Seconds of every work with so many images, and the memory that the indexes take."""
    process, seconds = psutil.Process(), dict[str, float]()
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name), f"{name}/cache"
        write_folder(folder / "images", count)
        write_shards(folder / "shards", count)
        before = process.memory_info().rss
        images, seconds["index_folder"] = timed(lambda: image_folder(folder / "images", cache_dir=cache))
        _, seconds["index_folder_again"] = timed(lambda: image_folder(folder / "images", cache_dir=cache))
        shards, seconds["index_shards"] = timed(lambda: tar_shards(folder / "shards", cache_dir=cache))
        _, seconds["index_shards_again"] = timed(lambda: tar_shards(folder / "shards", cache_dir=cache))
        assert len(images) == len(shards) == count
        _, seconds["epoch"] = timed(lambda: sum(1 for _ in EpochBatches(count, batch_size=8, seed=0)))
        labels = folder / "labels"
        with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("fork")) as pool:
            work = partial(label_shard, images, labels)
            written, seconds["labelling"] = timed(lambda: sum(pool.map(work, range(PROCESSES))))
        assert written == count
        (labels / MANIFEST).unlink()
        _, seconds["manifest_write"] = timed(lambda: write_manifest(labels, images, {}))
        _, seconds["manifest_read"] = timed(lambda: read_manifest(labels))
        label_path(labels, count - 1).unlink()
        missing, seconds["resume"] = timed(lambda: missing_chunks(count, labels))
        assert len(missing) == 1
        seconds["memory_mb"] = (process.memory_info().rss - before) / 1e6
    return seconds


def in_own_process(count: int) -> dict[str, float]:
    """`measure` in a process of its own, so that memory is that of this number of images."""
    command = [sys.executable, "-m", "experiments.performance.scale", "--measure", str(count)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    return found


def exponent(seconds: Mapping[int, float]) -> float:
    """Slope of log seconds over log images between the two largest numbers: 1 = linear."""
    if len(seconds) == 1:
        return math.nan
    (few, short), (many, long) = sorted(seconds.items())[-2:]
    return math.log(long / short) / math.log(many / few)


def lines(sizes: Sequence[int] = SIZES) -> list[Line]:
    """Seconds by number of images, and the growth between the two largest."""
    found = {count: in_own_process(count) for count in sizes}
    largest = max(sizes)
    table = []
    for key, what in WORKS.items():
        seconds = {count: each[key] for count, each in found.items()}
        text = ", ".join(f"{value:.3g} s" for value in seconds.values())
        slope = exponent(seconds)
        must, holds = "linear", None if math.isnan(slope) else slope < 1.2
        if key == "labelling":
            rate = largest / seconds[largest]
            text, must, holds = f"{text}: {rate:.0f} images/s", "≥ 2,000 images/s", rate >= 2000
        if key == "resume":
            million = seconds[largest] * MILLION / largest
            text, must, holds = f"{text}: {million:.1f} s at 10⁶", "≤ 5 s at 10⁶", million <= 5
        table.append(Line(what, text, "", "" if math.isnan(slope) else f"images^{slope:.2f}", must, holds))
    memory = found[largest]["memory_mb"] * MILLION / largest
    text = f"{found[largest]['memory_mb']:.0f} MB: {memory:.0f} MB at 10⁶"
    return [*table, Line("memory of all that", text, "", "", "≤ 1 GB at 10⁶", memory <= 1000)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        show(lines([int(word) for word in sys.argv[1:]] or SIZES))
