"""Resized frames on disk, so that no image is decoded inside the training loop."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.config.schema import default_cache_dir
from depthrepro.core.arrays import map_npy
from depthrepro.core.errors import UserError
from depthrepro.core.files import is_sealed, seal, to_disk
from depthrepro.core.progress import progress_bar
from depthrepro.data.cache import building
from depthrepro.data.fingerprint import local_cache_key
from depthrepro.data.io.images import mirror, read_rgb, resize_rgb
from depthrepro.data.stereo import StereoDataset

_SAY_BYTES = 1e9  # below it nobody needs to know
_CHUNK = 64  # pairs decoded ahead of the disk; bounds the memory
_FILES = ("left.npy", "right.npy")

FilePair = tuple[Path, Path, bool]  # left, right, whether they are read as grey


class FrameCache:
    """The pairs of a data set at one size, as two uint8 arrays (N, H, W, 3) that are mapped into memory.

    Built at the first use and kept under a name that depends on every file's size and time, so that a changed, added or
    removed image leads to a new cache; so does a frame that was damaged on the disk, which their digests tell. Several
    processes may ask at once: one builds, the others wait. A pair that is listed from both sides is stored once.

    Args:
        dataset: The pairs.
        size: (height, width) of the stored frames in pixels.
        cache_dir: Folder for caches; None = the user's.

    Raises:
        UserError: If an image is gone or cannot be decoded, or the disk has not enough space.
    """

    def __init__(self, dataset: StereoDataset, size: tuple[int, int], cache_dir: str | Path | None = None) -> None:
        height, width = (int(side) for side in size)
        self.size = (height, width)
        files = [(*((r.right, r.left) if r.mirrored else (r.left, r.right)), r.grey) for r in dataset.records]
        rows = {pair: row for row, pair in enumerate(dict.fromkeys(files))}
        self._items = [(rows[pair], record.mirrored) for pair, record in zip(files, dataset.records, strict=True)]
        self._arrays: tuple[np.ndarray, ...] | None = None
        slug = re.sub(r"[^a-z0-9]+", "-", dataset.name.lower()).strip("-")
        key = local_cache_key(dataset.records, self.size)[:16]
        folder = default_cache_dir(str(cache_dir) if cache_dir else None) / "frames"
        there = folder.glob(f"*-{height}x{width}-{key}")  # whatever the set was called when it was made
        self.folder = next(there, folder / f"{slug}-{height}x{width}-{key}")
        self._build(list(rows), dataset.name)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self._items)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapped arrays out: a loader process maps the files again instead of receiving their content."""
        return {**self.__dict__, "_arrays": None}

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The left and the right frame of pair `index`, uint8 (H, W, 3), RGB; the caller's own copies."""
        if self._arrays is None:
            self._arrays = tuple(map_npy(self.folder / name) for name in _FILES)
        row, mirrored = self._items[index]
        left, right = (np.array(frames[row]) for frames in self._arrays)
        return (mirror(right), mirror(left)) if mirrored else (left, right)

    def _build(self, files: list[FilePair], name: str) -> None:
        shape = (len(files), *self.size, 3)
        if not files or self._complete(shape):
            return
        with building(self.folder, name, "resizes the frames"):
            if not self._complete(shape):
                self._write(files, shape, name)

    def _write(self, files: list[FilePair], shape: tuple[int, ...], name: str) -> None:
        need = 2 * int(np.prod(shape))
        free = shutil.disk_usage(self.folder.parent).free
        if need > free:
            raise UserError(
                f"{self.folder.parent}: the resized frames of {name} need {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are "
                "free; delete old folders there, or set cache_dir or DEPTHREPRO_CACHE to another disk"
            )
        if need > _SAY_BYTES:
            print(f"{name}: the resized frames take {need / 1e9:.1f} GB in {self.folder}", file=sys.stderr)
        if self.folder.exists():
            print(f"{name}: the resized frames in {self.folder} are damaged and are made anew", file=sys.stderr)
        # Left by a process that was killed; whoever holds the lock may remove it.
        part = self.folder.with_name(f"{self.folder.name}.part")
        for stale in (part, self.folder):
            shutil.rmtree(stale, ignore_errors=True)
        part.mkdir()
        try:
            # Plain writes in order: a full disk is an error here, and a crash if the pages are mapped.
            with (part / _FILES[0]).open("wb") as left, (part / _FILES[1]).open("wb") as right:
                for file in (left, right):
                    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                for frames in progress_bar(self._resized(files), f"resizing {name}", "pair", total=len(files)):
                    left.write(frames[0])
                    right.write(frames[1])
            for path in (part / file for file in _FILES):
                to_disk(path)
                seal(path)
            part.rename(self.folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _resized(self, files: list[FilePair]) -> Iterator[tuple[bytes, bytes]]:
        def load(pair: FilePair) -> tuple[bytes, bytes]:
            *paths, grey = pair
            left, right = (resize_rgb(read_rgb(path, grey=grey), self.size).tobytes() for path in paths)
            return left, right

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(files), _CHUNK):
                yield from pool.map(load, files[start : start + _CHUNK])

    def _complete(self, shape: tuple[int, ...]) -> bool:
        files = [self.folder / name for name in _FILES]
        return all(is_sealed(path) and map_npy(path).shape == shape for path in files)
