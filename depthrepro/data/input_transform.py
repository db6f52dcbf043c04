"""From an image to a network's input: one object for training, evaluation and prediction, kept in checkpoints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.data.io.images import resize_rgb

# Half-pixel centres throughout. `area` averages where it shrinks and is bilinear where it enlarges.
_INTERPOLATION = {"area": None, "cubic": cv2.INTER_CUBIC, "bilinear": cv2.INTER_LINEAR}
_LARGEST = 16384  # sides that a damaged or foreign checkpoint may ask for


@dataclass(frozen=True)
class InputTransform:
    """The size that images are resized to.

    Attributes:
        height: Height in pixels; with `keep_aspect` the least height.
        width: Width in pixels; with `keep_aspect` the least width.
        multiple: Both sides are multiples of it: 14 for a vision transformer with patches of 14 pixels.
        keep_aspect: Whether the image keeps its aspect: it is scaled until it covers height × width, then each side is
            rounded to a multiple, up where rounding down would fall below the least. Training crops the rest away,
            evaluation and prediction keep it.
        interpolation: `area`, `cubic` or `bilinear`.

    Raises:
        UserError: If a number is not positive, a side is no multiple, or the interpolation is unknown.

    Source: Depth Anything (arXiv:2401.10891), implementation details: shorter side 518, aspect kept, multiples of 14.
    """

    height: int
    width: int
    multiple: int = 1
    keep_aspect: bool = False
    interpolation: str = "area"

    def __post_init__(self) -> None:
        """Check what the types of a file may hide."""
        if not all(isinstance(side, int) for side in (self.height, self.width, self.multiple)):
            raise UserError(f"input: sides and multiple must be whole numbers, got {self.as_dict()}")
        if not 1 <= min(self.height, self.width, self.multiple) <= max(self.height, self.width) <= _LARGEST:
            raise UserError(f"input: sides and multiple must be at least 1, sides at most {_LARGEST}: {self.as_dict()}")
        if self.height % self.multiple or self.width % self.multiple:
            raise UserError(
                f"input_size [{self.height}, {self.width}]: both must be multiples of input.multiple={self.multiple}"
            )
        if self.interpolation not in _INTERPOLATION:
            raise UserError(
                f"input.interpolation: {self.interpolation!r} is unknown, choose from {', '.join(_INTERPOLATION)}"
            )

    def size_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the input made from an image of `size` = (H, W)."""
        if not self.keep_aspect:
            return self.height, self.width
        scale = max(self.height / size[0], self.width / size[1])
        return self._rounded(size[0] * scale, self.height), self._rounded(size[1] * scale, self.width)

    def _rounded(self, side: float, least: int) -> int:
        return max(least, round(side / self.multiple) * self.multiple)

    def resize(self, image: np.ndarray) -> np.ndarray:
        """The image, uint8 (H, W, 3), at `size_for` its size."""
        height, width = self.size_for((image.shape[0], image.shape[1]))
        if image.shape[:2] == (height, width):
            return image
        interpolation = _INTERPOLATION[self.interpolation]
        if interpolation is None:
            return resize_rgb(image, (height, width))
        return cv2.resize(image, (width, height), interpolation=interpolation)

    def restore(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A map, float32 (h, w), at the image's `size` = (H, W): as the evaluation resizes."""
        return cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint; `from_dict` reads them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputTransform:
        """Inverse of `as_dict`.

        Raises:
            UserError: If a key is unknown or missing.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise UserError(f"the checkpoint's input transform does not fit: {error}") from None
