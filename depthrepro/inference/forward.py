"""The forward pass: images in, a network's maps out. Whatever predicts goes through `forward`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from depthrepro.data.base import ImageDataset
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.predictions import Floats, Prediction
from depthrepro.models.contract import depth_kind

Image = NDArray[np.uint8]
Maps = dict[str, Floats]


def forward(
    model: nn.Module,
    images: Iterable[Image],
    transform: InputTransform,
    *,
    device: torch.device | str = "cpu",
    levels: Sequence[str] | None = None,
    flip_average: bool = False,
) -> list[Maps]:
    """Maps of a few images, which are in memory together; the model is in evaluation mode meanwhile.

    Images that follow each other and have inputs of one size are computed in one batch: what a batch holds can change
    the last bits of a result, so the same images give the same numbers. An autocast of the caller's is respected.

    Args:
        model: Maps RGB in [0, 1], (B, 3, H, W), to named maps (B, 1, h, w); or prepares an image by itself, in a method
            `predict_image`, which takes RGB uint8 (H, W, 3) and gives named maps (h, w).
        images: RGB uint8 (H, W, 3), of any sizes; or what `transform.resize` made of them.
        transform: How images are resized for the network; one that has its input's size stays as it is.
        device: Where the model is.
        levels: Outputs that are computed; None = all.
        flip_average: Whether each map is averaged with that of the mirror image; see `Protocol`.

    Returns:
        Level → map, (h, w) float32, for each image.
    """
    own_way = getattr(model, "predict_image", None)
    with evaluation_mode(model), torch.inference_mode():
        if own_way is not None:
            return [_own_maps(own_way, image, flip_average) for image in images]
        inputs = [transform.resize(image) for image in images]
        found: list[Maps] = []
        for _, group in groupby(inputs, key=np.shape):
            # Bytes travel as bytes, not as floats: a quarter of the traffic to a GPU.
            batch = torch.from_numpy(np.stack(list(group))).to(device).permute(0, 3, 1, 2)
            batch = batch.float() / 255.0 if batch.dtype == torch.uint8 else batch.float()
            maps = {
                name: values[:, 0].float().cpu().numpy()
                for name, values in _outputs(model, batch, levels, flip_average)
            }
            found += [{name: values[i] for name, values in maps.items()} for i in range(len(batch))]
    return found


def predict(
    model: nn.Module,
    dataset: ImageDataset,
    indices: Sequence[int],
    *,
    transform: InputTransform,
    device: torch.device | str = "cpu",
    batch_size: int = 1,
    flip_average: bool = False,
) -> Iterator[Prediction]:
    """Predict image after image of a data set, reading and computing `batch_size` of them together; see `forward`.

    Yields:
        Predictions in the order of `indices`, float32.

    Raises:
        UserError: If an image cannot be read, or the model declares no kind of depth.
    """
    kind = depth_kind(model)
    for start in range(0, len(indices), batch_size):
        chosen = indices[start : start + batch_size]
        images = (dataset.read_image(i) for i in chosen)
        found = forward(model, images, transform, device=device, flip_average=flip_average)
        for i, maps in zip(chosen, found, strict=True):
            yield Prediction(dataset.records[i].id, kind, maps)


def _own_maps(predict_image: Callable[[Image], Maps], image: Image, flip_average: bool) -> Maps:
    """Maps of one image by a network that prepares it itself; averaged as `_outputs`."""
    found = predict_image(image)
    if flip_average:
        mirrored = predict_image(np.ascontiguousarray(image[:, ::-1]))
        found = {name: (values + mirrored[name][:, ::-1]) / 2 for name, values in found.items()}
    return found


def _outputs(
    model: nn.Module, images: Tensor, levels: Sequence[str] | None, flip_average: bool
) -> Iterator[tuple[str, Tensor]]:
    """The model's maps by name, averaged with those of the mirror images where that is wanted."""
    chosen = () if levels is None else (levels,)  # a network with one output need not take them
    mirrored = model(images.flip(-1), *chosen) if flip_average else {}
    for name, values in model(images, *chosen).items():
        yield name, (values + mirrored[name].flip(-1)) / 2 if flip_average else values


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """`model.eval()` for a while; then every module gets its own mode back (some may have been frozen)."""
    training = [module for module in model.modules() if module.training]
    if training:  # setting the mode of hundreds of modules, image after image, takes as long as reading the image
        model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
