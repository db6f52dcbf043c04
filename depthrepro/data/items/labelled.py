"""Labelled images for relative depth: resized, cropped, flipped, and jittered where that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from depthrepro.core.errors import UserError
from depthrepro.core.supervision import Supervision
from depthrepro.data.base import ImageDataset, LabelledDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.io.images import mirror
from depthrepro.data.items.augment import augment_generator
from depthrepro.data.items.loader import ItemKey, to_tensor
from depthrepro.data.items.perturbation import Perturbation

MEMORY_BYTES = 1e9  # resized images kept in memory; what does not fit is read again

ImageChange = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # of an image, uint8 (h, w, 3)


class Reader:
    """Images, and labels where there are any, at the network's size; kept in memory while there is room.

    Args:
        dataset: What is read.
        transform: The size.
    """

    def __init__(self, dataset: ImageDataset, transform: InputTransform) -> None:
        self.dataset, self.transform = dataset, transform
        self._kept: dict[int, tuple[np.ndarray, ...]] = {}
        self._bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        """A loader process begins with an empty memory."""
        return {**self.__dict__, "_kept": {}, "_bytes": 0}

    def __call__(self, index: int) -> tuple[np.ndarray, ...]:
        """(image,) or (image, label, mask) of item `index`; not to be written to."""
        found = self._kept.get(index)
        if found is None:
            found = self._read(index)
            size = sum(array.nbytes for array in found)
            if self._bytes + size <= MEMORY_BYTES:
                self._kept[index], self._bytes = found, self._bytes + size
        return found

    def _read(self, index: int) -> tuple[np.ndarray, ...]:
        image = self.transform.resize(self.dataset.read_image(index))
        if not isinstance(self.dataset, LabelledDataset):
            return (image,)
        label, mask = self.dataset.read_label(index)
        height, width = image.shape[:2]
        if self.dataset.scattered:
            return image, *gather(label, mask, (height, width))
        # Nearest: neither depth edges nor the border of the unknown may be blended.
        label, known = (
            cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            for values in (label.astype(np.float32), mask.astype(np.uint8))
        )
        return image, label, known > 0


def gather(label: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Scattered depth on a coarser grid: each cell has the nearest depth that falls into it.

    Sampling every so-many-th pixel instead would lose most of a lidar's points.

    Args:
        label: Metres, (H, W).
        mask: True where known, (H, W).
        size: (height, width) of the grid.

    Returns:
        Depth, float32, and where it is known, bool; both of `size`.
    """
    rows, columns = np.nonzero(mask)
    cells = (rows * size[0] // label.shape[0]) * size[1] + columns * size[1] // label.shape[1]
    flat = np.full(size[0] * size[1], np.inf, dtype=np.float32)
    np.minimum.at(flat, cells, label[rows, columns].astype(np.float32))
    nearest = flat.reshape(size)
    known = np.isfinite(nearest)
    return np.where(known, nearest, np.float32(0)), known


def cropped(
    arrays: Sequence[np.ndarray], size: tuple[int, int], flip: bool | None, generator: np.random.Generator
) -> list[np.ndarray]:
    """The same part of an image and its maps, (H, W[, C]), of `size` and at a drawn place.

    Args:
        arrays: Image and maps of one height and width.
        size: (height, width) of the part.
        flip: Whether half of the parts are mirrored; None = the part in the centre, nothing changed.
        generator: Source of place and flip, which are drawn whatever is wanted.
    """
    place, flip_draw = generator.random(2), generator.random()
    place = place if flip is not None else np.array([0.5, 0.5])
    top, left = (int(place[axis] * (arrays[0].shape[axis] - size[axis] + 1)) for axis in (0, 1))
    parts = [array[top : top + size[0], left : left + size[1]] for array in arrays]
    return [mirror(part) if flip and flip_draw < 0.5 else np.ascontiguousarray(part) for part in parts]


class LabelledItems(Dataset[dict[str, Any]]):
    """Crops of labelled images, by (epoch, index).

    Args:
        dataset: Images and labels.
        transform: The network's input; crops are transform.height × transform.width.
        flip: Whether half of the crops are mirrored; None for validation: crops from the centre, nothing changed.
        jitter: Change of colours and sharpness; None = none, as the paper.
        degrees: Largest rotation, either way; what it brings in from outside is black and unknown.
        seed: Of the run.
    """

    def __init__(
        self,
        dataset: LabelledDataset,
        transform: InputTransform,
        *,
        flip: bool | None,
        jitter: ImageChange | None,
        degrees: float = 0.0,
        seed: int,
    ) -> None:
        self.dataset, self.flip, self.jitter, self.degrees, self.seed = dataset, flip, jitter, degrees, seed
        self.size = transform.height, transform.width
        self.read = Reader(dataset, transform)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.dataset)

    def __getitem__(self, key: ItemKey) -> dict[str, Any]:
        """`image` uint8 (3, H, W), `target` float32 (1, H, W), `mask` bool (1, H, W) and `id`."""
        epoch, index = key
        generator = augment_generator(self.seed, epoch, index)
        image, label, mask = cropped(self.read(index), self.size, self.flip, generator)
        if self.degrees:
            image, label, mask = rotated(image, label, mask, self.degrees * generator.uniform(-1, 1))
        if self.jitter is not None:
            image = self.jitter(image, generator)
        return {
            "image": to_tensor(image),
            "target": torch.from_numpy(label)[None],
            "mask": torch.from_numpy(mask)[None],
            "id": self.dataset.records[index].id,
        }


def rotated(
    image: np.ndarray, label: np.ndarray, mask: np.ndarray, degrees: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three, turned about the image's centre, anticlockwise; black and unknown where nothing was."""
    height, width = label.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)

    def warp(array: np.ndarray, flags: int) -> np.ndarray:
        return cv2.warpAffine(array, turn, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT)

    known = warp(mask.astype(np.uint8), cv2.INTER_NEAREST) > 0
    return warp(image, cv2.INTER_LINEAR), warp(label, cv2.INTER_NEAREST), known


@dataclass(frozen=True)
class RelativeAugment:
    """Changes of the training images; `augment` in the configuration.

    Attributes:
        fits: Data that it is for.
        flip: Whether half of the crops are mirrored.
        labelled: Change of labelled images; None = none, as the paper.
        degrees: Largest rotation of labelled images, either way.
        unlabelled: Change of the student's unlabelled images; None = none.
        cutmix_share: Share of the student's unlabelled images that are mixed with another one; the paper: 0.5.
        cutmix_area: Range of the box's share of the image.
    """

    fits: ClassVar[tuple[Supervision, ...]] = (Supervision.relative, Supervision.metric)
    flip: bool = True
    labelled: ImageChange | None = None
    degrees: float = 0.0
    unlabelled: Perturbation | None = None
    cutmix_share: float = 0.0
    cutmix_area: tuple[float, float] = (0.1, 0.5)

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.degrees <= 180:
            raise UserError(f"augment.degrees must be from 0 to 180, got {self.degrees}")
        if not 0 <= self.cutmix_share <= 1:
            raise UserError(f"augment.cutmix_share must be from 0 to 1, got {self.cutmix_share}")
        if not 0 < self.cutmix_area[0] <= self.cutmix_area[1] < 1:
            raise UserError(f"augment.cutmix_area needs 0 < low <= high < 1, got {list(self.cutmix_area)}")
