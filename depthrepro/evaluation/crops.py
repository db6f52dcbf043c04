"""Crops of the ground truth: the part of the image that is scored."""

from __future__ import annotations

from fractions import Fraction

from depthrepro.core.protocol import Crop

_MASK_COLUMNS = Fraction(44, 1224), Fraction(1180, 1224)
# (first row, end row, first column, end column) as shares of height and width. The decimals are the common code's: the
# authors' fractions, rounded, so that cutting to whole pixels may fall one pixel short of them.
_SHARES: dict[Crop, tuple[float | Fraction, ...]] = {
    Crop.garg: (0.40810811, 0.99189189, 0.03594771, 0.96405229),
    Crop.eigen: (0.3324324, 0.91351351, 0.0359477, 0.96405229),
    Crop.garg_exact: (Fraction(151, 370), Fraction(367, 370), *_MASK_COLUMNS),
    Crop.eigen_exact: (Fraction(123, 370), Fraction(338, 370), *_MASK_COLUMNS),
    Crop.nyu: (Fraction(45, 480), Fraction(471, 480), Fraction(41, 640), Fraction(601, 640)),
}
_PIXELS: dict[Crop, tuple[int, ...]] = {Crop.nyu_pixels: (45, 471, 41, 601)}


def crop_bounds(crop: Crop, height: int, width: int) -> tuple[int, int, int, int]:
    """Bounds of a crop as (first row, end row, first column, end column), ends exclusive.

    Args:
        crop: Which crop.
        height: Height of the full-resolution ground truth in pixels.
        width: Its width in pixels.

    Raises:
        ValueError: If the image is so small that nothing is left.

    Source: Garg et al. (arXiv:1603.04992) and Eigen et al. 2014 (also for `nyu`); `garg` and `eigen` by the decimals of
    Monodepth's evaluation, `nyu_pixels` by ZoeDepth's. 375 × 1242 gives rows 153–370 and columns 44–1196 for `garg`.
    """
    if crop is Crop.none:
        return 0, height, 0, width
    sides = height, height, width, width
    if crop in _PIXELS:
        edges = [min(edge, side) for edge, side in zip(_PIXELS[crop], sides, strict=True)]
    else:
        edges = [int(share * side) for share, side in zip(_SHARES[crop], sides, strict=True)]
    top, bottom, left, right = edges
    if top >= bottom or left >= right:
        raise ValueError(f"crop {crop.value} leaves nothing of a {height} × {width} image")
    return top, bottom, left, right
