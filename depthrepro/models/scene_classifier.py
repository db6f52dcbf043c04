"""Classifiers of scenes on colours, on depth, or on both: what they look at, and the depth network in front of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.models.depth_anything import DepthAnything, transform_of

INPUTS = {"rgb": 3, "rgb_depth": 4, "depth": 1}
LOGITS = "logits"
_NEAREST_M = 0.1


class SceneClassifier(nn.Module):
    """A network that predicts the class of a scene; the subclass makes `logits` of what it looks at.

    Args:
        inputs: "rgb", "rgb_depth" (depth as a fourth channel) or "depth".
        depth_network: Checkpoint of a network that makes the depth map and is trained along; None = the map is given.
        stretch: Whether that network's map is stretched to [0, 1] image by image; False = as it comes.

    Attributes:
        kind: None: it predicts classes.
        levels: The one output.
        channels: Channels of the image that `forward` takes: 3, or 4 with a given depth map.

    Raises:
        UserError: If `inputs` is unknown, or a depth network is named without depth among the inputs.
    """

    kind = None
    levels = (LOGITS,)

    def __init__(self, inputs: str, depth_network: str | None, stretch: bool) -> None:
        super().__init__()
        if inputs not in INPUTS:
            raise UserError(f"model.inputs: {inputs!r} is unknown, choose from {', '.join(INPUTS)}")
        if depth_network and inputs == "rgb":
            raise UserError("model.depth_network: the inputs are rgb alone; set model.inputs=rgb_depth")
        self.inputs = inputs
        self.depth_network = DepthMaps(depth_network, stretch) if depth_network else None
        self.channels = 3 if inputs == "rgb" or depth_network else 4

    def forward(self, image: Tensor, levels: Sequence[str] | None = None) -> dict[str, Tensor]:
        """{"logits": (B, classes)}.

        Args:
            image: RGB in [0, 1], (B, 3, H, W); with depth in [0, 1] as a fourth channel where depth is among the inputs
                and no network makes it.
            levels: Unused: there is one output.
        """
        if self.depth_network is not None:
            image = torch.cat([image[:, :3], self.depth_network(image[:, :3])], dim=1)
        return {LOGITS: self.logits(image[:, 3:] if self.inputs == "depth" else image)}

    def logits(self, x: Tensor) -> Tensor:
        """(B, classes) of the channels that it looks at, (B, C, H, W) with C = 1, 3 or 4."""
        raise NotImplementedError


def network_input(batch: Mapping[str, Tensor]) -> Tensor:
    """A batch's images, and their depth maps as a fourth channel where it has any; (B, 3 or 4, H, W)."""
    return torch.cat([batch["image"], batch["depth"]], dim=1) if "depth" in batch else batch["image"]


class DepthMaps(nn.Module):
    """Depth maps of a network: large is near.

    Args:
        checkpoint: Of `DepthAnything`, relative or metric: a run's, or published weights.
        stretch: Whether each map is stretched to [0, 1], 1 = nearest; False = the network's inverse depth.

    Raises:
        UserError: As `DepthAnything.from_checkpoint`.
    """

    def __init__(self, checkpoint: str, stretch: bool = True) -> None:
        super().__init__()
        self.network = DepthAnything.from_checkpoint(existing_checkpoint(checkpoint))
        self.multiple = transform_of(self.network).multiple
        self.stretch = stretch

    def forward(self, image: Tensor) -> Tensor:
        """Maps (B, 1, H, W) of images, RGB in [0, 1], (B, 3, H, W), computed at the next smaller size that it takes."""
        size = int(image.shape[-2]), int(image.shape[-1])
        inner = [max(1, side // self.multiple) * self.multiple for side in size]
        resized = F.interpolate(image, size=inner, mode="bilinear", align_corners=False, antialias=True)
        depth = next(iter(self.network(resized).values()))
        if self.network.kind is Kind.depth:  # metres: the inverse is what relative networks predict
            depth = 1 / depth.clamp(min=_NEAREST_M)
        depth = F.interpolate(depth, size=size, mode="bilinear", align_corners=False)
        if not self.stretch:
            return depth
        low, high = depth.amin(dim=(2, 3), keepdim=True), depth.amax(dim=(2, 3), keepdim=True)
        return (depth - low) / (high - low).clamp(min=1e-6)


def existing_checkpoint(checkpoint: str) -> str:
    """The same path or name, if it is a checkpoint that is there or published weights to be looked for.

    Raises:
        UserError: If it is a checkpoint of ours that nobody has trained.
    """
    path = Path(checkpoint).expanduser()
    if path.suffix == ".pt" and not path.is_file():
        raise UserError(
            f"{path}: no such checkpoint of a depth network; train one with `make student`, or name published weights "
            "(DEPTH_ANYTHING_WEIGHTS)"
        )
    return checkpoint
