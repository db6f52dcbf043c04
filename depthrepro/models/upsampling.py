"""What a coarse-to-fine disparity network is made of: layers that begin as zero, and as bilinear upsampling."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from depthrepro.core.errors import UserError

Padding = Literal["replicate", "zero"]


def zero_conv1x1(channels: int) -> nn.Conv2d:
    """A 1×1 convolution to one channel that gives zero until it has learned."""
    conv = nn.Conv2d(channels, 1, 1)
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


class Upsample2x(nn.Module):
    """One-channel 4×4 transposed convolution of stride 2, without bias.

    A map n pixels long becomes 2n + 2 long, and `forward` cuts the size it is asked for out of the middle, or from the
    start if that is 2n + 1. Pixels near the border mix with what lies past it: with zero padding, the paper's way, the
    outermost of 2n lose a quarter of their value, and more are lost at every further level; with replicate padding a
    constant map stays constant.

    Args:
        padding: What lies beyond the map's border.
        learned: Whether the kernel is trained; fixed, it stays bilinear.

    Source: Garg et al. 2016 (arXiv:1603.04992), figure of the upsampling block. Differs: replicate padding.
    """

    def __init__(self, padding: Padding = "replicate", learned: bool = True) -> None:
        super().__init__()
        if padding not in ("replicate", "zero"):
            raise UserError(f"model.padding: {padding!r} is unknown, choose from replicate, zero")
        self.padding = padding
        tent = torch.tensor([0.25, 0.75, 0.75, 0.25])
        self.weight = nn.Parameter(torch.outer(tent, tent)[None, None], requires_grad=learned)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Map at about twice the size.

        Args:
            x: (B, 1, h, w).
            size: (height, width) to return, each at most 2n + 2 and of any parity; 2n is the usual upsampling by two.

        Returns:
            (B, 1, *size).

        Raises:
            ValueError: If `size` is larger than the transposed convolution reaches.
        """
        full = [2 * n + 2 for n in x.shape[-2:]]
        if size[0] > full[0] or size[1] > full[1]:
            raise ValueError(f"a {tuple(x.shape[-2:])} map can be upsampled to {tuple(full)} at most, asked for {size}")
        if self.padding == "replicate":
            x = F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.weight, stride=2)
            x = x[..., 2:-2, 2:-2]  # what only the padding's own border reaches
        else:
            x = F.conv_transpose2d(x, self.weight, stride=2)
        top, left = ((have - want) // 2 for have, want in zip(full, size, strict=True))
        return x[..., top : top + size[0], left : left + size[1]]
