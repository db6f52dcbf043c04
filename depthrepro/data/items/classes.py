"""Images with classes as a classifier learns from them, with a depth map beside each where that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Dataset

from depthrepro.core.supervision import Supervision
from depthrepro.data.base import ClassDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.io.images import mirror
from depthrepro.data.items.augment import augment_generator
from depthrepro.data.items.labelled import Reader
from depthrepro.data.items.loader import ItemKey, to_tensor
from depthrepro.data.readers.classes import ClassSplits


class ClassItems(Dataset[dict[str, Any]]):
    """Resized images with their classes, by (epoch, index).

    Args:
        dataset: The images.
        transform: Their size.
        flip: Whether half of them are mirrored.
        seed: Of the run.
        maps: Depth maps of that size, uint8 (N, H, W), or None.
    """

    def __init__(
        self, dataset: ClassDataset, transform: InputTransform, *, flip: bool, seed: int, maps: np.ndarray | None
    ) -> None:
        self.dataset, self.flip, self.seed, self.maps = dataset, flip, seed, maps
        self.read = Reader(dataset, transform)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.dataset)

    def __getitem__(self, key: ItemKey) -> dict[str, Any]:
        """`image` uint8 (3, H, W), `depth` uint8 (1, H, W) where there are maps, `label` int64 and `id`."""
        epoch, index = key
        image = self.read(index)[0]
        turned = self.flip and augment_generator(self.seed, epoch, index).random() < 0.5
        item = {
            "image": to_tensor(mirror(image) if turned else image),
            "label": torch.tensor(self.dataset.labels[index]),
            "id": self.dataset.records[index].id,
        }
        if self.maps is not None:
            depth = np.array(self.maps[index])
            item["depth"] = torch.from_numpy(mirror(depth) if turned else depth)[None]
        return item


@dataclass(frozen=True)
class ClassAugment:
    """Changes of the training images; `augment` in the configuration.

    Attributes:
        fits: Data that it is for.
        flip: Whether half of them are mirrored.
    """

    fits: ClassVar[tuple[Supervision, ...]] = (Supervision.classes,)
    flip: bool = True


def class_items(
    data: ClassSplits,
    part: ClassDataset,
    transform: InputTransform,
    cache_dir: Any,
    *,
    flip: bool = False,
    seed: int = 0,
) -> ClassItems:
    """Items of one part of `data` at the network's size, with depth maps where the data has a source of them."""
    size = transform.height, transform.width
    maps = None if data.depth is None else data.depth.maps(part, size, cache_dir)
    return ClassItems(part, transform, flip=flip, seed=seed, maps=maps)
