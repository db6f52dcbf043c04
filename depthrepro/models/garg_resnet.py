"""The authors' later network: a ResNet-50 of half the width, whose coarse disparity is refined by four skips.

Source: Ravi-Garg/Unsupervised_Depth_Estimation, scripts/train_resnet50by2_pool_tvl1.prototxt and its README; not in the
paper. Written anew from the layers that the file lists.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.models.upsampling import Padding, Upsample2x, zero_conv1x1

LEVEL = "full"
# Channels inside the blocks, blocks, and the factor that the stage's features are scaled by before their skip.
STAGES = ((32, 3, 1e-5), (64, 4, 1e-4), (128, 6, 1e-2), (256, 3, 1.0))
_STEM_SCALE = 1e-6
_STRIDE = 32


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions, the last four times as wide, added to the input; (B, C, h, w) in and out.

    Args:
        inputs: Channels that come in.
        width: Channels inside; 4 * width come out.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.a, self.b, self.c = _conv(inputs, width, 1), _conv(width, width, 3), _conv(width, 4 * width, 1)
        self.project = _conv(inputs, 4 * width, 1) if inputs != 4 * width else None

    def forward(self, x: Tensor) -> Tensor:
        """The block's sum behind a ReLU."""
        y = self.c(torch.relu(self.b(torch.relu(self.a(x)))))
        return torch.relu(y + (x if self.project is None else self.project(x)))


class GargResNet(nn.Module):
    """Disparity from one image at its own size.

    Args:
        padding: Beyond the border of the maps that are upsampled: "replicate", or the authors' "zero".
        output_scale: Disparity per unit of output, as a fraction of the width.

    Attributes:
        levels: The one output.
        kind: Disparity as a fraction of the width.

    Source: see above. Pooling halves the maps, no convolution has a stride; every score is one channel, and upsampling
    is bilinear and not trained. Differs: the features' scales stay at their first values (the file learns them), He
    initialisation and zero scores, so that the first prediction is zero; disparity as a fraction of the width.
    """

    levels: tuple[str, ...] = (LEVEL,)
    kind = Kind.disp_frac

    def __init__(self, padding: Padding = "replicate", output_scale: float = 0.01) -> None:
        super().__init__()
        self.output_scale = output_scale
        self.stem0, self.stem1 = _conv(3, 64, 7), _conv(64, 128, 3)
        self.stages, self.scores = nn.ModuleList(), nn.ModuleList([zero_conv1x1(128)])
        channels = 128
        for width, blocks, _ in STAGES:
            stage = nn.Sequential(*(Bottleneck(channels if i == 0 else 4 * width, width) for i in range(blocks)))
            self.stages.append(stage)
            channels = 4 * width
            self.scores.append(zero_conv1x1(channels))
        self.upsample = Upsample2x(padding, learned=False)

    def forward(self, image: Tensor, levels: Sequence[str] | None = None) -> dict[str, Tensor]:
        """{"full": disp_frac}, (B, 1, H, W) float32.

        Args:
            image: RGB in [0, 1], (B, 3, H, W), both sides multiples of 32.
            levels: ["full"], or None.

        Raises:
            UserError: If another level is asked for, or a side is no multiple of 32.
        """
        if levels is not None and list(levels) != [LEVEL]:
            raise UserError(f"levels: {list(levels)} are no outputs of GargResNet, which has {LEVEL!r} alone")
        if image.shape[-2] % _STRIDE or image.shape[-1] % _STRIDE:
            raise UserError(f"input_size: {tuple(image.shape[-2:])} must be multiples of {_STRIDE} for GargResNet")
        features = self._encode(image)
        with torch.autocast(image.device.type, enabled=False):
            disp = self.scores[-1](features[-1].float())
            scales = [_STEM_SCALE, *(scale for _, _, scale in STAGES)]
            for x, score, scale in list(zip(features, self.scores, scales, strict=True))[-2::-1]:
                disp = self.upsample(disp, (int(x.shape[-2]), int(x.shape[-1]))) + score(x.float() * scale)
            disp = self.upsample(disp, (int(image.shape[-2]), int(image.shape[-1])))
            return {LEVEL: disp * self.output_scale}

    def _encode(self, image: Tensor) -> list[Tensor]:
        """Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image."""
        x = torch.relu(self.stem1(F.max_pool2d(torch.relu(self.stem0(image - 0.5)), 2)))
        found = [x]
        for stage in self.stages:
            x = stage(F.max_pool2d(x, 2))
            found.append(x)
        return found


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))
