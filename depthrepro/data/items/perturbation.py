"""Changes of colour and sharpness, and the boxes of CutMix; every choice is drawn from the generator that is given."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from depthrepro.core.errors import UserError
from depthrepro.data.items.augment import look_up

_GREY = 0.2  # share of images that lose their colours, where colours are changed at all


class Perturbation:
    """Strong colour jitter and Gaussian blur.

    Args:
        brightness: The factor is drawn from 1 ± this; 0 leaves it alone. So `contrast` and `saturation`.
        contrast: See `brightness`.
        saturation: See `brightness`.
        hue: The shift is drawn from ± this, in turns of the colour circle, at most 0.5.
        jitter_share: Share of images whose colours change.
        blur_share: Share of images that are blurred.
        blur_sigma: Range of the blur's standard deviation in pixels of the network's input.

    Source: Depth Anything (arXiv:2401.10891), section 3.2: "strong color distortions, including color jittering and
    Gaussian blurring". Their strengths are not published; these are ours.
    """

    def __init__(
        self,
        brightness: float = 0.5,
        contrast: float = 0.5,
        saturation: float = 0.5,
        hue: float = 0.1,
        jitter_share: float = 0.8,
        blur_share: float = 0.5,
        blur_sigma: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        shares = {"jitter_share": jitter_share, "blur_share": blur_share}
        strengths = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        for name, value in {**shares, **strengths}.items():
            if not 0 <= value <= 1:
                raise UserError(f"perturbation: {name} must be from 0 to 1, got {value}")
        if not 0 <= hue <= 0.5:
            raise UserError(f"perturbation: hue must be from 0 to 0.5, got {hue}")
        if not 0 < blur_sigma[0] <= blur_sigma[1]:
            raise UserError(f"perturbation: blur_sigma needs 0 < low <= high, got {list(blur_sigma)}")
        self.strengths = (brightness, contrast, saturation)
        self.hue, self.jitter_share, self.blur_share, self.blur_sigma = hue, jitter_share, blur_share, blur_sigma

    def __call__(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The changed image, uint8 (H, W, 3) RGB in and out."""
        # All numbers are drawn whatever happens, so that one choice does not change the next image's.
        order, shares = generator.permutation(4), generator.random(3)
        factors = 1 + np.array(self.strengths) * generator.uniform(-1, 1, 3)
        shift, sigma = self.hue * generator.uniform(-1, 1), generator.uniform(*self.blur_sigma)
        if shares[0] < self.jitter_share:
            image = _jitter(image, order, factors, shift, grey=bool(shares[1] < _GREY))
        if shares[2] < self.blur_share:
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        return image


class ColourScaling:
    """Gamma, brightness and colour scaled together in a share of the images, as for metric depth.

    Args:
        gamma: Range of the exponent of colours in [0, 1].
        brightness: Range of the factor of all channels.
        colour: Range of each channel's own factor.
        share: Share of images that change.

    Source: BTS's loader, which ZoeDepth's and Depth Anything's metric code take over.
    """

    def __init__(
        self,
        gamma: tuple[float, float] = (0.9, 1.1),
        brightness: tuple[float, float] = (0.9, 1.1),
        colour: tuple[float, float] = (0.9, 1.1),
        share: float = 0.5,
    ) -> None:
        for name, (low, high) in {"gamma": gamma, "brightness": brightness, "colour": colour}.items():
            if not 0 < low <= high:
                raise UserError(f"perturbation: {name} needs 0 < low <= high, got {[low, high]}")
        if not 0 <= share <= 1:
            raise UserError(f"perturbation: share must be from 0 to 1, got {share}")
        self.gamma, self.brightness, self.colour, self.share = gamma, brightness, colour, share

    def __call__(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The changed image, uint8 (H, W, 3) RGB in and out."""
        chosen, gamma = generator.random(), generator.uniform(*self.gamma)
        factors = generator.uniform(*self.brightness) * generator.uniform(*self.colour, 3)
        if chosen >= self.share:
            return image
        return look_up(image, 255 * (np.arange(256)[:, None] / 255) ** gamma * factors)


def _jitter(image: np.ndarray, order: np.ndarray, factors: np.ndarray, shift: float, grey: bool) -> np.ndarray:
    """Brightness, contrast, saturation and hue in the given order."""
    colours = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    changes = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation)
    for which in order:
        colours = changes[which](colours, float(factors[which])) if which < 3 else tv.adjust_hue(colours, shift)
    colours = tv.rgb_to_grayscale(colours, num_output_channels=3) if grey else colours
    return np.ascontiguousarray(colours.numpy().transpose(1, 2, 0))


def cutmix_mask(
    size: tuple[int, int], generator: np.random.Generator, *, area: tuple[float, float] = (0.1, 0.5)
) -> Tensor:
    """The box M of CutMix.

    Args:
        size: (height, width) of the image.
        generator: Source of the box's area, aspect and place.
        area: Range of the box's share of the image, within (0, 1).

    Returns:
        Bool (1, height, width), True inside.

    Source: CutMix (arXiv:1905.04899); the size of the box is not published by Depth Anything. Differs: the aspect is
    drawn too, from 0.5 to 2 times the image's.
    """
    height, width = size
    share, aspect = generator.uniform(*area), math.exp(generator.uniform(math.log(0.5), math.log(2.0)))
    box_height = int(np.clip(round(height * math.sqrt(share / aspect)), 1, height))
    box_width = int(np.clip(round(width * math.sqrt(share * aspect)), 1, width))
    top = int(generator.integers(0, height - box_height + 1))
    left = int(generator.integers(0, width - box_width + 1))
    inside = torch.zeros(1, height, width, dtype=torch.bool)
    inside[:, top : top + box_height, left : left + box_width] = True
    return inside
