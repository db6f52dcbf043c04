"""Index of many images: sizes and encodings, read once and kept in the cache.

62 million images take hours, so an index is kept as it grows, in parts, and a start that was stopped goes on where it
was. The second start of a run opens no image.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from depthrepro.config.schema import default_cache_dir
from depthrepro.core.arrays import read_npz
from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
from depthrepro.core.progress import progress_bar
from depthrepro.data.cache import building
from depthrepro.data.io.photo_probe import Probe
from depthrepro.data.readers.image_records import Names

# `place` is where an image begins in the file that holds it; a damaged image has no size and no format.
ROW = np.dtype([("height", "<i4"), ("width", "<i4"), ("bytes", "<i8"), ("place", "<i8"), ("format", "S8")])

_PART = 1 << 16  # images that are kept at a time
_BATCH = 128  # images that a thread probes at a time
_WORTH_A_BAR = 5000
_THREADS = 8

Damaged = dict[int, str]  # index -> what is wrong
Arrays = dict[str, Any]  # name -> np.ndarray


class Part(NamedTuple):
    """A part of an index, as it is kept in one file.

    Attributes:
        rows: What is known of each image, (N,) of `ROW`.
        damaged: Images that cannot be read.
        further: Other arrays, by name.
    """

    rows: np.ndarray
    damaged: Damaged
    further: Arrays


def sizes_of(rows: np.ndarray) -> np.ndarray:
    """(N, 2) heights and widths, int32."""
    return np.stack([rows["height"], rows["width"]], axis=1)


def count_formats(rows: np.ndarray) -> dict[str, int]:
    """Number of images in each format, the commonest first."""
    formats, counts = np.unique(rows["format"], return_counts=True)
    return {formats[i].decode(): int(counts[i]) for i in np.argsort(-counts, kind="stable")}


def load_index(
    title: str,
    source: Path,
    names: Names,
    probe: Callable[[str], Probe],
    cache_dir: str | None,
    allow_damaged: bool,
) -> tuple[Names, np.ndarray, Path]:
    """Index of the images: read from the cache, else probed and kept there.

    Args:
        title: For people.
        source: What the names belong to; with them it keys the index.
        names: Images, in order.
        probe: Finds out about one; raises `UserError` if it is damaged.
        cache_dir: Folder of caches; None = the user's.
        allow_damaged: Leave damaged ones out and say how many.

    Returns:
        Of the images that can be read: names; what is known of each, (N,) of `ROW`; and where that is kept.

    Raises:
        UserError: If an image is damaged and none may be, or all are, or the cache cannot be written.
    """
    folder = index_file(cache_dir, names.digest("images 3", str(source.resolve())).hexdigest())
    starts = range(0, len(names), _PART)
    kept_parts = [read_part(folder / f"{start:09d}.npz") for start in starts]
    parts = [part for part in kept_parts if part is not None and not part.damaged]
    if len(parts) < len(starts):
        with listing(folder, title):
            parts = list(_probe_parts(title, folder, names, probe, allow_damaged))
    rows, damaged = joined(parts)
    report_damaged(title, damaged, len(rows), allow_damaged)
    kept = rows["height"] > 0
    return names.kept(kept), rows[kept], folder


def joined(parts: Sequence[Part]) -> tuple[np.ndarray, Damaged]:
    """Rows and damaged images of several parts, numbered through."""
    starts = accumulate((len(part.rows) for part in parts), initial=0)
    damaged = {start + i: text for start, part in zip(starts, parts, strict=False) for i, text in part.damaged.items()}
    return np.concatenate([part.rows for part in parts]), damaged


def report_damaged(title: str, damaged: Damaged, total: int, allow_damaged: bool) -> None:
    """Say what is left out.

    Raises:
        UserError: If nothing may be left out, or nothing is left.
    """
    if not damaged:
        return
    count, first = f"{len(damaged)} of {total} images", damaged[min(damaged)]
    if not allow_damaged or len(damaged) == total:
        how_to_fix = "" if allow_damaged else "; or leave such images out with allow_damaged=true"
        raise UserError(f"{title}: {count} cannot be read, first: {first}{how_to_fix}")
    print(f"{title}: {count} cannot be read and are left out, first: {first}")


def index_file(cache_dir: str | None, key: str) -> Path:
    """Where an index with this key is kept."""
    return default_cache_dir(cache_dir) / "image_index" / key[:16]


def read_part(file: Path) -> Part | None:
    """A part that is kept; None if it is absent or not whole."""
    try:
        arrays = read_npz(file)
        damaged = {int(i): text for i, text in json.loads(str(arrays.pop("damaged"))).items()}
        return Part(arrays.pop("rows"), damaged, arrays)
    except (OSError, ValueError, KeyError):
        return None


def write_part(file: Path, part: Part) -> None:
    """Keep a part."""
    with replacing(file) as beside, beside.open("wb") as stream:
        np.savez(stream, rows=part.rows, damaged=np.array(json.dumps(part.damaged)), **part.further)


@contextmanager
def listing(index: Path, title: str) -> Iterator[None]:
    """`building` of an index, without Pillow's remarks on odd but harmless metadata."""
    # The filter is set here, as threads cannot change filters safely.
    with building(index, title, "lists the images"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _probe_parts(
    title: str, folder: Path, names: Names, probe: Callable[[str], Probe], allow_damaged: bool
) -> Iterator[Part]:
    """Every part: as kept, but damaged images are probed again, since they may have been fetched again."""
    shown = len(names) >= _WORTH_A_BAR
    with (
        ThreadPoolExecutor(_THREADS) as pool,  # on a network disk each file waits
        progress_bar(None, f"listing {title}", "image", shown=shown, total=len(names)) as bar,
    ):
        try:
            for start in range(0, len(names), _PART):
                file, count = folder / f"{start:09d}.npz", min(_PART, len(names) - start)
                part = read_part(file) or Part(np.zeros(count, ROW), dict.fromkeys(range(count), ""), {})
                todo = sorted(part.damaged)
                bar.update(count - len(todo))
                batches = [todo[i : i + _BATCH] for i in range(0, len(todo), _BATCH)]
                for probed in pool.map(partial(_probe_batch, part, names, start, probe), batches):
                    bar.update(probed)
                if todo:
                    write_part(file, part)
                if not allow_damaged:
                    report_damaged(title, part.damaged, count, allow_damaged)
                yield part
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _probe_batch(part: Part, names: Names, start: int, probe: Callable[[str], Probe], batch: Sequence[int]) -> int:
    """Fill some of a part's rows, or say what is wrong with the images; how many they are."""
    for index in batch:
        try:
            found = probe(names[start + index])
        except UserError as error:
            part.damaged[index] = str(error)
        else:
            part.damaged.pop(index, None)
            part.rows[index] = (found.height, found.width, found.bytes, 0, found.format.encode())
    return len(batch)
