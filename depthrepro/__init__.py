"""Depth-estimation papers reproduced table by table.

What others build on is here by name, each loaded when it is first asked for: importing the package loads neither torch
nor MLflow. Everything else may move. See docs/api.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthrepro.core.depth_kind import Kind
    from depthrepro.core.errors import UserError
    from depthrepro.core.geometry import linearised_warp, warp_right_to_left
    from depthrepro.core.protocol import Alignment, Crop, GroundTruth, Protocol, Resize
    from depthrepro.data.base import ImageRecord
    from depthrepro.data.io.lidar import lidar_depth
    from depthrepro.data.stereo import StereoRecord
    from depthrepro.evaluation.alignment import align
    from depthrepro.evaluation.metrics import depth_metrics
    from depthrepro.evaluation.scoring import score
    from depthrepro.inference.predictions import Prediction
    from depthrepro.losses.affine_invariant import affine_invariant_loss, cutmix_loss, gradient_matching_loss
    from depthrepro.losses.feature_alignment import feature_alignment_loss
    from depthrepro.losses.silog import silog_loss
    from depthrepro.models.depth_anything import DepthAnything
    from depthrepro.models.fastconv import FastConv
    from depthrepro.models.garg import GargNet
    from depthrepro.predict import load, pipeline
    from depthrepro.report.bootstrap import paired_interval

_MODULES = {
    "core.depth_kind": ("Kind",),
    "core.errors": ("UserError",),
    "core.geometry": ("linearised_warp", "warp_right_to_left"),
    "core.protocol": ("Alignment", "Crop", "GroundTruth", "Protocol", "Resize"),
    "data.base": ("ImageRecord",),
    "data.io.lidar": ("lidar_depth",),
    "data.stereo": ("StereoRecord",),
    "evaluation.alignment": ("align",),
    "evaluation.metrics": ("depth_metrics",),
    "evaluation.scoring": ("score",),
    "inference.predictions": ("Prediction",),
    "losses.affine_invariant": ("affine_invariant_loss", "cutmix_loss", "gradient_matching_loss"),
    "losses.feature_alignment": ("feature_alignment_loss",),
    "losses.silog": ("silog_loss",),
    "models.depth_anything": ("DepthAnything",),
    "models.fastconv": ("FastConv",),
    "models.garg": ("GargNet",),
    "predict": ("load", "pipeline"),
    "report.bootstrap": ("paired_interval",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

# In the order of docs/api.md.
__all__ = [  # noqa: RUF022
    "GargNet",
    "DepthAnything",
    "FastConv",
    "load",
    "pipeline",
    "warp_right_to_left",
    "linearised_warp",
    "lidar_depth",
    "Protocol",
    "GroundTruth",
    "Crop",
    "Alignment",
    "Resize",
    "Kind",
    "Prediction",
    "ImageRecord",
    "StereoRecord",
    "score",
    "align",
    "depth_metrics",
    "paired_interval",
    "affine_invariant_loss",
    "cutmix_loss",
    "feature_alignment_loss",
    "gradient_matching_loss",
    "silog_loss",
    "UserError",
]


if not TYPE_CHECKING:  # a misspelt name is a type checker's to find

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(
                f"module 'depthrepro' has no attribute {name!r}; its public names are {', '.join(__all__)}"
            )
        value = getattr(import_module(f"depthrepro.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
