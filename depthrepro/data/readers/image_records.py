"""Names and sizes of millions of images in a few arrays, which loader processes share instead of copying."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from depthrepro.data.base import ImageRecord

# File names are bytes; those that are no UTF-8 come back as they were.
_CODEC = ("utf-8", "surrogateescape")


class Names(Sequence[str]):
    """Strings in one array of bytes: a tenth of what a list of 13 million strings takes, and no object for each.

    Args:
        text: The names in UTF-8, each with a newline after it, uint8.
        ends: Where each one ends in `text`, after its newline, int64.
    """

    def __init__(self, text: np.ndarray, ends: np.ndarray) -> None:
        self.text, self.ends = text, ends

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Keep the names of an iterable, which need not be in memory as a whole."""
        text, ends = bytearray(), array("q")
        for name in names:
            text += name.encode(*_CODEC)
            text += b"\n"
            ends.append(len(text))
        return cls(np.frombuffer(text, np.uint8), np.frombuffer(ends, np.int64))

    def __len__(self) -> int:
        """Number of names."""
        return len(self.ends)

    def __getitem__(self, index: Any) -> Any:
        """One name, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.raw(index).decode(*_CODEC)

    def raw(self, index: int) -> bytes:
        """One name as bytes."""
        index = range(len(self))[index]
        start = int(self.ends[index - 1]) if index else 0
        return self.text[start : int(self.ends[index]) - 1].tobytes()

    def kept(self, mask: np.ndarray) -> Names:
        """The names where `mask`, bool (N,), is true."""
        return self if mask.all() else Names.of(self[int(i)] for i in np.flatnonzero(mask))

    def digest(self, *before: str) -> hashlib._Hash:
        """SHA-256 over further strings and the names, a newline between each two."""
        digest = hashlib.sha256("".join(f"{line}\n" for line in before).encode(*_CODEC))
        digest.update(self.text[:-1].data)
        return digest


class JoinedNames(Sequence[str]):
    """Names from several files; each begins with its file's.

    Args:
        prefixes: What the names of each part begin with.
        parts: The names of each file.
    """

    def __init__(self, prefixes: Sequence[str], parts: Sequence[Names]) -> None:
        self.prefixes, self.parts = prefixes, parts
        self._ends = np.array(list(accumulate(len(part) for part in parts)), dtype=np.int64)

    def locate(self, index: int) -> tuple[int, int]:
        """(number of the part, index within it)."""
        index = range(len(self))[index]
        number = int(np.searchsorted(self._ends, index, side="right"))
        return number, index - (int(self._ends[number - 1]) if number else 0)

    def __len__(self) -> int:
        """Number of names."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: Any) -> Any:
        """One name, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number, within = self.locate(index)
        return f"{self.prefixes[number]}/{self.parts[number][within]}"


class SizedRecords(Sequence[ImageRecord]):
    """Records made as they are asked for.

    Args:
        names: The ids.
        sizes: (N, 2) heights and widths.
    """

    def __init__(self, names: Sequence[str], sizes: np.ndarray) -> None:
        self.names, self.sizes = names, sizes

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    def __getitem__(self, index: Any) -> Any:
        """One record, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return ImageRecord(self.names[index], (int(self.sizes[index, 0]), int(self.sizes[index, 1])))
