"""Caches of what was read: one process makes one, the others wait."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from depthrepro.core.errors import UserError


@contextmanager
def building(target: Path, title: str, doing: str) -> Iterator[None]:
    """Hold a lock between processes while a cache is made; say so if another process has it first.

    Args:
        target: The cache's file or folder; the lock lies beside it.
        title: Of the data set, for people.
        doing: What is being done, such as "lists the images".

    Raises:
        UserError: If the cache cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_name(f"{target.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"{title}: waiting for another process that {doing}", file=sys.stderr)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        raise UserError(
            f"{target}: the cache of {title} cannot be written ({error.strerror or error}); set cache_dir or "
            "DEPTHREPRO_CACHE to another disk"
        ) from None
