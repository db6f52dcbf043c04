"""The call of Hugging Face's depth pipeline, answered by our networks.

Source: `transformers.pipeline("depth-estimation")`: a dictionary with `predicted_depth`, a tensor of the image's size,
and `depth`, an 8-bit picture stretched from the least to the largest value. Differs: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from depthrepro.config.cli import did_you_mean
from depthrepro.core.errors import UserError
from depthrepro.predict import load
from depthrepro.predict.prediction import ImagePrediction
from depthrepro.predict.predictor import Predictor

TASK = "depth-estimation"


class DepthPipeline:
    """Called with an image or a list of images (paths, PIL images, uint8 arrays).

    Args:
        predictor: The network.

    Attributes:
        predictor: Likewise; its `kind` says what `predicted_depth` means.
        task: "depth-estimation".
    """

    task = TASK

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __call__(
        self, inputs: Any = None, *, images: Any = None, batch_size: int = 1
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Predict.

        Args:
            inputs: An image, or a list of images.
            images: The same under its older name.
            batch_size: Images of one size that are computed together.

        Returns:
            {"predicted_depth": float32 tensor (H, W), "depth": 8-bit PIL image}; a list of these for a list.
        """
        given = images if inputs is None else inputs
        if given is None:
            raise UserError("the depth pipeline needs an image, or a list of images")
        if isinstance(given, Sequence) and not isinstance(given, str):
            return [_answer(prediction) for prediction in self.predictor(list(given), batch_size=batch_size)]
        return _answer(self.predictor(given))


def _answer(prediction: ImagePrediction) -> dict[str, Any]:
    values = prediction.values
    low, high = float(values.min()), float(values.max())
    stretched = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return {
        "predicted_depth": torch.from_numpy(values),
        "depth": Image.fromarray((stretched * 255).astype(np.uint8)),
    }


def make_pipeline(task: str, model: str | Path, device: str | int) -> DepthPipeline:
    """See `depthrepro.predict.pipeline`.

    Raises:
        UserError: If the task is another one, no model is named, or as `load`.
    """
    if task != TASK:
        raise UserError(f"pipeline: the task {task!r} is unknown{did_you_mean(task, [TASK])}")
    if not str(model):
        raise UserError("pipeline: model=CHECKPOINT is missing; nothing is downloaded here")
    if isinstance(device, int):
        device = "cpu" if device < 0 else f"cuda:{device}"
    return DepthPipeline(load(model, device))
