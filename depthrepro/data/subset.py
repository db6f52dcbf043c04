"""Some of the images of a data set, as a data set of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from depthrepro.data.base import ClassDataset, ImageDataset, ImageRecord, LabelledDataset

SetT = TypeVar("SetT", bound=ImageDataset)


class Subset(ImageDataset, Generic[SetT]):
    """Chosen images of a data set.

    Args:
        whole: The data set.
        indices: The chosen images.
        part: Name of the choice, such as "train".
    """

    def __init__(self, whole: SetT, indices: Sequence[int], part: str) -> None:
        self.whole, self.indices = whole, list(indices)
        self.name, self.encodings, self.synthetic = f"{whole.name} {part}", whole.encodings, whole.synthetic
        self.records: Sequence[ImageRecord] = [whole.records[i] for i in self.indices]
        self.fingerprint = f"{whole.fingerprint}/{part}/{len(self.indices)}"

    def read_image(self, index: int) -> np.ndarray:
        """Image `index` of the subset."""
        return self.whole.read_image(self.indices[index])


class LabelledSubset(Subset[LabelledDataset], LabelledDataset):
    """Chosen images with labels to learn depth from; arguments as `Subset`."""

    def __init__(self, whole: LabelledDataset, indices: Sequence[int], part: str) -> None:
        super().__init__(whole, indices, part)
        self.scattered = whole.scattered

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Label `index` of the subset."""
        return self.whole.read_label(self.indices[index])


class ClassSubset(Subset[ClassDataset], ClassDataset):
    """Chosen images with classes; arguments as `Subset`."""

    def __init__(self, whole: ClassDataset, indices: Sequence[int], part: str) -> None:
        super().__init__(whole, indices, part)
        self.classes, self.labels = whole.classes, [whole.labels[i] for i in self.indices]


def held_out(count: int, every: int) -> tuple[list[int], list[int]]:
    """(kept, held out) indices of `count` images: every `every`-th is held out to choose checkpoints with."""
    chosen = range(every - 1, count, every)
    return sorted(set(range(count)) - set(chosen)), list(chosen)
