"""The paper's augmentations of a stereo pair, drawn from (seed, epoch, index) alone."""

from __future__ import annotations

import cv2
import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.geometry import crop_K, flip_K, scale_K
from depthrepro.core.supervision import Supervision


def augment_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Random numbers for one item in one epoch: the same for any number of workers, ranks and restarts."""
    return np.random.default_rng(np.random.SeedSequence((seed, epoch, index)))


def no_augmentation() -> None:
    """Images as they are, whatever is learnt from them; `augment=none`."""


class StereoAugment:
    """Colour, scale with crop, and swap-and-flip, alike in both images, so that the pair stays a rectified pair.

    Args:
        color: Range of the factor of each colour channel; None leaves colours alone. The paper: (0.9, 1.1).
        scale: Range of the enlargement, each at least 1; None keeps the size. The paper: (1.0, 1.6).
        flip: Whether half of the pairs are mirrored, with the two images exchanged: the mirrored right camera stands on
            the left, so disparities keep their sign.

    Attributes:
        fits: Data that it is for.

    Source: Garg et al. 2016 (arXiv:1603.04992), augmentation. Differs: the place of the crop, which the paper does not
    give, is drawn uniformly.
    """

    fits = (Supervision.stereo,)

    def __init__(
        self,
        color: tuple[float, float] | None = (0.9, 1.1),
        scale: tuple[float, float] | None = (1.0, 1.6),
        flip: bool = True,
    ) -> None:
        if color is not None and not 0 < color[0] <= color[1]:
            raise UserError(f"augment.color: need 0 < low <= high, got {list(color)}")
        if scale is not None and not 1 <= scale[0] <= scale[1]:
            raise UserError(f"augment.scale: need 1 <= low <= high, got {list(scale)}: an enlarged image is cropped")
        self.color = color
        self.scale = scale
        self.flip = flip

    def __call__(
        self, left: np.ndarray, right: np.ndarray, K: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """An augmented pair.

        Args:
            left: Left image, RGB, (H, W, 3) uint8.
            right: Right image, like `left`.
            K: Camera matrix of both in pixels, (3, 3).
            generator: Source of every random choice; see `augment_generator`.

        Returns:
            (left, right, K), same shapes and types. Enlarging by s multiplies focal lengths and disparities by s.
        """
        # All numbers are drawn whatever is switched on: leaving one augmentation out does not change the others.
        color_draw, scale_draw, place_draw, flip_draw = (
            generator.random(3),
            generator.random(),
            generator.random(2),
            generator.random(),
        )
        K = np.asarray(K, dtype=np.float64)
        if self.color is not None:
            factors = self.color[0] + (self.color[1] - self.color[0]) * color_draw
            left, right = (scale_colors(image, factors) for image in (left, right))
        if self.scale is not None:
            factor = self.scale[0] + (self.scale[1] - self.scale[0]) * scale_draw
            height, width = left.shape[:2]
            corner = place_draw * (1 - 1 / factor) * (width, height)
            left, right = (enlarge(image, factor, corner) for image in (left, right))
            K = scale_K(crop_K(K, *corner), factor, factor)
        if self.flip and flip_draw < 0.5:
            left, right = np.ascontiguousarray(right[:, ::-1]), np.ascontiguousarray(left[:, ::-1])
            K = flip_K(K, left.shape[1])
        return left, right, K


def scale_colors(image: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Image (H, W, 3) uint8 with each channel multiplied by its factor, rounded, cut off at 255."""
    return look_up(image, np.arange(256)[:, None] * factors)


def look_up(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Image (H, W, 3) uint8 with each byte replaced by its channel's value, (256, 3), rounded, within 0 to 255."""
    return cv2.LUT(image, np.clip(np.rint(values), 0, 255).astype(np.uint8)[None])


def enlarge(image: np.ndarray, factor: float, corner: np.ndarray) -> np.ndarray:
    """Part of the image, enlarged to the image's own size.

    Args:
        image: (H, W, 3) uint8.
        factor: Enlargement, >= 1; the part is H / factor by W / factor.
        corner: (x, y) of the part's upper left corner, in pixels from the image's; need not be whole.

    Returns:
        (H, W, 3) uint8, bilinear.
    """
    height, width = image.shape[:2]
    to_result = scale_K(crop_K(np.eye(3), *corner), factor, factor)[:2]
    return cv2.warpAffine(image, to_result, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
