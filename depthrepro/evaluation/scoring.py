"""From a prediction to a row: resize to the ground truth, convert to metres, align, clamp, measure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, GroundTruth, Protocol, Resize
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.io.images import wxh
from depthrepro.data.stereo import StereoDataset, StereoRecord
from depthrepro.evaluation.alignment import align
from depthrepro.evaluation.crops import crop_bounds
from depthrepro.evaluation.depth_ranges import abs_rel_by_range
from depthrepro.evaluation.metrics import pixel_metrics
from depthrepro.evaluation.rows import Row
from depthrepro.inference.predictions import (
    Floats,
    Kind,
    Prediction,
    load_prediction,
    prediction_path,
    to_depth,
    to_inv_depth,
)

# A map whose spatial standard deviation is below this share of its largest value says nothing about the scene.
COLLAPSE = 1e-4

# Both use half-pixel centres (torch's align_corners=False); the plain INTER_NEAREST does not.
_INTERPOLATION = {Resize.bilinear: cv2.INTER_LINEAR, Resize.nearest: cv2.INTER_NEAREST_EXACT}


def scored_pixels(depth_gt: Floats, protocol: Protocol) -> NDArray[np.intp]:
    """Pixels that are scored: ground truth within the depth range, ends included, and inside the crop; flat indices."""
    top, bottom, left, right = crop_bounds(protocol.crop, *depth_gt.shape)
    rows = depth_gt[top:bottom]  # whole rows, which are contiguous
    scored = (rows >= protocol.min_depth_m) & (rows <= protocol.cap_m)
    scored[:, :left] = scored[:, right:] = False
    return np.flatnonzero(scored) + top * depth_gt.shape[1]


def evaluated_mask(depth_gt: Floats, protocol: Protocol) -> NDArray[np.bool_]:
    """The same pixels as a map, (H, W), True = scored."""
    mask = np.zeros(depth_gt.shape, dtype=bool)
    mask.flat[scored_pixels(depth_gt, protocol)] = True
    return mask


def depth_map(values: Floats, kind: Kind, record: ImageRecord, depth_gt: Floats, protocol: Protocol) -> Floats:
    """One predicted map as it is scored.

    Args:
        values: Prediction in its own kind and size, (h, w). It is resized before it is turned into depth.
        kind: What its numbers mean.
        record: The image's camera.
        depth_gt: Ground-truth depth in metres, (H, W), 0 = none; for the alignment and the size.
        protocol: How to resize, align and clamp.

    Returns:
        Depth in metres, (H, W), float64, within [min_depth_m, cap_m].

    Raises:
        UserError: If the prediction is relative and the protocol does not align it.
        ValueError: If the map is not finite or constant, or its alignment is not determined.
    """
    full, mask = _resized(values, kind, record, depth_gt.shape, protocol), evaluated_mask(depth_gt, protocol)
    depth = _scored(full, kind, record, depth_gt, mask, protocol)
    if depth.min() == depth.max():
        raise ValueError(
            f"every pixel was clamped to {depth.flat[0]:g} m: the network is untrained or diverged, "
            "or the prediction's kind, focal length or baseline is wrong"
        )
    return depth


def _resized(values: Floats, kind: Kind, record: ImageRecord, shape: tuple[int, ...], protocol: Protocol) -> Floats:
    """A predicted map in its own kind at the ground truth's size, float32; errors as `depth_map`."""
    check_metres(kind, protocol, f"{record.id}: the network")
    values = np.asarray(values, np.float32)
    _check_informative(values)
    resized = cv2.resize(values, (shape[1], shape[0]), interpolation=_INTERPOLATION[protocol.resize])
    if kind is Kind.depth and protocol.alignment is Alignment.lstsq_inv_depth:
        to_inv_depth(resized, kind)  # refuses depths that are not positive, also where nothing is scored
    return resized


def _scored(
    values: Floats, kind: Kind, record: ImageRecord, target: Floats, mask: NDArray[np.bool_] | None, protocol: Protocol
) -> NDArray[np.float64]:
    """Depth of resized values, all of an image's or the scored ones alone: converted, aligned and clamped, float64."""
    convert = to_inv_depth if protocol.alignment is Alignment.lstsq_inv_depth else to_depth
    depth = align(
        convert(values, kind, _stereo_m(record)), target, mask=mask, method=protocol.alignment, cap_m=protocol.cap_m
    )
    return np.asarray(np.clip(depth, protocol.min_depth_m, protocol.cap_m), np.float64)


def _stereo_m(record: ImageRecord) -> float | None:
    """See `to_depth`; the same at any size of the image. None if it is no stereo pair."""
    return record.focal_px / record.size[1] * record.baseline_m if isinstance(record, StereoRecord) else None


def _check_informative(values: Floats) -> None:
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high - low):
        raise ValueError("the prediction is not finite: training diverged; lower the learning rate and train again")
    least = COLLAPSE * max(high, -low)
    # n numbers deviate by (high - low) / sqrt(2 n) at least, which spares most maps the sum in double precision.
    if high - low <= least * (2 * values.size) ** 0.5 and values.std(dtype=np.float64) <= least:
        raise ValueError(
            f"the prediction is constant (about {values.flat[0]:.4g} everywhere): "
            "the network is untrained or collapsed; check the loss curve and the learning rate"
        )


