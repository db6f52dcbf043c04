"""Baselines: the training set's mean depth map, and classical stereo matching."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, Protocol
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.stereo import StereoRecord, read_pair
from depthrepro.inference.predictions import Floats, Kind, Prediction

MEAN_MAP_GRID = (96, 320)  # height, width: about KITTI's aspect, a few hundred lidar points per cell over 400 scans
MEAN_MAP_LIMIT = 400
SGBM_RANGE = 0.16  # largest disparity searched for, as a share of the width: 2 m with KITTI's cameras
_BLOCK = 5
_REACHED = 1e-4  # just below e⁻⁹, the weight of a pixel three deviations away along both axes


@dataclass(frozen=True)
class MeanMap:
    """The mean depth map of a training set.

    Attributes:
        depth: Metres, (h, w) float32.
        used: Number of ground-truth maps it is the mean of.
        available: Training items with ground truth.
        total: Training items.
    """

    depth: Floats
    used: int
    available: int
    total: int

    def prediction(self, item_id: str) -> Prediction:
        """The map as a prediction of any image."""
        return Prediction(item_id, Kind.depth, {"mean_map": self.depth})

    def describe(self) -> str:
        """One line for the summary."""
        text = f"mean of {self.used} ground-truth maps"
        text += f", evenly spread over {self.available}" if self.used < self.available else ""
        missing = self.total - self.available
        return text + (f"; {missing} of {self.total} training items have no ground truth" if missing else "")


def mean_depth_map(
    dataset: DepthDataset,
    protocol: Protocol,
    *,
    limit: int = MEAN_MAP_LIMIT,
    grid: tuple[int, int] = MEAN_MAP_GRID,
) -> MeanMap:
    """Mean over a training set of the ground-truth depth at each place of the image.

    Args:
        dataset: Training items; those without ground truth are skipped and counted.
        protocol: Its depth range, and its ground truth unless `dataset` is learnt from another; depth outside the range
            is left out.
        limit: Most ground-truth maps that are read; more are thinned out evenly.
        grid: (height, width) of the map. Ground truth of any size falls into its cells by position.

    Raises:
        UserError: If no item has ground truth within the range.

    Source: the row "Mean" of Eigen et al. 2014 (arXiv:1406.2283). Differs: on a grid, since lidar hits few pixels.
    """
    truth = dataset.learnt_from or protocol.ground_truth
    with_depth = [i for i in range(len(dataset)) if dataset.has_depth(i, truth)]
    chosen = evenly_spread(with_depth, limit)
    sums, counts = np.zeros(grid[0] * grid[1]), np.zeros(grid[0] * grid[1])
    for i in chosen:
        depth = dataset.depth_gt(i, truth)
        rows, columns = np.nonzero((depth >= protocol.min_depth_m) & (depth <= protocol.cap_m))
        cells = (rows * grid[0] // depth.shape[0]) * grid[1] + columns * grid[1] // depth.shape[1]
        sums += np.bincount(cells, weights=depth[rows, columns], minlength=sums.size)
        counts += np.bincount(cells, minlength=counts.size)
    if not counts.any():
        raise UserError(
            f"{dataset.name}: no ground truth {truth.value} between {protocol.min_depth_m:g} and "
            f"{protocol.cap_m:g} m in {len(chosen)} of {len(dataset)} items, so there is no mean depth map; "
            "choose another eval.ground_truth or add its files"
        )
    known = (counts > 0).reshape(grid)
    mean = (sums / np.maximum(counts, 1)).reshape(grid)
    return MeanMap(fill_smoothly(mean, known).astype(np.float32), len(chosen), len(with_depth), len(dataset))


def evenly_spread(items: list[int], limit: int) -> list[int]:
    """At most `limit` of `items`, the first and the last among them (the middle one for a limit of 1)."""
    if len(items) <= limit:
        return list(items)
    if limit == 1:
        return [items[len(items) // 2]]
    return [items[round(k * (len(items) - 1) / (limit - 1))] for k in range(limit)]


def fill_smoothly(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Fill what is not known by Gaussian means of the known, each from the narrowest window that reaches any.

    Args:
        values: (H, W); read only where `known`.
        known: (H, W), bool, at least one True.
    """
    given, weight = np.where(known, values, 0.0).astype(np.float64), known.astype(np.float64)
    filled, missing, sigma = given.copy(), ~known, 1.0
    while missing.any():
        kernel = cv2.getGaussianKernel(2 * int(np.ceil(3 * sigma)) + 1, sigma)
        kernel /= kernel.max()  # so that the weight of one pixel in reach does not fall as the window grows
        reach, total = (
            cv2.sepFilter2D(m, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT) for m in (weight, given)
        )
        now = missing & (reach > _REACHED)
        filled[now] = total[now] / reach[now]
        missing &= ~now
        sigma *= 2
    return filled


