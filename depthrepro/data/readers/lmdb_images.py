"""Images in LMDB environments, as LSUN is published: key -> an encoded image.

The library maps an environment into memory: a file that is cut off then ends the process by a signal, a damaged page by
an assertion. The pages are walked here, with every place compared with the file's size.

Format: LMDB 0.9 on 64-bit little-endian machines (lmdb.h, mdb.c): two meta pages, then a B+ tree of pages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.packed_images import Entry, PackedImages, found_files

DATA = "data.mdb"
# Of a meta page after its header: magic, version, address, size; twice pad, flags, depth, three counts of pages,
# entries, root (of the free pages, whose pad is the page size; of the data); last page, transaction.
_META = struct.Struct("<2I2Q" + 2 * "IHH5Q" + "2Q")
_MAGIC = (0xBEEFC0DE, 1)
_HEADER = struct.Struct("<Q4H")  # of a page: number, padding, flags, end of the nodes' places, end of the free space
_NODE = struct.Struct("<4H")  # low and high half of a size or page number, flags or more of that number, key's size
_BRANCH, _LEAF, _BIG = 1, 2, 1  # flags of pages; of a node whose value has pages of its own
_EMPTY = 2**64 - 1


class LmdbImages(PackedImages):
    """Images in LMDB environments, each a folder with `data.mdb`; see `PackedImages`."""

    def _data_file(self, path: Path) -> Path:
        return path / DATA

    def _entries(self, path: Path) -> Iterator[Entry]:
        with (path / DATA).open("rb") as file:
            for key, place, size in _Tree(file).values():
                yield key.decode("utf-8", "surrogateescape"), file, place, size


class _Tree:
    """The values of an environment's main database.

    Args:
        file: The environment's data.

    Raises:
        ValueError: Here and from `values`, if it is damaged or something else; struct.error likewise.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.size, self.page_size = file, file.seek(0, 2), 0
        metas = [self._meta(0)]
        self.page_size = metas[0][4]
        metas.append(self._meta(self.page_size))
        self.flags, self.depth, *_, self.entries, self.root, self.last, _ = max(metas, key=lambda m: m[-1])[13:]
        self.seen = 0

    def _meta(self, start: int) -> tuple[int, ...]:
        self.file.seek(start + _HEADER.size)
        values = _META.unpack(self.file.read(_META.size))
        if values[:2] != _MAGIC:
            raise ValueError("no LMDB environment of version 0.9")
        return values

    def values(self) -> Iterator[tuple[bytes, int, int]]:
        """(key, first byte, number of bytes) of every value, by the order of the keys."""
        if self.flags:
            raise ValueError("a database of several values to a key, where images are expected")
        count = 0
        for value in self._below(self.root, self.depth) if self.root != _EMPTY else ():
            count += 1
            yield value
        if count != self.entries:
            raise ValueError(f"{count} of {self.entries} entries are there")

    def _below(self, number: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
        self.seen += 1
        if depth < 1 or self.seen > self.last:
            raise ValueError("its pages go round in circles")
        page, start = self._page(number), number * self.page_size
        _, _, kind, end, _ = _HEADER.unpack_from(page)
        for (at,) in struct.iter_unpack("<H", page[_HEADER.size : end]):
            low, high, flags, key_size = _NODE.unpack_from(page, at)
            value = at + _NODE.size + key_size
            if kind & _BRANCH:
                yield from self._below(low | high << 16 | flags << 32, depth - 1)
            elif kind & _LEAF and flags in (0, _BIG):
                place, size = start + value, low | high << 16
                if flags == _BIG:
                    (first,) = struct.unpack_from("<Q", page, value)
                    place = first * self.page_size + _HEADER.size
                if place + size > self.size:
                    raise ValueError(f"cut off: a value ends at byte {place + size} of {self.size}")
                yield page[at + _NODE.size : value], place, size
            else:
                raise ValueError(f"page {number} holds no images")

    def _page(self, number: int) -> bytes:
        if (number + 1) * self.page_size > self.size:
            raise ValueError(f"cut off: page {number} ends beyond its {self.size} bytes")
        self.file.seek(number * self.page_size)
        return self.file.read(self.page_size)


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
    files = found_files(root, f"{pattern}/{DATA}")
    return LmdbImages(name or root.name, root, [file.removesuffix(f"/{DATA}") for file in files], **options)
