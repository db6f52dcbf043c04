"""Images in, predictions out: the network with everything around it, and in the form of Hugging Face's pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from depthrepro.config.schema import Precision
from depthrepro.core.errors import UserError
from depthrepro.inference.forward import forward
from depthrepro.inference.predictions import Kind
from depthrepro.predict.inputs import as_rgb
from depthrepro.predict.loading import Network
from depthrepro.predict.prediction import ImagePrediction

OneImage = Image.Image | NDArray[np.uint8] | str | Path
Floats = NDArray[np.float32]
Item = TypeVar("Item")
_LONGEST = 16  # times its other side that an input may be long: a panorama, not a line of pixels


class Predictor:
    """Depth of single images; `depthrepro.predict.load` makes one."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def kind(self) -> Kind:
        """Kind of its predictions."""
        return self.network.kind

    @overload
    def __call__(self, image: OneImage) -> ImagePrediction: ...

    @overload
    def __call__(self, image: list[Any] | tuple[Any, ...], batch_size: int = ...) -> list[ImagePrediction]: ...

    def __call__(self, image: Any, batch_size: int = 4) -> ImagePrediction | list[ImagePrediction]:
        """Predict one image, or a list of images of any sizes.

        Args:
            image: A PIL image, an RGB array uint8 (H, W, 3), a path, or a list of these.
            batch_size: Images of one input size that are computed together.

        Raises:
            UserError: If an image cannot be read or is no image, or the prediction is not finite.
        """
        if not isinstance(image, (list, tuple)):
            return self([image])[0]
        images = [as_rgb(one) for one in image]
        # Inputs are made one at a time, so that only what the network reads is in memory beside the images.
        inputs = ((index, self.prepare(*named)) for index, named in enumerate(images))
        found = {}
        for index, raw in self.maps(inputs, batch_size):
            if isinstance(raw, Exception):
                raise raw
            found[index] = self.finish(raw, *images[index])
        return [found[index] for index in range(len(images))]

    def prepare(self, image: NDArray[np.uint8], name: str) -> NDArray[Any]:
        """An image, RGB uint8 (H, W, 3), as the network's transform makes its input: uint8, or float32 in [0, 1].

        Raises:
            UserError: If the image is so long that its input would fill the memory; the message begins with `name`.
        """
        size = self.network.transform.size_for((image.shape[0], image.shape[1]))
        if max(size) > _LONGEST * min(size):
            raise UserError(
                f"{name}: {image.shape[1]}x{image.shape[0]} pixels keep their aspect, so the network's input would "
                f"be {size[1]}x{size[0]}; cut the image into parts of at most {_LONGEST}:1"
            )
        return self.network.transform.resize(image)

    def maps(
        self, inputs: Iterable[tuple[Item, NDArray[Any]]], batch_size: int
    ) -> Iterator[tuple[Item, Floats | Exception]]:
        """Raw outputs, float32 (h, w), of inputs made by `prepare`; or what was raised for one.

        Inputs of one size are computed together, so the order may change; each output comes with its item.
        """
        waiting: dict[tuple[int, ...], list[tuple[Item, NDArray[Any]]]] = {}
        for item, image in inputs:
            group = waiting.setdefault(image.shape, [])
            group.append((item, image))
            if len(group) == batch_size:
                yield from self._batch(waiting.pop(image.shape))
        for group in waiting.values():
            yield from self._batch(group)

    def _batch(self, group: list[tuple[Item, NDArray[Any]]]) -> Iterator[tuple[Item, Floats | Exception]]:
        outputs: Sequence[Floats | Exception]
        try:
            outputs = self.forward([image for _, image in group])
        except Exception as error:
            outputs = [error] if len(group) == 1 else []
        if outputs:
            yield from zip((item for item, _ in group), outputs, strict=True)
            return
        # One by one, so that none fails for another's sake; after the handler, which holds the memory of the batch.
        for one in group:
            yield from self._batch([one])

    def forward(self, images: Sequence[NDArray[Any]]) -> list[Floats]:
        """Raw outputs, float32 (h, w), of images made by `prepare`.

        Raises:
            UserError: If a GPU has not enough memory.
        """
        network, level = self.network, self.network.level
        autocast = torch.autocast(network.device.type, torch.bfloat16, enabled=network.precision is Precision.bf16)
        try:
            with autocast:
                found = forward(network.model, images, network.transform, device=network.device, levels=[level])
        except torch.cuda.OutOfMemoryError:
            height, width = images[0].shape[:2]
            raise UserError(
                f"{network.device}: not enough memory for an input of {width}x{height}; take device=cpu"
            ) from None
        return [maps[level] for maps in found]

    def finish(self, raw: Floats, image: NDArray[np.uint8], name: str) -> ImagePrediction:
        """The prediction of `image`, uint8 (H, W, 3), from its raw output (h, w).

        Raises:
            UserError: If the output is not finite.
        """
        if not np.isfinite(raw).all():
            raise UserError(f"{name}: the prediction is not finite; the training diverged, use another checkpoint")
        height, width = image.shape[:2]
        values = self.network.transform.restore(raw, (height, width))
        network = self.network
        about = {
            "checkpoint": {"path": network.path.as_posix(), "sha256": network.sha256},
            "model": dict(network.description),
            "level": network.level,
            "precision": network.precision.value,
        }
        size = network.transform.size_for((height, width))
        return ImagePrediction(name, self.kind, {network.level: values}, image, size, about)


class DepthPipeline:
    """The call of Hugging Face's depth pipeline, answered by one of our networks.

    Args:
        predictor: The network; its `kind` says what `predicted_depth` means.

    Source: `transformers.pipeline("depth-estimation")`: a dictionary with `predicted_depth`, a tensor of the image's
    size, and `depth`, an 8-bit picture stretched from the least to the largest value. Differs: nothing is downloaded.
    """

    task = "depth-estimation"

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __call__(
        self, inputs: Any = None, *, images: Any = None, batch_size: int = 1
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Predict.

        Args:
            inputs: An image (a path, a PIL image or an array uint8), or a list of images.
            images: The same under its older name.
            batch_size: Images of one size that are computed together.

        Returns:
            {"predicted_depth": float32 tensor (H, W), "depth": 8-bit PIL image}; a list of these for a list.

        Raises:
            UserError: If no image is given, or as `Predictor`.
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
