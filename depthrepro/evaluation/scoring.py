"""From a prediction to a row: resize to the ground truth, convert to metres, align, clamp, measure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Alignment, GroundTruth, Protocol, Resize
from depthrepro.data.base import DepthDataset, ImageRecord
from depthrepro.data.input_transform import InputTransform
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
    _check_informative(values)
    mask = evaluated_mask(depth_gt, protocol)
    size = depth_gt.shape[1], depth_gt.shape[0]
    full = cv2.resize(np.asarray(values, np.float32), size, interpolation=_INTERPOLATION[protocol.resize])
    convert = to_inv_depth if protocol.alignment is Alignment.lstsq_inv_depth else to_depth
    depth = align(convert(full, kind, record), depth_gt, mask=mask, method=protocol.alignment, cap_m=protocol.cap_m)
    depth = np.clip(depth, protocol.min_depth_m, protocol.cap_m)
    if depth.min() == depth.max():
        raise ValueError(
            f"every pixel was clamped to {depth.flat[0]:g} m: the network is untrained or diverged, "
            "or the prediction's kind, focal length or baseline is wrong"
        )
    return depth


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
        UserError: If there is no pixel to score, or a level is not finite, constant, or cannot be aligned; the message
            names the image and the level.
    """
    if prediction.id != record.id:
        raise UserError(f"{record.id}: the prediction is of {prediction.id}; evaluate the run again")
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


def predict(
    model: nn.Module,
    dataset: DepthDataset,
    indices: Sequence[int],
    *,
    transform: InputTransform,
    device: torch.device | str = "cpu",
    kind: Kind = Kind.disp_frac,
    batch_size: int = 1,
    flip_average: bool = False,
) -> Generator[Prediction, None, None]:
    """Predict image after image, holding one batch at a time; the model's training modes are restored at the end.

    Args:
        model: Maps RGB in [0, 1], (B, 3, H, W), to named maps (B, 1, h, w).
        dataset: Where the images are.
        indices: The images to predict.
        transform: How images are resized for the network.
        device: Where the model is.
        kind: What the model's numbers mean.
        batch_size: Images per forward pass.
        flip_average: Whether each map is averaged with that of the mirror image; see `Protocol`.

    Yields:
        Predictions in the order of `indices`, float32.

    Raises:
        UserError: If an image cannot be read.
    """
    own_way = getattr(model, "predict_image", None)  # a rival that prepares images itself
    with evaluation_mode(model):
        if own_way is not None:
            for i in indices:
                levels = _own_outputs(own_way, dataset.read_image(i), flip_average)
                yield Prediction(dataset.records[i].id, kind, levels)
            return
        for start in range(0, len(indices), batch_size):
            chosen = indices[start : start + batch_size]
            images = np.stack([transform.resize(dataset.read_image(i)) for i in chosen])
            batch = torch.from_numpy(images).permute(0, 3, 1, 2).to(device).float() / 255.0
            with torch.inference_mode():  # only here: the mode must not leak to whoever consumes the iterator
                levels = {name: values.float().cpu().numpy() for name, values in _outputs(model, batch, flip_average)}
            for b, i in enumerate(chosen):
                yield Prediction(dataset.records[i].id, kind, {name: values[b, 0] for name, values in levels.items()})


def _own_outputs(
    predict_image: Callable[[NDArray[np.uint8]], dict[str, Floats]], image: NDArray[np.uint8], flip_average: bool
) -> dict[str, Floats]:
    """Maps of one image by a network that prepares it itself; averaged as `_outputs`."""
    found = predict_image(image)
    if flip_average:
        mirrored = predict_image(np.ascontiguousarray(image[:, ::-1]))
        found = {name: (values + mirrored[name][:, ::-1]) / 2 for name, values in found.items()}
    return found


def _outputs(model: nn.Module, images: Tensor, flip_average: bool) -> Iterator[tuple[str, Tensor]]:
    """The model's maps by name, averaged with those of the mirror images where that is wanted."""
    mirrored = model(images.flip(-1)) if flip_average else {}
    for name, values in model(images).items():
        yield name, (values + mirrored[name].flip(-1)) / 2 if flip_average else values


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """`model.eval()` for a while; then every module gets its own mode back (some may have been frozen)."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
