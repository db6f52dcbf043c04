"""Data sets: images and, where there are any, depth, labels to learn from, a right image."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypedDict

import numpy as np
from torch import Tensor

from depthrepro.core.protocol import GroundTruth
from depthrepro.core.supervision import Supervision


class Sample(TypedDict, total=False):
    """One training or test item; a batch adds a leading dimension B to every tensor.

    Attributes:
        image: Left image, RGB in [0, 1], (3, H, W).
        image_right: Right image of the rectified pair, like `image`.
        depth_gt: Depth in metres along the optical axis, 0 = none, (1, H_gt, W_gt).
        mask: True where `depth_gt` is valid, (1, H_gt, W_gt), bool.
        K: Pinhole camera matrix in pixels of `image`, (3, 3).
        focal_px: Horizontal focal length in pixels of `image`, scalar.
        baseline_m: Distance between the cameras in metres, scalar.
        id: Unique name of the item within its data set.
    """

    image: Tensor
    image_right: Tensor
    depth_gt: Tensor
    mask: Tensor
    K: Tensor
    focal_px: Tensor
    baseline_m: Tensor
    id: str


@dataclass(frozen=True)
class ImageRecord:
    """One image, listed but not yet read.

    Attributes:
        id: Unique, stable name, safe to print; "/" separates its parts.
        size: (height, width) in pixels as it is read: after a rotation that the file asks for.
    """

    id: str
    size: tuple[int, int]


class ImageDataset(ABC):
    """Images one by one: all that prediction, pseudo-labels and a student need.

    Attributes:
        name: Data set and part for people, such as "KITTI raw eigen_test".
        records: The images, in order.
        fingerprint: Hex digest of ids and what the files' sizes tell, of a synthetic set's name and settings; the same
            on every machine.
        encodings: How many images are stored in each encoding, such as {"png": 400} or {"jpeg q95": 400}.
        synthetic: True for synthetic images; tables must say so.
    """

    name: str
    records: Sequence[ImageRecord]
    fingerprint: str
    encodings: dict[str, int]
    synthetic: bool = False

    def __len__(self) -> int:
        """Number of images."""
        return len(self.records)

    @abstractmethod
    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, RGB uint8 (H, W, 3), of the record's size.

        Raises:
            UserError: If it cannot be read or has another size; the message names the file.
        """


class DepthDataset(ImageDataset):
    """Images with ground-truth depth to be scored against.

    Attributes:
        expected: Number of images the split names; `len(records)` is lower only if missing files were allowed.
        learnt_from: The ground truth that is learnt from, where the set is for learning metric depth.
    """

    expected: int
    learnt_from: GroundTruth | None = None

    @abstractmethod
    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Ground-truth depth of image `index`.

        Returns:
            Float32 array (H, W) at the file's size, metres along the optical axis, 0 = none.

        Raises:
            UserError: If the data set has no such ground truth for this image.
        """

    @abstractmethod
    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `depth_gt` can answer for this image (KITTI 2012 has it for one frame of two)."""


class LabelledDataset(ImageDataset):
    """Images with labels to learn depth from, whatever the labels were made by.

    Attributes:
        scattered: Whether labels are known at scattered pixels only, as a lidar's.
    """

    scattered: bool = False

    @abstractmethod
    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Inverse depth up to scale and shift of image `index` (metres in a set for metric depth), and where known.

        Returns:
            Float32 (H, W), large where near, in [0, 1] over the known pixels: 0 = farthest, which the sky is where it
            is known to be sky; and bool (H, W), True = known. A label may be smaller or larger than its image, but
            covers the same field of view.

        Raises:
            UserError: If it cannot be read; the message names the file.
        """


class ClassDataset(ImageDataset):
    """Images of one part of a data set, each of one class.

    Attributes:
        classes: Names of the classes; a label is an index into them. The same for every part of a data set.
        labels: Each image's class, in the order of `records`.
    """

    classes: Sequence[str]
    labels: Sequence[int]


@dataclass
class DataSplits:
    """A data set as an experiment uses it.

    Attributes:
        name: For people and captions, such as "KITTI raw" or "streets (synthetic)".
        synthetic: True for synthetic data; tables must say so.
        train: Images to learn from.
        val: Images to choose checkpoints with; never the test images.
        test: Images to report on, with depth or classes; None where the configuration's `tests` name them.
        supervision: What is learnt from them.
        notes: Lines to print at the start of a run (nominal calibration, missing files, synthetic data).
    """

    supervision: ClassVar[Supervision]
    name: str
    synthetic: bool
    train: ImageDataset
    val: ImageDataset
    test: ImageDataset | None
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each part."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: len(part) for name, part in parts.items() if part is not None}

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits over the parts' fingerprints."""
        return self.digest(*(part.fingerprint for part in (self.train, self.val, self.test) if part is not None))

    @staticmethod
    def digest(*fingerprints: str) -> str:
        """One short fingerprint of several."""
        return hashlib.sha256("".join(fingerprints).encode()).hexdigest()[:12]
