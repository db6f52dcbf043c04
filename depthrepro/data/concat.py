"""Several data sets as one; an id begins with the name of its set."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np

from depthrepro.data.base import ImageDataset, ImageRecord, LabelledDataset

SetT = TypeVar("SetT", bound=ImageDataset)


class ConcatImages(ImageDataset, Generic[SetT]):
    """Images of several sets, one set after the other.

    Args:
        parts: The sets by name, in order.
    """

    def __init__(self, parts: Mapping[str, SetT]) -> None:
        self.parts = list(parts.values())
        self.name = " + ".join(parts)
        self._list = _Records(parts)
        self.records = self._list
        self.synthetic = any(part.synthetic for part in self.parts)
        self.encodings = dict(sum((Counter(part.encodings) for part in self.parts), Counter()).most_common())
        text = "\n".join(f"{name} {part.fingerprint}" for name, part in parts.items())
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def locate(self, index: int) -> tuple[SetT, int]:
        """The set that holds image `index`, and its index there."""
        number, within = self._list.locate(index)
        return self.parts[number], within

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`."""
        part, within = self.locate(index)
        return part.read_image(within)


class ConcatLabelled(ConcatImages[LabelledDataset], LabelledDataset):
    """Labelled images of several sets."""

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Label of image `index`."""
        part, within = self.locate(index)
        return part.read_label(within)


class _Records(Sequence[ImageRecord]):
    """Records of several sets, made as they are asked for: sixty million of them need not exist at once."""

    def __init__(self, parts: Mapping[str, ImageDataset]) -> None:
        self._names, self._parts = list(parts), [part.records for part in parts.values()]
        self._ends = list(accumulate(len(part) for part in self._parts))

    def locate(self, index: int) -> tuple[int, int]:
        """(number of the set, index within it)."""
        index = range(len(self))[index]
        number = bisect_right(self._ends, index)
        return number, index - (self._ends[number - 1] if number else 0)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number, within = self.locate(index)
        record = self._parts[number][within]
        return ImageRecord(f"{self._names[number]}/{record.id}", record.size)


def concat_images(parts: Mapping[str, ImageDataset]) -> ImageDataset:
    """Sets of images as one.

    Args:
        parts: The sets by name, in order; at least one.
    """
    return ConcatImages(parts)


def concat_labelled(parts: Mapping[str, LabelledDataset]) -> LabelledDataset:
    """Labelled sets as one.

    Args:
        parts: The sets by name, in order; at least one.
    """
    return ConcatLabelled(parts)
