"""NormedConv: our own small classifier of scenes, a twelfth of FastConv's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from depthrepro.models.scene_classifier import INPUTS, SceneClassifier

_CENTRE, _SPREAD = 0.5, 0.25  # of colours and of depth, about


class NormedConv(SceneClassifier):
    """Convolutions of stride 2 with batch normalisation, the mean over the image, a linear layer.

    Args:
        classes: Number of classes.
        inputs: As `SceneClassifier`, and likewise `depth_network`, the attributes and the errors.
        depth_network: See there; its map is stretched.
        widths: Channels of the convolutions.
    """

    def __init__(
        self,
        classes: int,
        inputs: str = "rgb",
        depth_network: str | None = None,
        *,
        widths: Sequence[int] = (32, 64, 128, 256),
    ) -> None:
        super().__init__(inputs, depth_network, stretch=True)
        channels = [INPUTS[inputs], *widths]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
                for a, b in pairwise(channels)
            )
        )
        self.classify = nn.Linear(channels[-1], classes)

    def logits(self, x: Tensor) -> Tensor:
        """(B, classes) of (B, C, H, W) in [0, 1], C = 1, 3 or 4."""
        # Centred: else the means before each batch normalisation move with every step, and the running ones lag behind.
        return self.classify(self.layers((x - _CENTRE) / _SPREAD).mean(dim=(2, 3)))
