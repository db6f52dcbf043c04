"""Items of a student: one labelled image and two unlabelled ones at a time, the unlabelled perturbed and mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.items.augment import augment_generator
from depthrepro.data.items.labelled import LabelledItems, Reader, RelativeAugment, cropped
from depthrepro.data.items.loader import ItemKey, to_tensor
from depthrepro.data.items.perturbation import cutmix_mask
from depthrepro.data.readers.pseudo_labels import PseudoLabelled

UNLABELLED = 2  # unlabelled images beside each labelled one


class StudentItems(Dataset[dict[str, Any]]):
    """Units of one labelled image and two unlabelled ones: batches keep the paper's ratio of 1 to 2 by themselves.

    The unlabelled images come in turn, over all epochs, each sweep over them in an order drawn from (seed, sweep);
    so do the labelled ones, to keep pace. An epoch is one sweep, or `epoch_images` of the unlabelled if those are
    fewer. The two unlabelled images of a unit are each other's partner in CutMix.

    Args:
        labelled: Labelled items.
        unlabelled: Images with pseudo-labels.
        transform: The network's input.
        augment: What is done to the images.
        seed: Of the run.
        epoch_images: Unlabelled images of an epoch at most; None = all.

    Source: Depth Anything (arXiv:2401.10891), sections 3.2 and 4: a ratio of 1:2; colour changes, blur and CutMix on
    the student's unlabelled input only. Differs: the partner in CutMix, which the paper does not name.
    """

    def __init__(
        self,
        labelled: LabelledItems,
        unlabelled: PseudoLabelled,
        transform: InputTransform,
        augment: RelativeAugment,
        seed: int,
        epoch_images: int | None = None,
    ) -> None:
        if len(unlabelled) < UNLABELLED:
            raise UserError(f"{unlabelled.name}: {len(unlabelled)} images; a student needs at least {UNLABELLED}")
        self.labelled, self.unlabelled, self.augment, self.seed = labelled, unlabelled, augment, seed
        self.units = min(len(unlabelled), epoch_images or len(unlabelled)) // UNLABELLED
        self.size = transform.height, transform.width
        self.read = Reader(unlabelled, transform)
        self._drawn: dict[int, tuple[int, np.ndarray]] = {}

    def __len__(self) -> int:
        """Number of units of an epoch."""
        return self.units

    def __getitem__(self, key: ItemKey) -> dict[str, Any]:
        """The labelled item's entries, and of the unlabelled, for n = 2.

        Returns:
            Beside `image`, `target`, `mask`, `id`: `unlabelled_image` uint8 (n, 3, H, W); `unlabelled_target` float32
            (n, 1, H, W): each image's own label; `partner_target`: its partner's; `inside` bool (n, 1, H, W): the
            box M outside which the partner was pasted, all True for an image that was not mixed.
        """
        epoch, unit = key
        generator = augment_generator(self.seed + 1, epoch, unit)
        chosen = self._unlabelled_indices(epoch, unit)
        items = [cropped(self.read(int(i)), self.size, self.augment.flip, generator) for i in chosen]
        perturb = self.augment.unlabelled
        images = [perturb(image, generator) if perturb else image for image, _, _ in items]
        targets = [torch.from_numpy(label)[None] for _, label, _ in items]
        mixed = [self._mixed(images[n], images[1 - n], generator) for n in range(UNLABELLED)]
        labelled = self.labelled[epoch, self._labelled_index(epoch, unit)]
        return {
            **labelled,
            "unlabelled_image": torch.stack([to_tensor(image) for image, _ in mixed]),
            "unlabelled_target": torch.stack(targets),
            "partner_target": torch.stack(targets[::-1]),
            "inside": torch.stack([inside for _, inside in mixed]),
        }

    def _unlabelled_indices(self, epoch: int, unit: int) -> np.ndarray:
        """The unlabelled images in turn, over all epochs, each sweep in its own order."""
        sweep, place = divmod(epoch * len(self) + unit, len(self.unlabelled) // UNLABELLED)
        return self._permutation((sweep, 1), len(self.unlabelled))[UNLABELLED * place :][:UNLABELLED]

    def _labelled_index(self, epoch: int, unit: int) -> int:
        """The labelled images in turn, over all epochs, each round in its own order."""
        count = len(self.labelled)
        turn, place = divmod(epoch * len(self) + unit, count)
        return int(self._permutation((turn, 2), count)[place])

    def _permutation(self, key: tuple[int, int], count: int) -> np.ndarray:
        """An order drawn from (seed, key); the last one of each kind is kept, as one of millions takes a second."""
        if self._drawn.get(key[1], (None,))[0] != key[0]:
            self._drawn[key[1]] = (key[0], np.random.default_rng((self.seed, *key)).permutation(count))
        return self._drawn[key[1]][1]

    def _mixed(
        self, image: np.ndarray, partner: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, torch.Tensor]:
        """The image, perhaps kept only inside a box M and replaced by its partner outside; and M."""
        inside = cutmix_mask(self.size, generator, area=self.augment.cutmix_area)
        if generator.random() >= self.augment.cutmix_share:
            return image, torch.ones_like(inside)
        return np.where(inside[0].numpy()[..., None], image, partner), inside
