"""What is known of each of many images, read from their headers once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from depthrepro.errors import UserError
from depthrepro.files import replacing
from depthrepro.progress import progress_bar

_BATCH = 256

Probe = tuple[int, int, str, int]  # height, width, format, bytes
Index = tuple[list[str], np.ndarray, list[str], np.ndarray]  # names, sizes (N, 2), formats, bytes (N,)


def load_index(
    title: str,
    source: Path,
    names: Sequence[str],
    probe: Callable[[str], Probe],
    cache_dir: str | None,
    allow_damaged: bool,
) -> Index:
    """What is known of each image: read from the cache, else probed and kept there.

    Args:
        title: For people.
        source: What the names belong to; with them it keys the index.
        names: Images, in order.
        probe: Finds out about one; raises `UserError` if it is damaged.
        cache_dir: Folder of caches; None = the user's.
        allow_damaged: Leave damaged ones out and say how many.
    """
    from depthrepro.config import default_cache_dir

    key = hashlib.sha256("\n".join([str(source.resolve()), *names]).encode()).hexdigest()[:16]
    file = default_cache_dir(cache_dir) / "image_index" / f"{key}.npz"
    found = _read_index(file)
    if found is None:
        found = _probe_all(title, names, probe, allow_damaged)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as beside, beside.open("wb") as stream:
            np.savez(stream, about=json.dumps([found[0], found[2]]), sizes=found[1], bytes=found[3])
    return found


def _read_index(file: Path) -> Index | None:
    try:
        with np.load(file, allow_pickle=False) as kept:
            names, formats = json.loads(str(kept["about"]))
            return names, kept["sizes"], formats, kept["bytes"]
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _probe_all(title: str, names: Sequence[str], probe: Callable[[str], Probe], allow_damaged: bool) -> Index:
    """Probe every image in threads, since on a network disk each file waits."""
    damaged: list[str] = []

    def attempt(name: str) -> Probe | None:
        try:
            return probe(name)
        except UserError as error:
            if not allow_damaged:
                raise
            damaged.append(str(error))
            return None

    batches = [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]
    found: list[tuple[str, Probe]] = []
    with (
        ThreadPoolExecutor(8) as pool,
        progress_bar(None, f"listing {title}", "image", shown=len(names) >= 5000, total=len(names)) as bar,
    ):
        try:
            for batch, probed in zip(batches, pool.map(lambda b: [attempt(n) for n in b], batches), strict=True):
                found += [(name, result) for name, result in zip(batch, probed, strict=True) if result is not None]
                bar.update(len(batch))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if damaged:
        print(f"{title}: {len(damaged)} of {len(names)} images are left out, first: {sorted(damaged)[0]}")
    if not found:
        raise UserError(f"{title}: none of {len(names)} images can be read")
    sizes = np.array([probe[:2] for _, probe in found], dtype=np.int32)
    bytes_ = np.array([probe[3] for _, probe in found], dtype=np.int64)
    return [name for name, _ in found], sizes, [probe[2] for _, probe in found], bytes_
