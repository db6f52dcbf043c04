"""Cameras and depths that can hardly be in pixels and metres, told before anything is learnt from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depthrepro.core.protocol import GroundTruth
from depthrepro.data.base import DepthDataset, ImageDataset
from depthrepro.data.stereo import StereoDataset, StereoRecord

_MAX_BASELINE_M = 5.0
_FOCAL_WIDTHS = (0.3, 5.0)  # of a lens of 118 degrees, and of one of 11
_MEDIAN_DEPTH_M = (0.1, 1000.0)
_IMAGES_ASKED = 20  # for the first that has ground truth


def doubts(data: ImageDataset, ground_truth: GroundTruth | None = None) -> list[str]:
    """Lines of warning about a data set; most have none.

    Args:
        data: The images.
        ground_truth: Depth that is scored; None = none.
    """
    found = _cameras(data) if isinstance(data, StereoDataset) else []
    return found + (_depths(data, ground_truth) if ground_truth and isinstance(data, DepthDataset) else [])


def _cameras(data: StereoDataset) -> list[str]:
    def baseline(record: StereoRecord) -> str | None:
        odd = record.baseline_m > _MAX_BASELINE_M
        return f"a baseline of {record.baseline_m:g} m: is the calibration in metres?" if odd else None

    def focal(record: StereoRecord) -> str | None:
        widths = record.focal_px / record.size[1]
        odd = not _FOCAL_WIDTHS[0] <= widths <= _FOCAL_WIDTHS[1]
        return f"a focal length of {widths:.2g} image widths: is it in pixels of these images?" if odd else None

    return [line for about in (baseline, focal) for line in _counted(data, about)]


def _counted(data: StereoDataset, about: Callable[[StereoRecord], str | None]) -> list[str]:
    odd = [(record.id, told) for record in data.records if (told := about(record))]
    return [f"{data.name}: {odd[0][0]} has {odd[0][1]} ({len(odd)} of {len(data)} images)"] if odd else []


def _depths(data: DepthDataset, ground_truth: GroundTruth) -> list[str]:
    index = next((i for i in range(min(len(data), _IMAGES_ASKED)) if data.has_depth(i, ground_truth)), None)
    if index is None:
        return []
    depth = data.depth_gt(index, ground_truth)
    known = depth[depth > 0]
    if not known.size or _MEDIAN_DEPTH_M[0] <= np.median(known) <= _MEDIAN_DEPTH_M[1]:
        return []
    return [
        f"{data.name}: depth of {data.records[index].id} is {known.min():.3g} to {known.max():.3g} m: are they metres?"
    ]
