"""Rectified stereo pairs: their records, data sets and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from depthrepro.core.geometry import scale_K
from depthrepro.core.supervision import Supervision
from depthrepro.data.base import DataSplits, DepthDataset, ImageRecord
from depthrepro.data.io.images import mirror, read_rgb, read_sized


@dataclass(frozen=True)
class StereoRecord(ImageRecord):
    """One rectified stereo pair on disk.

    Attributes:
        left: File of the image whose depth is predicted.
        right: File of the other image of the pair.
        K: Camera matrix of `left` in pixels of the file, (3, 3) nested tuples; of a mirrored pair, after the flip.
        baseline_m: Distance between the two cameras in metres, > 0.
        mirrored: True where the pair is listed from the right camera's side: `left` holds the right camera's image,
            `right` the left camera's, and both are flipped horizontally when read, which gives a valid left/right pair.
        grey: True where colour images are read as grey ones, see `read_rgb`.
    """

    left: Path
    right: Path
    K: tuple[tuple[float, float, float], ...]
    baseline_m: float
    mirrored: bool = False
    grey: bool = False

    @property
    def focal_px(self) -> float:
        """Horizontal focal length in pixels at the file's width."""
        return self.K[0][0]


class StereoDataset(DepthDataset):
    """Rectified pairs with optional ground truth, for one split."""

    records: Sequence[StereoRecord]

    def read_image(self, index: int) -> np.ndarray:
        """The image of pair `index` whose depth is predicted; a mirrored record's is flipped."""
        record = self.records[index]
        image = read_sized(record.left, record.size, grey=record.grey)
        return mirror(image) if record.mirrored else image


@dataclass
class StereoSplits(DataSplits):
    """Rectified pairs to train and to test on."""

    supervision = Supervision.stereo

    train: StereoDataset
    val: StereoDataset
    test: StereoDataset


def read_pair(record: StereoRecord) -> tuple[np.ndarray, np.ndarray]:
    """Decode a pair at the files' size; a mirrored record's images are flipped.

    Returns:
        (left, right), uint8 (H, W, 3), RGB.

    Raises:
        UserError: If an image cannot be decoded.
    """
    left, right = (read_rgb(path, grey=record.grey) for path in (record.left, record.right))
    return (mirror(left), mirror(right)) if record.mirrored else (left, right)


def camera_tensors(record: StereoRecord, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """(K, focal_px, baseline_m) of a record for its image resized to `size` = (H, W)."""
    height, width = record.size
    scaled = scale_K(np.array(record.K), size[1] / width, size[0] / height)
    K = torch.from_numpy(scaled.astype(np.float32))
    return K, K[0, 0].clone(), torch.tensor(record.baseline_m)
