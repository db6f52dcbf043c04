"""Images in files with depth that one function reads: the part that the readers of test sets share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.fingerprint import count_encodings
from depthrepro.data.io.images import read_rgb
from depthrepro.data.readers.checks import probe_images


@dataclass(frozen=True)
class DepthFile:
    """Files of one test image.

    Attributes:
        id: Unique, stable name.
        image: RGB image.
        depth: What the depth is read from.
    """

    id: str
    image: Path
    depth: Path


class DepthImages(DepthDataset):
    """Test images with dense ground truth.

    Args:
        name: Data set and part for people.
        items: The files, in order.
        read_depth: (item, (height, width) of its image) -> metres float32 (H, W); at or below 0 or not finite = none.
        expected: Number of images the set has; fewer are an error unless `allow_missing`.
        allow_missing: Go on with those that are there.

    Raises:
        UserError: If there are fewer images than expected, a file is missing, or an image is damaged.
    """

    def __init__(
        self,
        name: str,
        items: Sequence[DepthFile],
        read_depth: Callable[[DepthFile, tuple[int, int]], np.ndarray],
        expected: int,
        allow_missing: bool = False,
    ) -> None:
        self.name, self.expected, self.items, self.read_depth = name, expected, list(items), read_depth
        check_count(name, len(self.items), expected, allow_missing)
        absent = next((item for item in self.items if not item.depth.is_file()), None)
        if absent is not None:
            raise UserError(f"{absent.depth}: no such file, but {absent.image} is there; fetch it")
        probes = probe_images((item.image for item in self.items), name)
        self.records = [ImageRecord(item.id, probes[item.image].size) for item in self.items]
        self.encodings = count_encodings(probes.values())
        lines = (f"{i.id}|{probes[i.image].n_bytes}|{i.depth.stat().st_size}\n" for i in self.items)
        self.fingerprint = hashlib.sha256("".join([name, *lines]).encode()).hexdigest()

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`."""
        return read_rgb(self.items[index].image)

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Depth in metres of image `index`, 0 = none."""
        if ground_truth is not GroundTruth.dense:
            raise UserError(f"{self.name} has no ground truth '{ground_truth.value}': choose 'dense'")
        depth = self.read_depth(self.items[index], self.records[index].size)
        if depth.shape != self.records[index].size:
            raise UserError(f"{self.items[index].depth}: {depth.shape} pixels, unlike its image; fetch it again")
        return np.where(np.isfinite(depth) & (depth > 0), depth, 0.0).astype(np.float32)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `ground_truth` is the dense depth."""
        return ground_truth is GroundTruth.dense


def check_count(name: str, found: int, expected: int, allow_missing: bool) -> None:
    """Stop at no image, and at fewer than expected unless that is allowed.

    Raises:
        UserError: Naming both counts.
    """
    if found == 0:
        raise UserError(f"{name}: no image is there; check its root")
    if found < expected and not allow_missing:
        raise UserError(f"{name}: {found} of {expected} images are there; complete it, or set allow_missing: true")
