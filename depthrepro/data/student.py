"""What a student sees: one labelled image and two unlabelled ones at a time, the unlabelled perturbed and mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from depthrepro.augment import augment_generator
from depthrepro.data.base import ImageDataset
from depthrepro.data.image_io import mirror
from depthrepro.data.loader import ItemKey, to_tensor
from depthrepro.data.pseudo_labels import PseudoLabelled
from depthrepro.data.relative import LabelledItems, LabelledSplits, Reader, RelativeAugment, crop, crop_corner
from depthrepro.errors import UserError
from depthrepro.files import sha256
from depthrepro.input_policy import InputPolicy
from depthrepro.perturb import cutmix_mask

UNLABELLED = 2  # unlabelled images beside each labelled one


class StudentItems(Dataset[dict[str, Any]]):
    """Units of one labelled image and two unlabelled ones: batches keep the paper's ratio of 1 to 2 by themselves.

    An epoch is one sweep over the unlabelled images, in an order drawn from (seed, epoch); the labelled ones are
    repeated, or thinned out, to keep pace. The two unlabelled images of a unit are each other's partner in CutMix.

    Args:
        labelled: Labelled items.
        unlabelled: Images with pseudo-labels.
        policy: The network's input.
        augment: What is done to the images.
        seed: Of the run.

    Source: Depth Anything (arXiv:2401.10891), sections 3.2 and 4: a ratio of 1:2; colour changes, blur and CutMix on
    the student's unlabelled input only. Differs: the partner in CutMix, which the paper does not name.
    """

    def __init__(
        self,
        labelled: LabelledItems,
        unlabelled: PseudoLabelled,
        policy: InputPolicy,
        augment: RelativeAugment,
        seed: int,
    ) -> None:
        if len(unlabelled) < UNLABELLED:
            raise UserError(f"{unlabelled.name}: {len(unlabelled)} images; a student needs at least {UNLABELLED}")
        self.labelled, self.unlabelled, self.augment, self.seed = labelled, unlabelled, augment, seed
        self.size = policy.height, policy.width
        self.read = Reader(unlabelled, policy)
        self._drawn: dict[int, tuple[int, np.ndarray]] = {}

    def __len__(self) -> int:
        """Number of units."""
        return len(self.unlabelled) // UNLABELLED

    def __getitem__(self, key: ItemKey) -> dict[str, Any]:
        """The labelled item's entries, and of the unlabelled, for n = 2.

        Returns:
            Beside `image`, `target`, `mask`, `id`: `unlabelled_image` uint8 (n, 3, H, W); `unlabelled_target` float32
            (n, 1, H, W): each image's own label; `partner_target`: its partner's; `inside` bool (n, 1, H, W): the
            box M outside which the partner was pasted, all True for an image that was not mixed.
        """
        epoch, unit = key
        generator = augment_generator(self.seed + 1, epoch, unit)
        items = [self._clean(int(i), generator) for i in self._order(epoch)[UNLABELLED * unit :][:UNLABELLED]]
        images = [self._perturbed(image, generator) for image, _ in items]
        targets = [torch.from_numpy(label)[None] for _, label in items]
        mixed = [self._mixed(images[n], images[1 - n], generator) for n in range(UNLABELLED)]
        labelled = self.labelled[epoch, self._labelled_index(epoch, unit)]
        return {
            **labelled,
            "unlabelled_image": torch.stack([to_tensor(image) for image, _ in mixed]),
            "unlabelled_target": torch.stack(targets),
            "partner_target": torch.stack(targets[::-1]),
            "inside": torch.stack([inside for _, inside in mixed]),
        }

    def _order(self, epoch: int) -> np.ndarray:
        return self._permutation((epoch, 1), len(self.unlabelled))

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

    def _clean(self, index: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A crop of the image and its label, perhaps mirrored."""
        image, label, _ = self.read(index)
        corner = crop_corner(label.shape, self.size, generator.random(2))
        flip = generator.random() < 0.5 and self.augment.flip
        image, label = crop(image, corner, self.size), crop(label, corner, self.size)
        if flip:
            image, label = mirror(image), mirror(label)
        return np.ascontiguousarray(image), np.ascontiguousarray(label)

    def _perturbed(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return image if self.augment.unlabelled is None else self.augment.unlabelled(image, generator)

    def _mixed(
        self, image: np.ndarray, partner: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, torch.Tensor]:
        """The image, perhaps kept only inside a box M and replaced by its partner outside; and M."""
        inside = cutmix_mask(self.size, generator, area=self.augment.cutmix_area)
        if generator.random() >= self.augment.cutmix_share:
            return image, torch.ones_like(inside)
        return np.where(inside[0].numpy()[..., None], image, partner), inside


@dataclass
class StudentSplits(LabelledSplits):
    """A teacher's labelled images, and unlabelled ones with its pseudo-labels.

    Attributes:
        unlabelled: The images.
        folder: Their labels.
        teacher: The checkpoint that makes the labels.
    """

    unlabelled: ImageDataset = field(kw_only=True)
    folder: Path = field(kw_only=True)
    teacher: Path = field(kw_only=True)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each part."""
        return {**super().counts, "unlabelled": len(self.unlabelled)}

    @property
    def fingerprint(self) -> str:
        """As without unlabelled images, over their labels too."""
        return self.digest(self.train.fingerprint, self.val.fingerprint, self.pseudo_labelled().fingerprint)

    def pseudo_labelled(self) -> PseudoLabelled:
        """The unlabelled images with their labels.

        Raises:
            UserError: If there are none yet.
        """
        return PseudoLabelled(self.unlabelled, self.folder)

    def training_items(
        self, policy: InputPolicy, augment: RelativeAugment, seed: int, cache_dir: Any
    ) -> tuple[Dataset[Any], Dataset[Any]]:
        """Units for training, labelled images for validation."""
        train = LabelledItems(self.train, policy, flip=augment.flip, jitter=augment.labelled, seed=seed)
        units = StudentItems(train, self.pseudo_labelled(), policy, augment, seed)
        return units, LabelledItems(self.val, policy, flip=None, jitter=None, seed=seed)


def student_data(
    labelled: LabelledSplits,
    unlabelled: Mapping[str, ImageDataset | None],
    teacher: str,
    pseudo_labels: str = "pseudo_labels",
    base: str = ".",
) -> StudentSplits:
    """A student's data.

    Args:
        labelled: The teacher's labelled images.
        unlabelled: Sets of images by name; None where no folder is given.
        teacher: The teacher's checkpoint.
        pseudo_labels: Folder that holds, or will hold, the labels: one folder below it for each teacher and image set.
        base: What `teacher` and `pseudo_labels` are relative to.

    Raises:
        UserError: If there is no unlabelled set, or the teacher's checkpoint is missing.
    """
    from depthrepro.data.concat import concat_images

    found = {name: images for name, images in unlabelled.items() if images is not None}
    missing = [f"{name} is left out: no folder is given for it" for name in unlabelled if name not in found]
    if not found:
        raise UserError("data.unlabelled: no set of images is given: set the root of one")
    images = concat_images(found)
    weights = Path(base) / Path(teacher).expanduser()
    folder = Path(base) / pseudo_labels / f"{teacher_digest(weights)}-{images.fingerprint[:12]}"
    name = f"{labelled.name}, unlabelled {' + '.join(found)}"
    return StudentSplits(
        name,
        labelled.embedded,
        labelled.train,
        labelled.val,
        None,
        labelled.notes + missing,
        unlabelled=images,
        folder=folder,
        teacher=weights,
    )


def teacher_digest(checkpoint: Path) -> str:
    """12 hex digits over a checkpoint file.

    Raises:
        UserError: If it is missing.
    """
    if not checkpoint.is_file():
        raise UserError(
            f"{checkpoint}: no teacher yet; train one (python -m depthrepro.train +experiment=da_teacher, with the "
            "same seed) or name another with data.teacher=..."
        )
    return sha256(checkpoint)[:12]
