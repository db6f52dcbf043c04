"""Images with classes as a classifier learns from them, with a depth map beside each where that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from depthrepro.augment import augment_generator
from depthrepro.data.base import ClassDataset, DataSplits
from depthrepro.data.image_io import mirror
from depthrepro.data.loader import ItemKey, to_tensor
from depthrepro.data.places import class_images
from depthrepro.data.relative import Reader
from depthrepro.errors import UserError
from depthrepro.input_policy import InputPolicy


class DepthSource(Protocol):
    """Makes depth maps of images."""

    def maps(self, dataset: ClassDataset, size: tuple[int, int], cache_dir: Path | str | None) -> np.ndarray:
        """Uint8 (N, height, width), 255 = nearest of its image, 0 = farthest."""


class Chosen(ClassDataset):
    """Some of the images of a data set, under a name of their own."""

    def __init__(self, whole: ClassDataset, indices: Sequence[int], part: str) -> None:
        self.whole, self.indices = whole, list(indices)
        self.name, self.encodings, self.embedded = f"{whole.name}, {part}", whole.encodings, whole.embedded
        self.records = [whole.records[i] for i in indices]
        self.classes, self.labels = whole.classes, [whole.labels[i] for i in indices]
        self.fingerprint = f"{whole.fingerprint}/{part}/{len(self.indices)}"

    def read_image(self, index: int) -> np.ndarray:
        """Image `index` of the part."""
        return self.whole.read_image(self.indices[index])


class ClassItems(Dataset[dict[str, Any]]):
    """Resized images with their classes, by (epoch, index).

    Args:
        dataset: The images.
        policy: Their size.
        flip: Whether half of them are mirrored.
        seed: Of the run.
        maps: Depth maps of that size, uint8 (N, H, W), or None.
    """

    def __init__(
        self, dataset: ClassDataset, policy: InputPolicy, *, flip: bool, seed: int, maps: np.ndarray | None
    ) -> None:
        self.dataset, self.flip, self.seed, self.maps = dataset, flip, seed, maps
        self.read = Reader(dataset, policy)

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
    """What is done to the training images; `augment` in the configuration.

    Attributes:
        flip: Whether half of them are mirrored.
    """

    flip: bool = True


@dataclass
class ClassSplits(DataSplits):
    """Images to learn classes from, to choose checkpoints with, and to report on.

    Attributes:
        depth: Makes the depth maps that go beside the images; None = there are none.
    """

    train: ClassDataset
    val: ClassDataset
    test: ClassDataset
    depth: DepthSource | None = None

    def training_items(
        self, policy: InputPolicy, augment: ClassAugment, seed: int, cache_dir: Any
    ) -> tuple[ClassItems, ClassItems]:
        """See `DataSplits.training_items`."""
        return (
            self.items(self.train, policy, cache_dir, flip=augment.flip, seed=seed),
            self.items(self.val, policy, cache_dir),
        )

    def items(
        self, part: ClassDataset, policy: InputPolicy, cache_dir: Any, *, flip: bool = False, seed: int = 0
    ) -> ClassItems:
        """One part's items at the network's size."""
        size = policy.height, policy.width
        maps = None if self.depth is None else self.depth.maps(part, size, cache_dir)
        return ClassItems(part, policy, flip=flip, seed=seed, maps=maps)


def class_data(
    root: str | None,
    classes: int | None = None,
    val_every: int = 10,
    depth: DepthSource | None = None,
    world: dict[str, int] | None = None,
    cache_dir: str | None = None,
) -> ClassSplits:
    """A data set with classes as an experiment uses it; without a root, the embedded places.

    The official part "val" is what is reported on, since MiniPlaces' test labels are not public; checkpoints are chosen
    on training images that are held out.

    Args:
        root: Folder in one of the layouts of `places.class_images`, or None.
        classes: Number of classes that the network has; None = any.
        val_every: Every so-many-th training image is held out to choose the best checkpoint.
        depth: Makes depth maps.
        world: `train_images` and `val_images` of the embedded places; needed without a root.
        cache_dir: Where rendered worlds are kept; None = the user's cache.

    Raises:
        UserError: As `places.class_images`, if the parts overlap or have another number of classes, or if there is
            neither a root nor a world.
    """
    notes = []
    learnt: ClassDataset
    test: ClassDataset
    if root:
        learnt, test = class_images(root, "train"), class_images(root, "val")
        both = {r.id for r in learnt.records} & {r.id for r in test.records}
        if both:
            raise UserError(f"{learnt.name} and {test.name} share {len(both)} images, first: {min(both)}")
    else:
        from depthrepro.data.embedded import places

        if world is None:
            raise UserError("data.root: no folder is given, and data.world tells no numbers of images to render")
        learnt, test = (places(part, **world, cache_dir=cache_dir) for part in ("train", "val"))
        notes.append("MINIPLACES is not set: using the embedded, rendered places")
    if classes not in (None, len(learnt.classes)):
        raise UserError(f"{learnt.name} has {len(learnt.classes)} classes, the network {classes}: set model.classes")
    held_out = list(range(val_every - 1, len(learnt), val_every))
    kept = sorted(set(range(len(learnt))) - set(held_out))
    name = learnt.name.removesuffix(" train")
    return ClassSplits(
        name, not root, Chosen(learnt, kept, "learnt"), Chosen(learnt, held_out, "held out"), test, notes, depth
    )
