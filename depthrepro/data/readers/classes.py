"""Images with classes, divided for an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.supervision import Supervision
from depthrepro.data.base import ClassDataset, DataSplits
from depthrepro.data.readers.places import class_images
from depthrepro.data.readers.synthetic import places
from depthrepro.data.subset import ClassSubset, held_out


class DepthSource(Protocol):
    """Makes depth maps of images."""

    def maps(self, dataset: ClassDataset, size: tuple[int, int], cache_dir: Path | str | None) -> np.ndarray:
        """Uint8 (N, height, width), 255 = nearest of its image, 0 = farthest."""


@dataclass
class ClassSplits(DataSplits):
    """Images to learn classes from, to choose checkpoints with, and to report on.

    Attributes:
        depth: Makes the depth maps that go beside the images; None = there are none.
    """

    supervision = Supervision.classes
    train: ClassDataset
    val: ClassDataset
    test: ClassDataset
    depth: DepthSource | None = None


def class_data(
    root: str | None,
    classes: int | None = None,
    val_every: int = 10,
    depth: DepthSource | None = None,
    synthetic: dict[str, int] | None = None,
    cache_dir: str | None = None,
) -> ClassSplits:
    """A data set with classes as an experiment uses it; without a root, the synthetic places.

    The official part "val" is what is reported on, since MiniPlaces' test labels are not public; checkpoints are chosen
    on training images that are held out.

    Args:
        root: Folder in one of the layouts of `places.class_images`, or None.
        classes: Number of classes that the network has; None = any.
        val_every: Every so-many-th training image is held out to choose the best checkpoint.
        depth: Makes depth maps.
        synthetic: `train_images` and `val_images` of the synthetic places; needed without a root.
        cache_dir: Where synthetic data is kept; None = the user's cache.

    Raises:
        UserError: As `places.class_images`, if the parts overlap or have another number of classes, or if there is
            neither a root nor settings of the synthetic places.
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
        if synthetic is None:
            raise UserError("data.root: no folder is given, and data.synthetic tells no numbers of images to render")
        learnt, test = (places(part, **synthetic, cache_dir=cache_dir) for part in ("train", "val"))
        notes.append("MINIPLACES is not set: using the synthetic places")
    if classes not in (None, len(learnt.classes)):
        raise UserError(f"{learnt.name} has {len(learnt.classes)} classes, the network {classes}: set model.classes")
    kept, chosen_with = held_out(len(learnt), val_every)
    name = learnt.name.removesuffix(" train")
    return ClassSplits(
        name,
        not root,
        ClassSubset(learnt, kept, "learnt"),
        ClassSubset(learnt, chosen_with, "held out"),
        test,
        notes,
        depth,
    )
