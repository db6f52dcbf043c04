"""Depth for a person's own images: `python -m depthrepro.predict`, and the same from Python.

    predictor = depthrepro.predict.load("runs/garg_kitti/seed=0")
    prediction = predictor("street.jpg")  # .values (H, W) float32, .kind, .unit, .near_is
    prediction.save("out/street", ("png16", "color"))

Nothing here imports torch before a network is loaded, so that `--help` and typing mistakes are answered at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthrepro.predict.hf_pipeline import DepthPipeline
    from depthrepro.predict.predictor import Predictor

__all__ = ["load", "pipeline"]


def load(checkpoint: str | Path, device: str = "auto", level: str | None = None) -> Predictor:
    """A network that is ready to predict.

    Args:
        checkpoint: `last.pt` or `best.pt` of a run, a run directory (its `checkpoints/last.pt` is taken), or published
            Depth Anything weights (`.pth`, `.safetensors` or a Hugging Face folder).
        device: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:<n>".
        level: Output of a network with several; None = its finest.

    Raises:
        UserError: If the file is missing, damaged, or holds no network that this package knows.
    """
    from depthrepro.predict.loading import load_network
    from depthrepro.predict.predictor import Predictor

    return Predictor(load_network(Path(checkpoint), device, level))


def pipeline(task: str = "depth-estimation", model: str | Path = "", device: str | int = "auto") -> DepthPipeline:
    """A drop-in for the depth pipeline of Hugging Face's transformers.

    Args:
        task: "depth-estimation", the only one.
        model: As `checkpoint` of `load`; nothing is downloaded.
        device: As `load`; -1 for the CPU and n for GPU n are understood too.

    Raises:
        UserError: If the task is another one, or as `load`.
    """
    from depthrepro.predict.hf_pipeline import make_pipeline

    return make_pipeline(task, model, device)