def score(prediction: Prediction, record: ImageRecord, depth_gt: Floats, protocol: Protocol) -> list[Row]:
    """Score every level of one prediction at the ground truth's size.

    Args:
        prediction: Levels of one image.
        record: That image.
        depth_gt: Its ground-truth depth in metres, (H, W), 0 = none.
        protocol: What is scored, and how.

    Returns:
        One row per level: `method` (the level's name), `id`, `n_valid`, the metrics, and `ranges` (AbsRel by depth).

    Raises:
        UserError: If the ground truth is not of its image's size, there is no pixel to score, or a level is not finite,
            constant, or cannot be aligned; the message names the image and the level.
    """
    if prediction.id != record.id:
        raise UserError(f"{record.id}: the prediction is of {prediction.id}; evaluate the run again")
    if depth_gt.shape != record.size:
        raise UserError(
            f"{record.id}: ground truth of {wxh(depth_gt.shape)} pixels, but its image has {wxh(record.size)}; "
            "give both at one size (nearest neighbour for depth)"
        )
    pixels = scored_pixels(depth_gt, protocol)
    if not pixels.size:
        raise UserError(
            f"{record.id}: no ground truth between {protocol.min_depth_m:g} and {protocol.cap_m:g} m inside crop "
            f"{protocol.crop.value}; check the ground truth's unit and eval.ground_truth, eval.crop, eval.cap_m"
        )
    # Nothing is computed for pixels that are not scored: of a lidar's maps they are more than nine in ten.
    target = depth_gt.take(pixels).astype(np.float64)
    rows: list[Row] = []
    for method, values in prediction.levels.items():
        try:
            sampled = _resized(values, prediction.kind, record, depth_gt.shape, protocol).take(pixels)
            depth = _scored(sampled, prediction.kind, record, target, None, protocol)
            if depth.min() == depth.max():  # which a few pixels may be, but not the whole map
                depth_map(values, prediction.kind, record, depth_gt, protocol)
            metrics = pixel_metrics(depth, target)
        except ValueError as error:
            raise UserError(f"{record.id}, {method}: {error}") from error
        identity = {"method": method, "id": record.id, "n_valid": pixels.size}
        rows.append({**identity, **metrics, "ranges": abs_rel_by_range(depth, target)})
    return rows


def check_cameras(kind: Kind, data: DepthDataset, name: str, network: str) -> None:
    """Refuse, before anything is predicted, to score disparities on single images.

    Raises:
        UserError: Naming the test set `name`.
    """
    if kind is Kind.disp_frac and not isinstance(data, StereoDataset):
        raise UserError(
            f"{network} predicts disparities, which need a stereo pair's cameras; test set {name} has single images: "
            "leave it out (test_sets=none)"
        )


def check_metres(kind: Kind, protocol: Protocol, name: str) -> None:
    """Refuse, before anything is predicted, to score relative depth in metres.

    Raises:
        UserError: Naming how to fix it.
    """
    if kind is Kind.affine_inv_depth and protocol.alignment is not Alignment.lstsq_inv_depth:
        raise UserError(
            f"{name} predicts inverse depth up to scale and shift, which has no metres, but the protocol is "
            f"alignment={protocol.alignment.value}: fit it to the ground truth (eval.alignment=lstsq_inv_depth), or "
            "take a metric network"
        )


def scored_indices(dataset: DepthDataset, ground_truth: GroundTruth) -> list[int]:
    """Indices of the images that have this ground truth.

    Raises:
        UserError: If there is none, or if two images share an id or its file name.
    """
    indices = [i for i in range(len(dataset)) if dataset.has_depth(i, ground_truth)]
    if not indices:
        raise UserError(
            f"{dataset.name}: none of {len(dataset)} images has ground truth {ground_truth.value}; "
            "choose another eval.ground_truth or add its files"
        )
    seen: dict[str, str] = {}
    for i in indices:
        item_id = dataset.records[i].id
        name = prediction_path(Path(), item_id).name
        if name in seen:
            raise UserError(f"{dataset.name}: {item_id} and {seen[name]} share one name; list every image once")
        seen[name] = item_id
    return indices


def evaluate_predictions(
    predictions_dir: Path, dataset: DepthDataset, indices: Iterable[int], protocol: Protocol
) -> list[Row]:
    """Score saved predictions; no network is involved.

    Args:
        predictions_dir: Folder that `save_prediction` wrote to.
        dataset: Where the ground truth is read.
        indices: The images to score.
        protocol: What is scored, and how.

    Returns:
        Rows in the order of `indices`, then of levels.

    Raises:
        UserError: If a prediction is missing or damaged, or as `score`.
    """
    rows: list[Row] = []
    for i in indices:
        prediction = load_prediction(prediction_path(predictions_dir, dataset.records[i].id))
        rows += score(prediction, dataset.records[i], dataset.depth_gt(i, protocol.ground_truth), protocol)
    return rows
