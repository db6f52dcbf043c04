"""Stereo geometry: warping by disparity, and the camera matrix under scaling, cropping, mirroring.

Conventions, the same everywhere in the package:

- In a rectified pair the left image at column x shows what the right image shows at x − disp; disp > 0 for everything
  in front of the cameras.
- Pixel centres lie at integer coordinates, pixel edges half a pixel from them: scaling by s moves x to
  (x + 0.5)·s − 0.5. PyTorch and OpenCV call this `align_corners=False`.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def warp_right_to_left(image_right: Tensor, disp: Tensor) -> Tensor:
    """Left view predicted from the right image: left(x) = right(x − disp), bilinear along the row.

    Integer disparities shift the image exactly, zero disparity returns it bit for bit. `grid_sample` is a little faster
    on CPUs, but its coordinates in [−1, 1] round, and its backward pass on CUDA is not deterministic.

    Args:
        image_right: Right image, (B, C, H, W), any range.
        disp: Disparity in pixels at the tensor's own width W, (B, 1, H, W), any sign.

    Returns:
        (B, C, H, W). Pixels that look past the right image's border repeat its border; `in_view` tells them apart.
        Differentiable in `disp` and in `image_right`.

    Raises:
        ValueError: If the shapes do not belong together.

    Source: Garg et al. 2016 (arXiv:1603.04992), eq. 1, written for x − disp. Differs: none.
    """
    _check_pair(image_right, disp)
    disp = disp.to(torch.promote_types(disp.dtype, torch.float32))  # half precision cannot count to W
    last = image_right.shape[-1] - 1
    source = _source_column(disp).clamp(0, last)
    left = source.detach().floor().clamp(max=last - 1)
    # A NaN must reach the loss, where it stops the run with a message; as an index it would crash instead.
    index = left.nan_to_num(0.0).long().expand(-1, image_right.shape[1], -1, -1)
    image_right = image_right.to(disp.dtype)
    return torch.lerp(image_right.gather(-1, index), image_right.gather(-1, index + 1), source - left)


def linearised_warp(image_right: Tensor, disp: Tensor) -> Tensor:
    """The same left view, with the paper's gradient: a first-order Taylor expansion about the current disparity.

    With D⁰ the current value of `disp`, held constant:

        right(x − D) ≈ right(x − D⁰) − (D − D⁰) · right_h(x − D⁰)

    The value at D = D⁰ is that of `warp_right_to_left`. The gradient is the horizontal derivative of the right image,
    by central differences, instead of the slope between the two pixels that happen to be nearest: smoother, and
    symmetric at integer disparities, where training starts.

    Args:
        image_right: Right image, (B, C, H, W), any range.
        disp: Disparity in pixels at the tensor's own width W, (B, 1, H, W), any sign.

    Returns:
        (B, C, H, W), as `warp_right_to_left`; differentiable in `disp` only.

    Raises:
        ValueError: If the shapes do not belong together.

    Source: Garg et al. 2016 (arXiv:1603.04992), the linearisation of I2(x + Dⁿ). Differs: sign, as we use x − D.
    """
    _check_pair(image_right, disp)
    image_right, current = image_right.detach(), disp.detach()
    warped = warp_right_to_left(image_right, current)
    slope = warp_right_to_left(torch.gradient(image_right, dim=-1)[0], current)
    return warped - (disp - current) * slope


def in_view(disp: Tensor) -> Tensor:
    """Which pixels of the left view have a source inside the right image.

    Args:
        disp: Disparity in pixels at the tensor's own width W, (B, 1, H, W).

    Returns:
        Bool, (B, 1, H, W), True where 0 ≤ x − disp ≤ W − 1. NaN counts as in view, so that no mask hides it.
    """
    source = _source_column(disp.to(torch.promote_types(disp.dtype, torch.float32)))
    return ~((source < 0) | (source > disp.shape[-1] - 1))


def occluded(disp: Tensor) -> Tensor:
    """Which pixels of the left view something nearer hides from the right camera, by the disparity itself.

    A pixel at x lands at x − disp in the right image. Where a pixel further right lands at the same place or beyond it
    to the left, the two have changed their order: the other is nearer and stands before the first, whose colour is
    not in the right image.

    Args:
        disp: Disparity in pixels at the tensor's own width W, (B, 1, H, W).

    Returns:
        Bool, (B, 1, H, W), True where hidden. A disparity that nowhere falls faster than one pixel a column from right
        to left hides nothing.
    """
    landing = _source_column(disp.detach().to(torch.promote_types(disp.dtype, torch.float32)))
    nearest_from_right = landing.flip(-1).cummin(dim=-1).values.flip(-1)
    hidden = torch.zeros_like(landing, dtype=torch.bool)
    hidden[..., :-1] = nearest_from_right[..., 1:] <= landing[..., :-1]
    return hidden


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Image at another size, without aliasing and without a shift.

    Averaging over whole pixels (mode "area") would move pixel centres by up to half a pixel where the sizes do not
    divide, differently from column to column: a false disparity.

    Args:
        image: (B, C, H, W), float.
        size: (height, width) to return.

    Returns:
        (B, C, *size); `image` itself if the size is the same.
    """
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)


def scale_K(K: np.ndarray, scale_x: float, scale_y: float) -> np.ndarray:
    """Camera matrix (3, 3) of an image resized by the two factors."""
    return np.array([[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2], [0, 0, 1]]) @ K


def crop_K(K: np.ndarray, left: float, top: float) -> np.ndarray:
    """Camera matrix (3, 3) of an image that loses `left` columns and `top` rows at its left and upper edge."""
    return np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ K


def flip_K(K: np.ndarray, width: int) -> np.ndarray:
    """Camera matrix (3, 3) of the mirrored image: the camera that sees the mirrored scene, focal lengths positive."""
    flipped = K.copy()
    flipped[0, 2] = width - 1 - K[0, 2]
    return flipped


def _source_column(disp: Tensor) -> Tensor:
    """Column of the right image that each left pixel looks at, (B, 1, H, W)."""
    return torch.arange(disp.shape[-1], device=disp.device, dtype=disp.dtype) - disp


def _check_pair(image_right: Tensor, disp: Tensor) -> None:
    batch, _, height, width = image_right.shape
    if disp.shape != (batch, 1, height, width):
        raise ValueError(f"disp must be {(batch, 1, height, width)} for this image, got {tuple(disp.shape)}")
    if width < 2:
        raise ValueError(f"the image must be at least 2 pixels wide to interpolate, got {width}")
