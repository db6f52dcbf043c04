"""The smallest checkpoints and photographs that prediction can be tried on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.predictions import Kind
from depthrepro.models.depth_anything import DepthAnything
from depthrepro.models.garg import GargNet
from depthrepro.predict import __main__ as program
from depthrepro.predict.prediction import ImagePrediction
from depthrepro.predict.settings import parse

SIZE = (40, 64)  # of the tiny networks' input
GARG = {"_target_": "depthrepro.models.garg.GargNet", "c6_filters": 2}
TINY_VIT = {"depth": 4, "embed_dim": 32, "num_heads": 2, "blocks": [0, 1, 2, 3], "img_size": 56}
DEPTH_ANYTHING = {
    "_target_": "depthrepro.models.depth_anything.DepthAnything",
    "encoder": "vits",
    "out_channels": [8, 8, 8, 8],
    "features": 8,
    "encoder_options": TINY_VIT,
}


def garg_checkpoint(path: Path, *, constant: float | None = None, **extra: object) -> Path:
    """Garg's network with two filters in C6; `constant` makes every disparity that share of the width."""
    torch.manual_seed(0)
    model = GargNet(c6_filters=2)
    if constant is None:
        torch.nn.init.normal_(model.c7.weight, std=1.0)
        torch.nn.init.constant_(model.c7.bias, 4.0)
    else:
        torch.nn.init.constant_(model.c7.bias, constant / model.output_scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, {"model": model.state_dict(), "model_config": GARG, "input_size": list(SIZE), **extra})
    return path


def depth_anything_checkpoint(path: Path, head: str = "relative", nclass: int = 1) -> Path:
    """A vision transformer with four narrow blocks; the input keeps the image's aspect."""
    torch.manual_seed(0)
    config = {**DEPTH_ANYTHING, "head": head, "nclass": nclass}
    model = DepthAnything(**{key: value for key, value in config.items() if key != "_target_"})
    transform = InputTransform(42, 42, multiple=14, keep_aspect=True, interpolation="cubic")
    save_checkpoint(path, {"model": model.state_dict(), "model_config": config, "input": transform.as_dict()})
    return path


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Soft random colours, uint8 (height, width, 3): distinct, and small as JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def save_photo(path: Path, height: int, width: int, seed: int = 0, mode: str = "RGB", orientation: int = 1) -> None:
    """Write a photograph in the format of its suffix; `height` and `width` are those of the stored pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, object] = {}
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    Image.fromarray(photograph(height, width, seed)).convert(mode).save(path, **options)


def prediction(
    values: np.ndarray, kind: Kind = Kind.depth, input_size: tuple[int, int] | None = None
) -> ImagePrediction:
    """A prediction with given numbers and a grey image."""
    values = np.asarray(values, np.float32)
    image = np.full((*values.shape, 3), 120, np.uint8)
    return ImagePrediction("photo.jpg", kind, {kind.value: values}, image, input_size or values.shape)


def predict(photos: Path, checkpoint: Path, out: Path, *more: str) -> int:
    return program.run(parse([f"input={photos}", f"checkpoint={checkpoint}", f"output={out}", "device=cpu", *more]))


def about(out: Path, name: str) -> dict:
    return json.loads((out / f"{name}.json").read_text())
