"""Stereo pairs as the training sees them: resized, cached and augmented."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from depthrepro.data.base import Sample
from depthrepro.data.items.augment import StereoAugment, augment_generator
from depthrepro.data.items.frame_cache import FrameCache
from depthrepro.data.items.loader import ItemKey, to_tensor
from depthrepro.data.stereo import StereoDataset, camera_tensors


class TrainingPairs(Dataset[Sample]):
    """Resized, augmented stereo pairs; items are asked for by (epoch, index), so that workers need no state.

    Args:
        dataset: The pairs.
        cache: Their resized frames.
        augment: Applied to each pair with a generator drawn from (seed, epoch, index); None for validation.
        seed: Of the run.
    """

    def __init__(self, dataset: StereoDataset, cache: FrameCache, augment: StereoAugment | None, seed: int) -> None:
        self.dataset, self.cache, self.augment, self.seed = dataset, cache, augment, seed

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.dataset)

    def __getitem__(self, key: ItemKey) -> Sample:
        """The pair `index` as it is seen in `epoch`."""
        epoch, index = key
        record = self.dataset.records[index]
        left, right = self.cache.pair(index)
        K, _, baseline_m = camera_tensors(record, left.shape[:2])
        if self.augment is not None:
            rng = augment_generator(self.seed, epoch, index)
            left, right, K_array = self.augment(left, right, K.numpy(), rng)
            K = torch.as_tensor(np.asarray(K_array), dtype=torch.float32)
        return Sample(
            image=to_tensor(left),
            image_right=to_tensor(right),
            K=K,
            focal_px=K[0, 0].clone(),
            baseline_m=baseline_m,
            id=record.id,
        )
