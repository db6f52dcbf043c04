"""Training and validation items of a data set, whatever is learnt from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from depthrepro.data.base import DataSplits
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.classes import class_items
from depthrepro.data.items.frame_cache import FrameCache
from depthrepro.data.items.labelled import LabelledItems, RelativeAugment
from depthrepro.data.items.stereo import TrainingPairs
from depthrepro.data.items.student import StudentItems
from depthrepro.data.readers.classes import ClassSplits
from depthrepro.data.readers.labelled import LabelledSplits
from depthrepro.data.readers.student import StudentSplits
from depthrepro.data.stereo import StereoSplits

Items = tuple[Dataset[Any], Dataset[Any]]


def training_items(
    data: DataSplits, transform: InputTransform, augment: Any, seed: int, cache_dir: str | Path | None
) -> Items:
    """(training, validation) items, asked for by (epoch, index); validation items are never augmented.

    Args:
        data: The data set.
        transform: The network's input.
        augment: The configured augmentation; None = none.
        seed: Of the run.
        cache_dir: Folder for caches; None = the user's.
    """
    if isinstance(data, StereoSplits):
        size = transform.height, transform.width
        train, val = (FrameCache(split, size, cache_dir) for split in (data.train, data.val))
        return TrainingPairs(data.train, train, augment, seed), TrainingPairs(data.val, val, None, seed)
    if isinstance(data, LabelledSplits):
        augment = augment or RelativeAugment(flip=False)
        labelled = LabelledItems(
            data.train, transform, flip=augment.flip, jitter=augment.labelled, degrees=augment.degrees, seed=seed
        )
        validation = LabelledItems(data.val, transform, flip=None, jitter=None, seed=seed)
        if isinstance(data, StudentSplits):
            unlabelled = data.pseudo_labelled()
            return StudentItems(labelled, unlabelled, transform, augment, seed, data.epoch_images), validation
        return labelled, validation
    if isinstance(data, ClassSplits):
        flip = augment is not None and augment.flip
        classes = class_items(data, data.train, transform, cache_dir, flip=flip, seed=seed)
        return classes, class_items(data, data.val, transform, cache_dir)
    raise TypeError(f"no items are known for {type(data).__name__}")
