"""Images in LMDB environments, as LSUN is published: key -> an encoded image."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.packed_images import Entry, PackedImages, found_files

# A process may have an environment open only once.
_one_at_a_time = threading.RLock()


class LmdbImages(PackedImages):
    """Images in LMDB environments, each a folder with `data.mdb`; see `PackedImages`."""

    def _entries(self, path: Path) -> Iterator[Entry]:
        with _view(path) as view:
            for key, value in view.cursor():
                yield key.decode("utf-8", "surrogateescape"), io.BytesIO(value), 0, len(value)

    def _read(self, path: Path, name: bytes, place: int, size: int) -> bytes:
        # Opened each time, 0.1 ms: an open environment may not go along into a loader process.
        with _view(path) as view:
            return bytes(view.get(name) or b"")


@contextmanager
def _view(path: Path) -> Iterator[Any]:
    """A reading transaction."""
    try:
        import lmdb  # optional, for LSUN
    except ImportError:
        raise UserError(f"{path}: reading it needs lmdb; pip install lmdb") from None
    try:
        with (
            _one_at_a_time,
            lmdb.open(str(path), readonly=True, lock=False, readahead=False, max_readers=1) as environment,
            environment.begin() as view,
        ):
            yield view
    except lmdb.Error as error:
        raise UserError(f"{path}: no readable LMDB ({error}); fetch it again") from None


@optional_root
def lmdb_folders(root: Path, *, name: str | None = None, pattern: str = "*_lmdb", **options: Any) -> LmdbImages:
    """The images in a folder's LMDB environments.

    Args:
        root: The folder; None or "" gives no data set.
        name: For people; by default the folder's.
        pattern: Which environments.
        **options: `allow_damaged` and `cache_dir` of `PackedImages`.

    Raises:
        UserError: If the folder or its environments are missing, or as `PackedImages`.
    """
    files = found_files(root, f"{pattern}/data.mdb")
    return LmdbImages(name or root.name, root, [file.removesuffix("/data.mdb") for file in files], **options)
