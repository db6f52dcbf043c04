"""The network of Garg et al. 2016: AlexNet's convolutions, then disparity refined level by level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.models.lrn import LocalResponseNorm
from depthrepro.models.upsampling import Padding, Upsample2x, zero_conv1x1
from depthrepro.models.weights import load_strictly, read_weights

LEVELS = ("L7", "L8", "L9", "L10", "L11", "L12")
FILTERS = (96, 256, 384, 384, 256)  # of C1..C5, as AlexNet
SKIPPED = {"L8": 5, "L9": 2, "L10": 1}  # which convolution's features a level adds: L5, normalised L2, normalised L1
# Column 0 of each level, and the step between columns, in pixels of the image: C1 is centred 5 pixels inside it, each
# pooling adds one of its own pixels, each upsampling takes a quarter of the coarser level's. L9 stands where its skip
# convolution reads (N2), which has the finest features; L8 where its own does (L5).
PLACES = {"L7": (33, 32), "L8": (17, 16), "L9": (9, 8), "L10": (7, 4), "L11": (6, 2), "L12": (5.5, 1)}
Placement = Literal["stretched", "cropped"]
MIN_SIZE = 39  # pixels; smaller images vanish in the pooling


class GargNet(nn.Module):
    """Disparity from one image, at six levels from L7 (1/32 of the image) to L12 (nearly its size).

    Sizes for the paper's 188×620 image: L1 45×153, L2 22×76, L3–L5 11×38, L6 and L7 5×19, then L8 11×38, L9 22×76,
    L10 44×152, L11 88×304, L12 176×608. Any image of at least 39×39 works.

    Every level starts as the upsampled level before it: C7 and the skip convolutions are zero at the start, so the
    first prediction is exactly zero disparity everywhere, and C1..C6 still receive gradients as soon as C7 has moved.

    Args:
        c6_filters: Filters of C6; the paper has 2048.
        width: Share of AlexNet's filters in C1..C5; the paper has 1.
        padding: Beyond the border of the maps that are upsampled: "replicate", or the paper's "zero".
        learned_upsampling: Whether D3..D5 (L10..L12) are trained or stay bilinear. F1 and F2 always are trained.
        skips: Levels that add a 1×1 convolution of encoder features: L8 of L5, L9 of the normalised L2 (the paper's F1
            and F2), and L10 of the normalised L1. With L10 among them, L10 is the uncropped transposed convolution,
            46×154 for the paper's image: the row "L10 + skip" of the paper's table. L1 is 45×153, so the result of
            its 1×1 convolution is resized to that, which keeps the two centred on each other.
        placement: Which part of the image a map covers: "stretched" over all of it, as the paper's evaluation resizes
            it, or "cropped", the part that its features see. C1 has no padding, so the first column of C1 is centred 5
            pixels inside the image, and L12's 608 columns lie 1 pixel apart on the 620 of the image: stretched, they
            stand up to 6 pixels from where they look. Cropped maps are returned at the same size, placed and extended
            to the image's borders, so that whatever takes them may stretch them.
        weights: Checkpoint of a GargNet of the same layers that the training starts from; None = fresh weights.
        output_scale: Disparity per unit of output, as a fraction of the width. At 0.01 the layers work in per cent of
            the width, values of order one on streets, which suits the paper's learning rate.

    Attributes:
        levels: The outputs that are returned, and scored, unless others are asked for.
        all_levels: Those that can be asked for.
        kind: Disparity as a fraction of the width.

    Source: Garg et al. 2016 (arXiv:1603.04992), figure of the network. Differs: He initialisation of C1..C6 (AlexNet's
    Gaussian of 0.01 dies out over six layers without pretraining); zero weights in C7 instead of C6 (a zero C6 behind a
    ReLU never learns); replicate padding; disparity as a fraction of the width, so that no level rescales it.
    """

    levels: tuple[str, ...] = ("L9", "L10", "L11", "L12")
    all_levels = LEVELS
    kind = Kind.disp_frac

    def __init__(
        self,
        c6_filters: int = 2048,
        width: float = 1.0,
        padding: Padding = "replicate",
        learned_upsampling: bool = True,
        skips: Sequence[str] = ("L8", "L9"),
        placement: Placement = "stretched",
        weights: str | None = None,
        output_scale: float = 0.01,
    ) -> None:
        super().__init__()
        unknown = sorted(set(skips) - set(SKIPPED))
        if unknown:
            raise UserError(f"model.skips: {unknown[0]!r} has no features to skip from, choose from L8, L9, L10")
        if placement not in ("stretched", "cropped"):
            raise UserError(f"model.placement: {placement!r} is unknown, choose from stretched, cropped")
        if placement == "cropped" and set(skips) != {"L8", "L9"}:
            raise UserError("model.placement=cropped: known for model.skips=[L8,L9] alone; other skips move the maps")
        if not width > 0:
            raise UserError(f"model.width must be above 0, got {width}")
        self.output_scale, self.placement = output_scale, placement
        f1, f2, f3, f4, f5 = filters = [max(1, round(width * full)) for full in FILTERS]
        self.c1 = nn.Conv2d(3, f1, 11, stride=4)
        self.n1 = LocalResponseNorm(f1)
        self.c2 = nn.Conv2d(f1, f2, 5, padding=2)
        self.n2 = LocalResponseNorm(f2)
        self.c3 = nn.Conv2d(f2, f3, 3, padding=1)
        self.c4 = nn.Conv2d(f3, f4, 3, padding=1)
        self.c5 = nn.Conv2d(f4, f5, 3, padding=1)
        self.c6 = nn.Conv2d(f5, c6_filters, 5, padding=2)
        for conv in (self.c1, self.c2, self.c3, self.c4, self.c5, self.c6):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        self.c7 = zero_conv1x1(c6_filters)
        self.upsample = nn.ModuleDict(
            {level: Upsample2x(padding, learned_upsampling or level in ("L8", "L9")) for level in LEVELS[1:]}
        )
        self.skip = nn.ModuleDict(
            {level: zero_conv1x1(filters[SKIPPED[level] - 1]) for level in LEVELS if level in skips}
        )
        if weights is not None:
            load_strictly(self, read_weights(Path(weights).expanduser()), f"model.weights: {weights}")

    def forward(self, image: Tensor, levels: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Disparity at the levels asked for; nothing finer is computed.

        Args:
            image: RGB in [0, 1], (B, 3, H, W), H and W at least 39.
            levels: Names from L7..L12; None for `self.levels`.

        Returns:
            {level: disp_frac}, coarse to fine, each (B, 1, h, w) float32: disparity / image width, unbounded.

        Raises:
            UserError: If a level is unknown or the image too small.
        """
        wanted = self.levels if levels is None else levels
        unknown = [level for level in wanted if level not in LEVELS]
        if unknown or not wanted:
            raise UserError(
                f"levels: {unknown[0] if unknown else 'none'!r} is no output of GargNet, choose from L7..L12"
            )
        if min(image.shape[-2:]) < MIN_SIZE:
            raise UserError(f"input_size: {tuple(image.shape[-2:])} is too small for GargNet, at least 39x39 is needed")
        l6, features = self._encode(image)
        # One channel costs little: full precision, where bf16 would round every disparity to 0.4 %.
        with torch.autocast(image.device.type, enabled=False):
            maps = self._decode(l6.float(), features, finest=max(LEVELS.index(level) for level in wanted))
            if self.placement == "cropped":
                maps = {level: placed(maps[level], level, image.shape[-2:]) for level in maps if level in wanted}
            return {level: maps[level] * self.output_scale for level in LEVELS if level in wanted}

    def _encode(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """L6, and the features that each level's skip convolution reads."""
        n1 = self.n1(F.relu(self.c1(image - 0.5)))  # the paper's inputs: about [−0.5, 0.5]
        n2 = self.n2(F.relu(self.c2(_pool(n1))))
        l3 = F.relu(self.c3(_pool(n2)))
        l4 = F.relu(self.c4(l3))
        l5 = F.relu(self.c5(l4))
        l6 = F.relu(self._sixth(_pool(l5)))
        return l6, {"L8": l5, "L9": n2, "L10": n1}

    def _sixth(self, x: Tensor) -> Tensor:
        """C6. Of a single row oneDNN's bf16 leaves the gradient of the filters' outer rows uninitialised: not there."""
        if min(x.shape[-2:]) > 1:
            return self.c6(x)
        with torch.autocast(x.device.type, enabled=False):
            return self.c6(x.float())

    def _decode(self, l6: Tensor, features: dict[str, Tensor], finest: int) -> dict[str, Tensor]:
        """Maps from L7 to LEVELS[finest], in units of `output_scale`."""
        maps = {"L7": self.c7(l6)}
        for coarser, level in pairwise(LEVELS[: finest + 1]):
            size = self._level_size(level, maps[coarser], features)
            maps[level] = self.upsample[level](maps[coarser], size)
            if level in self.skip:
                maps[level] = maps[level] + _resize(self.skip[level](features[level].float()), size)
        return maps

    def _level_size(self, level: str, coarser: Tensor, features: dict[str, Tensor]) -> tuple[int, int]:
        """(height, width) of a level: its features' for L8 and L9, then twice the coarser level's."""
        height, width = coarser.shape[-2:]
        if level in ("L8", "L9"):
            height, width = features[level].shape[-2:]
            return height, width
        if level == "L10" and level in self.skip:
            return 2 * height + 2, 2 * width + 2
        return 2 * height, 2 * width


def placed(values: Tensor, level: str, image_size: Sequence[int]) -> Tensor:
    """A level's map over the whole image, at its own size: moved to where its features look, extended to the borders.

    Args:
        values: (B, 1, h, w), columns `PLACES[level]` apart.
        level: Its name.
        image_size: (height, width) of the image.

    Returns:
        (B, 1, h, w): resizing it to the image, by pixel edges, puts every value at the pixel that it was computed for.
    """
    rows, columns = (
        _placing(size, of, level, values.device) for size, of in zip(values.shape[-2:], image_size, strict=True)
    )
    return rows @ values @ columns.T


@lru_cache(maxsize=32)
def _placing(size: int, image_size: int, level: str, device: torch.device) -> Tensor:
    """(size, size): linear interpolation along a side of a map, from where its values lie to where they should."""
    with torch.inference_mode(False):  # kept for trainings, whoever asks first
        first, step = PLACES[level]
        wanted = (torch.arange(size, dtype=torch.float64) + 0.5) * image_size / size - 0.5
        source = ((wanted - first) / step).clamp(0, size - 1)
        left = source.floor().clamp(max=size - 2)
        weights = torch.zeros(size, size, dtype=torch.float64)
        weights.scatter_(1, left.long()[:, None], (1 - (source - left))[:, None])
        weights.scatter_add_(1, left.long()[:, None] + 1, (source - left)[:, None])
        return weights.float().to(device)


def _pool(x: Tensor) -> Tensor:
    """AlexNet's overlapping pooling. Ceil mode, as Caffe: with floor the paper's output sizes do not come out."""
    return F.max_pool2d(x, kernel_size=3, stride=2, ceil_mode=True)


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """`x` at `size`; only the skip into L10 differs from it, by one pixel."""
    return x if x.shape[-2:] == size else F.interpolate(x, size, mode="bilinear", align_corners=False)
