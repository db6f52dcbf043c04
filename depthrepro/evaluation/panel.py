"""Images for a panel like the paper's figure: photograph, ground truth, and every level's depth side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from depthrepro.core.files import replacing
from depthrepro.core.protocol import Protocol
from depthrepro.data.base import DepthDataset
from depthrepro.data.io.images import resize_rgb
from depthrepro.evaluation.baselines import MeanMap, baseline_predictions
from depthrepro.evaluation.scoring import depth_map
from depthrepro.inference.predictions import Prediction, prediction_path


def write_panels(
    folder: Path,
    test: DepthDataset,
    predictions: Mapping[int, Prediction],
    protocol: Protocol,
    mean: MeanMap | None,
) -> None:
    """Write `folder`/<id>.npz for some test images.

    Each holds `image` (H, W, 3) uint8 and `depth_gt` (H, W) float32 (0 = none) at the ground truth's size, and one
    (H, W) float32 depth map, aligned and clamped as it is scored, per level and baseline. Depth in metres.

    Args:
        folder: Target.
        test: The test set.
        predictions: The images to show: index → prediction of the checkpoint to show.
        protocol: As the scores beside the panel.
        mean: The training set's mean depth map, if there is one.

    Raises:
        UserError: If an image cannot be read.
    """
    for i, own in predictions.items():
        record, depth_gt = test.records[i], test.depth_gt(i, protocol.ground_truth)
        maps = {
            name: depth_map(values, prediction.kind, record, depth_gt, protocol).astype(np.float32)
            for prediction in (own, *baseline_predictions(record, protocol, mean))
            for name, values in prediction.levels.items()
        }
        image = test.read_image(i)
        image = image if image.shape[:2] == depth_gt.shape else resize_rgb(image, depth_gt.shape)
        with replacing(prediction_path(folder, record.id)) as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, image=image, depth_gt=depth_gt.astype(np.float32), **maps)
