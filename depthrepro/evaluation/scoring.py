"""From a prediction to a row: resize to the ground truth, convert to metres, align, clamp, measure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, GroundTruth, Protocol, Resize
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.io.images import wxh
from depthrepro.data.stereo import StereoDataset, StereoRecord
from depthrepro.evaluation.alignment import align
from depthrepro.evaluation.crops import crop_mask
from depthrepro.evaluation.depth_ranges import abs_rel_by_range
from depthrepro.evaluation.metrics import depth_metrics
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


def evaluated_mask(depth_gt: Floats, protocol: Protocol) -> NDArray[np.bool_]:
    """Pixels that are scored: ground truth within the depth range, ends included, and inside the crop; (H, W)."""
    in_range = (depth_gt >= protocol.min_depth_m) & (depth_gt <= protocol.cap_m)
    return in_range & crop_mask(protocol.crop, *depth_gt.shape)


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
    check_metres(kind, protocol, f"{record.id}: the network")
    _check_informative(values)
    mask = evaluated_mask(depth_gt, protocol)
    size = depth_gt.shape[1], depth_gt.shape[0]
    full = cv2.resize(np.asarray(values, np.float32), size, interpolation=_INTERPOLATION[protocol.resize])
    convert = to_inv_depth if protocol.alignment is Alignment.lstsq_inv_depth else to_depth
    depth = align(
        convert(full, kind, _stereo_m(record)), depth_gt, mask=mask, method=protocol.alignment, cap_m=protocol.cap_m
    )
    depth = np.clip(depth, protocol.min_depth_m, protocol.cap_m)
    if depth.min() == depth.max():
        raise ValueError(
            f"every pixel was clamped to {depth.flat[0]:g} m: the network is untrained or diverged, "
            "or the prediction's kind, focal length or baseline is wrong"
        )
    return depth


def _stereo_m(record: ImageRecord) -> float | None:
    """See `to_depth`; the same at any size of the image. None if it is no stereo pair."""
    return record.focal_px / record.size[1] * record.baseline_m if isinstance(record, StereoRecord) else None


def _check_informative(values: Floats) -> None:
    if not np.isfinite(values).all():
        raise ValueError("the prediction is not finite: training diverged; lower the learning rate and train again")
    if values.std(dtype=np.float64) <= COLLAPSE * np.abs(values).max():
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
    mask = evaluated_mask(depth_gt, protocol)
    if not mask.any():
        raise UserError(
            f"{record.id}: no ground truth between {protocol.min_depth_m:g} and {protocol.cap_m:g} m inside crop "
            f"{protocol.crop.value}; check the ground truth's unit and eval.ground_truth, eval.crop, eval.cap_m"
        )
    target = depth_gt[mask].astype(np.float64)
    rows: list[Row] = []
    for method, values in prediction.levels.items():
        try:
            depth = depth_map(values, prediction.kind, record, depth_gt, protocol)
            metrics = depth_metrics(torch.from_numpy(depth[mask]), torch.from_numpy(target))
        except ValueError as error:
            raise UserError(f"{record.id}, {method}: {error}") from error
        measured = {key: float(value) for key, value in metrics.items()}
        identity = {"method": method, "id": record.id, "n_valid": int(mask.sum())}
        rows.append({**identity, **measured, "ranges": abs_rel_by_range(depth[mask].astype(np.float64), target)})
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
