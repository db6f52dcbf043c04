"""The DPT decoder in its four parts: project, resize, fuse, output.

Source: Ranftl et al. 2021 (arXiv:2103.13413), in the form that Depth Anything uses: no class-token readout, no batch
normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from depthrepro.models.encoders import resize_map
from depthrepro.models.metric_bins import DecoderMaps


class ResidualUnit(nn.Module):
    """Two 3×3 convolutions, each behind a ReLU, added to the input; (B, C, h, w) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The input plus conv(relu(conv(relu(input))))."""
        return x + self.conv2(torch.relu(self.conv1(torch.relu(x))))


class Fusion(nn.Module):
    """Adds a finer map to the coarser result, refines, and brings it to the next size.

    Args:
        channels: Of every map.
        skip: Whether a finer map comes in; the coarsest fusion has none.
    """

    def __init__(self, channels: int, skip: bool) -> None:
        super().__init__()
        self.skip = ResidualUnit(channels) if skip else None
        self.refine = ResidualUnit(channels)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, finer: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The fused map at `size`; (B, C, h, w) in, (B, C, *size) out."""
        if self.skip is not None and finer is not None:
            x = x + self.skip(finer)
        # Published after the resizing, with which a 1×1 convolution commutes: here it sees a quarter of the pixels.
        return resize_map(self.out(self.refine(x)), size)


class DPTDecoder(nn.Module):
    """From four encoder maps to one map per output channel at the image's size.

    Args:
        channels: Channels of the encoder's maps, fine to coarse (all equal for a vision transformer).
        strides: Their strides in image pixels.
        out_channels: Channels after the projection, one for each map.
        features: Channels of the fused maps.
        nclass: Output channels; 1 = depth, more = a segmentation head.

    Source: arXiv:2103.13413, section 3; sizes as Depth Anything published them (see `depth_anything.SIZES`).
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        out_channels: Sequence[int],
        features: int,
        nclass: int = 1,
    ) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(c, o, 1) for c, o in zip(channels, out_channels, strict=True))
        flat = len(set(strides)) == 1  # a transformer: all maps at one size, spread over four scales here
        self.resize = nn.ModuleList(_resizers(out_channels) if flat else (nn.Identity() for _ in out_channels))
        self.adapt = nn.ModuleList(nn.Conv2d(o, features, 3, padding=1, bias=False) for o in out_channels)
        self.fuse = nn.ModuleList(Fusion(features, skip=i < 3) for i in range(4))
        self.nclass = nclass
        if nclass > 1:
            self.head = nn.Sequential(
                nn.Conv2d(features, features, 3, padding=1), nn.ReLU(), nn.Conv2d(features, nclass, 1)
            )
        else:
            self.narrow = nn.Conv2d(features, features // 2, 3, padding=1)
            self.head = nn.Sequential(nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1))

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Output map (B, nclass, *size), not activated.

        Args:
            maps: Four encoder maps, (B, C_i, h_i, w_i).
            size: (height, width) of the image that they were made from.
        """
        x = self._fused(self._layers(maps))[-1]
        if self.nclass > 1:
            return resize_map(self.head(x), size)
        return self.head(resize_map(self.narrow(x), size))

    def maps(self, maps: Sequence[Tensor], size: tuple[int, int]) -> DecoderMaps:
        """Maps that the metric bins read; arguments as `forward`, of a decoder with one output channel."""
        layers = self._layers(maps)
        fused = self._fused(layers)
        last = self.head[:2](resize_map(self.narrow(fused[-1]), size))
        return DecoderMaps(layers[3], fused, last, torch.relu(self.head[2](last)))

    def _layers(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The encoder's maps at four scales, all with `features` channels, fine to coarse."""
        return [
            adapt(resize(project(x)))
            for x, project, resize, adapt in zip(maps, self.project, self.resize, self.adapt, strict=True)
        ]

    def _fused(self, layers: Sequence[Tensor]) -> list[Tensor]:
        """The fused maps, coarse to fine, each at the size of the next finer layer."""
        found = [layers[3]]
        for i in (3, 2, 1, 0):
            finer = layers[i - 1].shape[-2:] if i else (2 * layers[0].shape[-2], 2 * layers[0].shape[-1])
            skip = None if i == 3 else layers[i]
            found.append(self.fuse[i](found[-1], skip, (int(finer[0]), int(finer[1]))))
        return found[1:]


def _resizers(out_channels: Sequence[int]) -> list[nn.Module]:
    """Maps at 1/14 to 4, 2, 1 and 1/2 times their size."""
    a, b, _, d = out_channels
    return [
        nn.ConvTranspose2d(a, a, 4, stride=4),
        nn.ConvTranspose2d(b, b, 2, stride=2),
        nn.Identity(),
        nn.Conv2d(d, d, 3, stride=2, padding=1),
    ]