def sgbm_disparity(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> Floats:
    """Disparity of a rectified pair by semi-global block matching, holes filled from the background.

    Args:
        left: RGB or grey, uint8, (H, W[, 3]).
        right: Like `left`; a point at column x on the left is at x − disparity on the right.

    Returns:
        Pixels at the pair's own width, (H, W) float32, > 0; all 0 if nothing matched anywhere.

    Source: Hirschmüller 2008, OpenCV's `StereoSGBM`. Four directions over the whole image: on KITTI 2012 pairs of half
    size 0.043 AbsRel, where its faster one-pass modes reach 0.052 and 0.064.
    """
    search = 16 * int(np.ceil(SGBM_RANGE * left.shape[1] / 16))
    cost = 8 * _BLOCK * _BLOCK * (left.shape[2] if left.ndim == 3 else 1)
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=search,
        blockSize=_BLOCK,
        P1=cost,
        P2=4 * cost,
        disp12MaxDiff=1,
        preFilterCap=31,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_HH4,
    )
    # OpenCV leaves the first `search` columns empty; on padded images these lie outside the picture.
    padded = [cv2.copyMakeBorder(image, 0, 0, search, 0, cv2.BORDER_REPLICATE) for image in (left, right)]
    disparity = matcher.compute(*padded)[:, search:].astype(np.float32) / 16.0
    return fill_from_background(disparity, disparity > 0)


def fill_from_background(disp: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Fill holes of a disparity map, (H, W), with the smaller of the nearest valid values to the left and the right.

    A hole is mostly what only one camera sees, and that belongs to the farther side. Rows without any valid value
    repeat the nearest row that has one; a map without any is returned as zeros.
    """
    known = pd.DataFrame(np.where(valid, disp, np.float32(np.nan)))
    filled = np.fmin(known.ffill(axis=1).to_numpy(), known.bfill(axis=1).to_numpy())
    rows = np.nonzero(valid.any(axis=1))[0]
    if not rows.size:
        return np.zeros_like(disp)
    nearest = rows[np.abs(np.arange(len(disp))[:, None] - rows[None]).argmin(axis=1)]
    return filled[nearest]


def ground_plane(record: ImageRecord) -> Prediction:
    """A guess that knows only that the ground comes nearer towards the bottom of the image.

    Inverse depth of a plane below a level camera: 0 at the horizon, which is taken to be the middle row, and above it,
    then in proportion to the rows below it. Up to scale and shift.
    """
    height, width = record.size
    rows = np.maximum(0.0, np.arange(height, dtype=np.float32) + 0.5 - height / 2)
    return Prediction(record.id, Kind.affine_inv_depth, {"ground_plane": np.repeat(rows[:, None], width, axis=1)})


def baseline_predictions(record: ImageRecord, protocol: Protocol, mean: MeanMap | None) -> list[Prediction]:
    """The baselines of one image that it and the protocol allow.

    Args:
        record: The image; a stereo pair has `sgbm`.
        protocol: One that fits scale and shift in inverse depth has `ground_plane`.
        mean: The training set's mean depth map; None = no `mean_map`.

    Raises:
        UserError: If an image cannot be read, or a pair matches nowhere.
    """
    found = [] if mean is None else [mean.prediction(record.id)]
    if protocol.alignment is Alignment.lstsq_inv_depth:
        found.append(ground_plane(record))
    if isinstance(record, StereoRecord):
        found.append(sgbm_prediction(record))
    return found


def sgbm_prediction(record: StereoRecord) -> Prediction:
    """The matcher's disparity on the pair at its native resolution.

    Raises:
        UserError: If an image cannot be read, or the two match nowhere.
    """
    disp = sgbm_disparity(*read_pair(record))
    if not disp.any():
        raise UserError(f"{record.id}: {record.left} and {record.right} match nowhere; are the cameras swapped?")
    return Prediction(record.id, Kind.disp_frac, {"sgbm": disp / record.size[1]})
