"""What every stereo data set hands over: records, splits, and samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from depthrepro.evaluation.protocol import GroundTruth
from depthrepro.geometry import scale_K


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
class StereoRecord:
    """One rectified stereo pair on disk.

    Attributes:
        id: Unique, stable name, safe to print; "/" separates its parts.
        left: File of the image whose depth is predicted.
        right: File of the other image of the pair.
        size: (height, width) of the files in pixels.
        K: Camera matrix of `left` in pixels of the file, (3, 3) nested tuples; of a mirrored pair, after the flip.
        baseline_m: Distance between the two cameras in metres, > 0.
        mirrored: True where the pair is listed from the right camera's side: `left` holds the right camera's image,
            `right` the left camera's, and both are flipped horizontally when read, which gives a valid left/right pair.
    """

    id: str
    left: Path
    right: Path
    size: tuple[int, int]
    K: tuple[tuple[float, float, float], ...]
    baseline_m: float
    mirrored: bool = False

    @property
    def focal_px(self) -> float:
        """Horizontal focal length in pixels at the file's width."""
        return self.K[0][0]


class StereoDataset(ABC):
    """Rectified pairs with optional ground truth: what readers return, for one split.

    Attributes:
        name: Data set and split for people, such as "KITTI raw eigen_test".
        records: The pairs, in the split's order.
        expected: Number of pairs the split names; `len(records)` is lower only if missing files were allowed.
        fingerprint: Hex digest of ids, file sizes, encodings and calibration; the same on every machine.
        encodings: How many images are stored in each encoding, such as {"png": 400} or {"jpeg q95": 400}.
    """

    name: str
    records: Sequence[StereoRecord]
    expected: int
    fingerprint: str
    encodings: dict[str, int]

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.records)

    @abstractmethod
    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Ground-truth depth of pair `index`.

        Returns:
            Float32 array (H, W) at the file's size, metres along the optical axis, 0 = none.

        Raises:
            UserError: If the data set has no such ground truth for this pair.
        """

    @abstractmethod
    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `depth_gt` can answer for this pair (KITTI 2012 has it for one frame of two)."""


@dataclass
class DataSplits:
    """A data set as an experiment uses it.

    Attributes:
        name: For people and captions, such as "KITTI raw" or "streets (embedded)".
        embedded: True for rendered data; tables must say so.
        train: Pairs to learn from.
        val: Pairs to choose checkpoints with; never the test pairs.
        test: Pairs to report on.
        notes: Lines to print at the start of a run (nominal calibration, missing files, embedded data).
    """

    name: str
    embedded: bool
    train: StereoDataset
    val: StereoDataset
    test: StereoDataset
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits over the three splits' fingerprints."""
        import hashlib

        joined = "".join(s.fingerprint for s in (self.train, self.val, self.test))
        return hashlib.sha256(joined.encode()).hexdigest()[:12]


def camera_tensors(record: StereoRecord, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """(K, focal_px, baseline_m) of a record for its image resized to `size` = (H, W)."""
    height, width = record.size
    scaled = scale_K(np.array(record.K), size[1] / width, size[0] / height)
    K = torch.from_numpy(scaled.astype(np.float32))
    return K, K[0, 0].clone(), torch.tensor(record.baseline_m)
