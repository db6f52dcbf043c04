"""Crops of the ground truth: the part of the image that is scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.protocol import Crop

# (first row, end row, height) and (first column, end column, width), from the authors' 370 × 1224 mask. Kept as ratios
# of integers: the eight-digit decimals in circulation (0.40810811 = 151/370, ...) lose the mask's last row and gain a
# column at that very size, because they are rounded before `int()` cuts them.
_RATIOS: dict[Crop, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    Crop.garg: ((151, 367, 370), (44, 1180, 1224)),
    Crop.eigen: ((123, 338, 370), (44, 1180, 1224)),
    Crop.nyu: ((45, 471, 480), (41, 601, 640)),
}


def crop_bounds(crop: Crop, height: int, width: int) -> tuple[int, int, int, int]:
    """Bounds of a crop as (first row, end row, first column, end column), ends exclusive.

    Args:
        crop: Which crop.
        height: Height of the full-resolution ground truth in pixels.
        width: Its width in pixels.

    Raises:
        ValueError: If the image is so small that nothing is left.

    Source: Garg et al. (arXiv:1603.04992) and Eigen et al. 2014 (also for `nyu`), as fractions of the full-resolution
    image, cut to whole pixels. 375 × 1242 gives rows 153–371 and columns 44–1197 for `garg`. Differs: exact ratios, see
    above.
    """
    if crop is Crop.none:
        return 0, height, 0, width
    (top, bottom, rows), (left, right, columns) = _RATIOS[crop]
    bounds = top * height // rows, bottom * height // rows, left * width // columns, right * width // columns
    if bounds[0] >= bounds[1] or bounds[2] >= bounds[3]:
        raise ValueError(f"crop {crop.value} leaves nothing of a {height} × {width} image")
    return bounds


def crop_mask(crop: Crop, height: int, width: int) -> NDArray[np.bool_]:
    """The crop as an array (height, width), True = scored; arguments and errors as `crop_bounds`."""
    top, bottom, left, right = crop_bounds(crop, height, width)
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask
