"""Detects data sets whose left and right images are swapped: there, matching works only the other way round."""

from __future__ import annotations

import cv2
import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.data.io.images import resize_rgb
from depthrepro.data.stereo import StereoDataset, read_pair

_WIDTH = 320  # pixels; enough to tell the side, cheap enough to do at every start
_WINDOW = (9, 9)
# Cost of the expected side over cost of the opposite one, above which a pair counts as swapped. Real pairs (KITTI 2012,
# KITTI raw, Middlebury) lie below 0.76 the right way round and therefore above 1.3 when swapped.
_CLEARLY = 1.15


def check_left_right(dataset: StereoDataset, pairs: int = 4) -> None:
    """Stop if the data set's left images look like the right camera's.

    In a rectified pair a point at column x of the left image lies at x - disparity in the right one, disparity > 0. A
    few evenly spread pairs are matched with disparities of the expected and of the opposite sign.

    Args:
        dataset: The pairs; an empty data set passes.
        pairs: How many to look at.

    Raises:
        UserError: If most of them match clearly better the other way round, or an image cannot be decoded.
    """
    chosen = sorted(set(np.linspace(0, len(dataset) - 1, min(pairs, len(dataset)), dtype=int).tolist()))
    swapped = [index for index in chosen if swap_evidence(*read_pair(dataset.records[index])) > _CLEARLY]
    if len(swapped) * 2 > len(chosen):
        first = dataset.records[swapped[0]]
        raise UserError(
            f"{dataset.name}: left and right look swapped in {len(swapped)} of {len(chosen)} pairs looked at, first: "
            f"{first.left}: matching works only the other way round; swap the folders left and right"
        )


def swap_evidence(left: np.ndarray, right: np.ndarray) -> float:
    """Evidence that a pair is swapped: the cost of the expected side beside that of the opposite one.

    Args:
        left: Left image, uint8 (H, W, 3).
        right: Right image of the same shape.

    Returns:
        Ratio of mean matching costs (expected / opposite) over textured pixels; > 1 speaks for swapped images.
    """
    left_detail, right_detail = _detail(left), _detail(right)
    reach = left_detail.shape[1] // 5
    if reach < 2:
        return 1.0  # too narrow to tell
    textured = cv2.blur(np.abs(left_detail), _WINDOW)[:, reach:-reach]
    textured = textured >= np.median(textured)
    costs = [_best_cost(left_detail, right_detail, sign, reach)[textured].mean() for sign in (1, -1)]
    return float((costs[0] + 1e-3) / (costs[1] + 1e-3))


def _detail(image: np.ndarray) -> np.ndarray:
    """Small grey image without its local mean, so that exposure differences do not matter; float32 (h, w)."""
    height, width = image.shape[:2]
    if width > _WIDTH:
        image = resize_rgb(image, (max(1, round(height * _WIDTH / width)), _WIDTH))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey - cv2.blur(grey, (15, 15))


def _best_cost(left: np.ndarray, right: np.ndarray, sign: int, reach: int) -> np.ndarray:
    """Least windowed absolute difference over disparities sign · (1 .. reach), columns reach .. W - reach."""
    best = np.full((left.shape[0], left.shape[1] - 2 * reach), np.inf, dtype=np.float32)
    for disp in range(1, reach + 1):
        # Columns that roll in from the other side stay outside the slice, but for the window's few pixels.
        shifted = np.roll(right, sign * disp, axis=1)
        np.minimum(best, cv2.blur(np.abs(left - shifted), _WINDOW)[:, reach:-reach], out=best)
    return best
