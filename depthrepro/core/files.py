"""Files that are either whole or absent, whenever the process ends."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Give a name beside `path` to write to; when the block ends without an error, sync it to disk and rename it.

    Without `sync` a power cut may leave a file of zeros: for files that are checked, and synced, before they count.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path):
            yield beside
            if sync:
                to_disk(beside)
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error that tells of a full disk say which file was being written."""
    try:
        yield
    except BaseException as error:
        full = full_disk(error)
        if full is not None and full.filename is None:
            full.filename = str(path)
        raise


def full_disk(error: BaseException | None) -> OSError | None:
    """The error among those that led to `error` that tells of a full disk or a quota; torch hides it below its own."""
    while error is not None and not (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        error = error.__cause__ or error.__context__
    return error


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left beside `path`, which nobody else writes now."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until a file's content is on the disk: a name may get there first, and a power cut then leaves zeros."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def all_to_disk() -> None:
    """Wait until all that was written is on the disk, where the system can tell."""
    getattr(os, "sync", lambda: None)()


def seal(path: Path) -> None:
    """Keep a file's digest beside it; see `is_sealed`."""
    write_atomic(_seal(path), sha256(path))


def is_sealed(path: Path) -> bool:
    """Whether a cached file is there and still has the content it was sealed with."""
    try:
        return _seal(path).read_bytes() == sha256(path).encode()
    except OSError:
        return False


def _seal(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomic(path: Path, text: str) -> None:
    """Write text beside and rename: a reader sees the old file or the new one, never half of one."""
    with replacing(path) as beside:
        # The bytes of a file's name that are no UTF-8 stand as \udcXX, which JSON reads back as the same name.
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """`write_atomic` of indented JSON."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
