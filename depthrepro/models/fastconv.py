"""FastConv: the survey's classifier of scenes.

The survey (UCLA CS188, winter 2024, team 34) prints the call, with all its numbers, and not the class. The layers are
those of the public course template whose names the call uses.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from depthrepro.core.errors import UserError
from depthrepro.models.scene_classifier import INPUTS, SceneClassifier


class FastConv(SceneClassifier):
    """Two convolutions, a maximum over 2×2, two linear layers; dropout before each of those.

    Args:
        classes: Number of classes.
        inputs: As `SceneClassifier`, and likewise `depth_network`, and the attributes.
        depth_network: See there.
        stretch: Whether that network's map is stretched to [0, 1]; False = as it comes, the survey's way.
        input_size: (height, width) of the images.
        conv_hidden_channels: Of the first convolution.
        conv_out_channels: Of the second.
        dropout_rate1: Before the first linear layer, in [0, 1).
        dropout_rate2: Before the second.
        fc_out_channels: Of the first linear layer.
        kernel_size: Of both convolutions, and likewise their `stride` and `padding`, in pixels.
        stride: The survey names one; that both convolutions have it is our reading.
        padding: Zeros at the border.

    Raises:
        UserError: As `SceneClassifier`, or if the images are too small.

    Source: see above: 4.82 million parameters at 140×140 with 100 classes.
    """

    def __init__(
        self,
        classes: int,
        inputs: str = "rgb",
        depth_network: str | None = None,
        *,
        stretch: bool = False,
        input_size: Sequence[int] = (140, 140),
        conv_hidden_channels: int = 64,
        conv_out_channels: int = 128,
        dropout_rate1: float = 0.25,
        dropout_rate2: float = 0.5,
        fc_out_channels: int = 128,
        kernel_size: int = 3,
        stride: int = 2,
        padding: int = 1,
    ) -> None:
        super().__init__(inputs, depth_network, stretch)
        self.size = tuple(input_size)
        sides = list(input_size)
        for _ in range(2):
            sides = [(side + 2 * padding - kernel_size) // stride + 1 for side in sides]
        height, width = (side // 2 for side in sides)
        if min(height, width) < 1:
            raise UserError(f"input_size: {self.size[0]}x{self.size[1]} is too small for FastConv")
        self.layers = nn.Sequential(
            nn.Conv2d(INPUTS[inputs], conv_hidden_channels, kernel_size, stride, padding),
            nn.ReLU(),
            nn.Conv2d(conv_hidden_channels, conv_out_channels, kernel_size, stride, padding),
            nn.MaxPool2d(2),
            nn.Dropout(dropout_rate1),
            nn.Flatten(),
            nn.Linear(conv_out_channels * height * width, fc_out_channels),
            nn.ReLU(),
            nn.Dropout(dropout_rate2),
            nn.Linear(fc_out_channels, classes),
        )

    def logits(self, x: Tensor) -> Tensor:
        """(B, classes) of (B, C, H, W) with C = 1, 3 or 4.

        Raises:
            UserError: If the images have another size than `input_size`.
        """
        if tuple(x.shape[-2:]) != self.size:
            raise UserError(f"input_size: FastConv was built for {self.size}, the images have {tuple(x.shape[-2:])}")
        return self.layers(x)
