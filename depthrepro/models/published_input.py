"""From an image to the input of a published network, and from its map back to the image's size, as its authors do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from depthrepro.data.input_transform import InputTransform


@dataclass(frozen=True)
class PublishedInput(InputTransform):
    """Common part; the sizes are those that the weights were published with.

    Attributes:
        height: See `InputTransform`, as the others.
    """

    height: int = 518
    width: int = 518
    multiple: int = 14
    keep_aspect: bool = True
    interpolation: str = "cubic"

    def as_dict(self) -> dict[str, Any]:
        """The class too: what was computed in another way is not taken for the same."""
        return {"way": type(self).__name__, **super().as_dict()}


@dataclass(frozen=True)
class OfficialInput(PublishedInput):
    """Depth Anything: the cubic kernel on colours in [0, 1], which may leave that range and stay there.

    Attributes:
        corners: Whether the corners are aligned when the map gets the image's size: V2 does, V1 does not.

    Source: V1's `run.py` and V2's `infer_image`.
    """

    corners: bool = False

    def resize(self, image: np.ndarray) -> np.ndarray:
        """The image, uint8 (H, W, 3), at `size_for` its size, float32; what has been resized stays as it is."""
        if image.dtype != np.uint8:
            return image
        height, width = self.size_for((image.shape[0], image.shape[1]))
        return cv2.resize(image.astype(np.float32) / 255, (width, height), interpolation=cv2.INTER_CUBIC)

    def restore(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A map, float32 (h, w), at the image's size (H, W)."""
        return _interpolated(values[..., None], size, "bilinear", align_corners=self.corners)[..., 0]


@dataclass(frozen=True)
class OfficialMetricInput(PublishedInput):
    """Depth Anything V1 in metres: one size for all images; corners aligned on both ways.

    Source: V1's `metric_depth`, in its `eval` configuration.
    """

    height: int = 392
    keep_aspect: bool = False
    interpolation: str = "bilinear"

    def resize(self, image: np.ndarray) -> np.ndarray:
        """As `OfficialInput.resize`."""
        if image.dtype != np.uint8:
            return image
        return _interpolated(image.astype(np.float32) / 255, (self.height, self.width), "bilinear", align_corners=True)

    def restore(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A map, float32 (h, w), at the image's size (H, W)."""
        return _interpolated(values[..., None], size, "bilinear", align_corners=True)[..., 0]


@dataclass(frozen=True)
class HuggingFaceInput(PublishedInput):
    """Depth Anything under Hugging Face's names: of the two scales the one nearer to 1; cubic and smoothed, in bytes.

    Source: `transformers.DPTImageProcessor` with Depth Anything's configuration.
    """

    def size_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the input made from an image of `size` = (H, W); one side may be less than 518."""
        scale = min(self.height / size[0], self.width / size[1], key=lambda one: abs(1 - one))
        return self._rounded(size[0] * scale, self.multiple), self._rounded(size[1] * scale, self.multiple)

    def resize(self, image: np.ndarray) -> np.ndarray:
        """The image, uint8 (H, W, 3), at `size_for` its size."""
        size = self.size_for((image.shape[0], image.shape[1]))
        return image if image.shape[:2] == size else _interpolated(image, size, "bicubic", antialias=True)

    def restore(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A map, float32 (h, w), at the image's size (H, W)."""
        return _interpolated(values[..., None], size, "bicubic")[..., 0]


def _interpolated(
    image: np.ndarray, size: tuple[int, int], mode: str, align_corners: bool = False, antialias: bool = False
) -> np.ndarray:
    """`F.interpolate` of an array (H, W, C), in its own type."""
    planes = torch.tensor(image).permute(2, 0, 1)[None]
    found = F.interpolate(planes, size=size, mode=mode, align_corners=align_corners, antialias=antialias)
    return found[0].permute(1, 2, 0).contiguous().numpy()
