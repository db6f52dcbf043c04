"""Several data sets as one; an id begins with the name of its set."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np

from depthrepro.core.protocol import GroundTruth
from depthrepro.data.base import ImageDataset, LabelledDataset
from depthrepro.data.stereo import StereoDataset

SetT = TypeVar("SetT", bound=ImageDataset)
T = TypeVar("T")


class Lazy(Sequence[T]):
    """Entries made as they are asked for: sixty million of them need not exist at once."""

    @abstractmethod
    def at(self, index: int) -> T:
        """Entry `index`, from 0."""

    def __getitem__(self, index: Any) -> Any:
        """One entry, or a list of them for a slice."""
        chosen = range(len(self))[index]
        return self.at(chosen) if isinstance(chosen, int) else [self.at(i) for i in chosen]


class Joined(Lazy[T]):
    """Entries of several sequences, one sequence after the other; each entry begins with its sequence's prefix.

    Args:
        prefixes: One for each sequence.
        parts: The sequences.
    """

    def __init__(self, prefixes: Sequence[str], parts: Sequence[Sequence[T]]) -> None:
        self.prefixes, self.parts = prefixes, parts
        self._ends = list(accumulate(len(part) for part in parts))

    @abstractmethod
    def prefixed(self, prefix: str, entry: T) -> T:
        """An entry with its prefix."""

    def locate(self, index: int) -> tuple[int, int]:
        """(number of the sequence, index within it)."""
        number = bisect_right(self._ends, index)
        return number, index - (self._ends[number - 1] if number else 0)

    def __len__(self) -> int:
        """Number of entries."""
        return self._ends[-1] if self._ends else 0

    def at(self, index: int) -> T:
        """Entry `index`, from 0."""
        number, within = self.locate(index)
        return self.prefixed(self.prefixes[number], self.parts[number][within])


class ConcatImages(ImageDataset, Generic[SetT]):
    """Images of several sets, one set after the other.

    Args:
        parts: The sets by name, in order.
    """

    def __init__(self, parts: Mapping[str, SetT]) -> None:
        self.parts = list(parts.values())
        self.name = " + ".join(parts)
        self.records = self._joined = _Records(list(parts), [part.records for part in self.parts])
        self.synthetic = any(part.synthetic for part in self.parts)
        self.encodings = dict(sum((Counter(part.encodings) for part in self.parts), Counter()).most_common())
        text = "\n".join(f"{name} {part.fingerprint}" for name, part in parts.items())
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def locate(self, index: int) -> tuple[SetT, int]:
        """The set that holds image `index`, and its index there."""
        number, within = self._joined.locate(index)
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


class ConcatPairs(ConcatImages[StereoDataset], StereoDataset):
    """Stereo pairs of several sets."""

    def __init__(self, parts: Mapping[str, StereoDataset]) -> None:
        super().__init__(parts)
        self.expected = sum(part.expected for part in self.parts)

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Depth of pair `index`."""
        part, within = self.locate(index)
        return part.depth_gt(within, ground_truth)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether pair `index` has it."""
        part, within = self.locate(index)
        return part.has_depth(within, ground_truth)


class _Records(Joined[Any]):
    def prefixed(self, prefix: str, entry: Any) -> Any:
        return replace(entry, id=f"{prefix}/{entry.id}")
