"""Depth for a person's own images: `python -m depthrepro.predict`, and the same from Python.

    predictor = depthrepro.predict.load("runs/garg_kitti/seed=0")
    prediction = predictor("street.jpg")  # .values (H, W) float32, .kind, .unit, .near_is
    prediction.save("out/street", ("png16", "color"))

Nothing here imports torch before a network is loaded, so that `--help` and typing mistakes are answered at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from depthrepro.core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from depthrepro.predict.predictor import DepthPipeline, Predictor

__all__ = ["load", "pipeline"]


def load(checkpoint: str | Path, device: str = "auto", level: str | None = None, precision: str = "auto") -> Predictor:
    """A network that is ready to predict.

    Args:
        checkpoint: `last.pt` or `best.pt` of a run, a run directory (its `checkpoints/last.pt` is taken), or published
            Depth Anything weights (`.pth`, `.safetensors` or a Hugging Face folder).
        device: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:<n>".
        level: Output of a network with several; None = its finest.
        precision: "fp32"; "bf16", faster where it is native, with two to three digits; "auto": bf16 there, else fp32.

    Raises:
        UserError: If the file is missing, damaged, or holds no network that this package knows.
    """
    from depthrepro.predict.loading import load_network  # torch takes 1.3 s
    from depthrepro.predict.predictor import Predictor

    return Predictor(load_network(Path(checkpoint), device, level, precision))


def pipeline(task: str = "depth-estimation", model: str | Path = "", device: str | int = "auto") -> DepthPipeline:
    """A drop-in for the depth pipeline of Hugging Face's transformers.

    Args:
        task: "depth-estimation", the only one.
        model: As `checkpoint` of `load`; nothing is downloaded.
        device: As `load`; -1 for the CPU and n for GPU n are understood too.

    Raises:
        UserError: If the task is another one, no model is named, or as `load`.
    """
    from depthrepro.predict.predictor import DepthPipeline  # torch takes 1.3 s

    if task != DepthPipeline.task:
        raise UserError(f"pipeline: the task {task!r} is unknown{did_you_mean(task, [DepthPipeline.task])}")
    if not str(model):
        raise UserError("pipeline: model=CHECKPOINT is missing; nothing is downloaded here")
    if isinstance(device, int):
        device = "cpu" if device < 0 else f"cuda:{device}"
    return DepthPipeline(load(model, device))
