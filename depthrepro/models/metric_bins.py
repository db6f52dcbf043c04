"""Metric bins: depth in metres as the mean of bin centres that each pixel shifts and weighs for itself.

Source: Bhat et al. 2023, ZoeDepth (arXiv:2302.12288), section 3; Depth Anything (arXiv:2401.10891) takes it over whole.
Where ZoeDepth's published code and its configuration differ, this follows the code, which the published weights were
trained with: see `attraction` and `Attractors`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthrepro.core.errors import UserError
from depthrepro.models.encoders import resize_map

CENTERS = ("softplus", "normed")
# Added before a ratio of positive numbers, as in ZoeDepth's code.
_EPS_CENTERS, _EPS_RATIO, _EPS_STIRLING = 1e-3, 1e-4, 1e-7


class DecoderMaps(NamedTuple):
    """Maps that the metric bins read of a DPT decoder.

    Attributes:
        bottleneck: The coarsest map before any fusion, (B, F, h, w).
        fused: The four fused maps, coarse to fine, (B, F, h_i, w_i).
        last: The activation before the decoder's last convolution, (B, C, H, W).
        relative: The decoder's own depth map, not negative, (B, 1, H, W).
    """

    bottleneck: Tensor
    fused: Sequence[Tensor]
    last: Tensor
    relative: Tensor


def attraction(difference: Tensor, alpha: float = 300.0, gamma: int = 2) -> Tensor:
    """Distance that an attractor draws a bin centre: d / (1 + alpha * |d|^gamma).

    Args:
        difference: Attractor minus centre, any shape.
        alpha: Strength. ZoeDepth's configuration says 1000, but its code never passes it on: 300 is what was trained.
        gamma: Reach, even.

    Source: arXiv:2302.12288, equation 1 (the inverse attractor).
    """
    return difference / (1 + alpha * difference**gamma)


def log_binomial_weights(probability: Tensor, temperature: Tensor, bins: int) -> Tensor:
    """Weights of ordered bins: a binomial distribution over them, sharpened by a temperature; they sum to 1.

    Args:
        probability: Of one trial, in [0, 1], (B, 1, H, W): 0 = all weight on the first bin, 1 = on the last.
        temperature: Divides the log-probabilities, positive, (B, 1, H, W).
        bins: Their number N.

    Returns:
        (B, N, H, W).

    Source: arXiv:2302.12288, equation 2, with Stirling's approximation of ln(n over k) as its code.
    """
    k = torch.arange(bins, device=probability.device, dtype=probability.dtype)
    p, q = probability.clamp(_EPS_RATIO, 1.0), (1 - probability).clamp(_EPS_RATIO, 1.0)
    # ln C + k ln p + (n - k) ln q, without n ln q: a softmax does not see what all bins have in common. With the bins
    # last in memory this takes less than half of the time. No matrix product: autocast would round it to bf16.
    sharpness = (1 / temperature).permute(0, 2, 3, 1)
    slope = (p.log() - q.log()).permute(0, 2, 3, 1) * sharpness
    return torch.softmax(_log_choose(bins - 1, k) * sharpness + k * slope, dim=-1).permute(0, 3, 1, 2)


def _log_choose(n: int, k: Tensor) -> Tensor:
    """ln(n over k) by Stirling: n ln n - k ln k - (n - k) ln(n - k)."""
    total, k = n + _EPS_STIRLING, k + _EPS_STIRLING
    return total * math.log(total) - k * k.log() - (total - k) * (total - k + _EPS_STIRLING).log()


def pointwise(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """A perceptron of one hidden layer at every pixel."""
    return nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, outputs, 1))


class SeedBins(nn.Module):
    """First bin centres from the bottleneck.

    Args:
        inputs: Channels of the bottleneck.
        bins: Their number N.
        centers: "softplus": metres, positive, without a bound; "normed": the middles of N widths that fill the range.
        hidden: Units of the perceptron.
    """

    def __init__(self, inputs: int, bins: int, centers: str, hidden: int = 256) -> None:
        super().__init__()
        self.centers = centers
        self.net = pointwise(inputs, hidden, bins)

    def forward(self, x: Tensor) -> Tensor:
        """Centres (B, N, h, w): in metres for "softplus", as shares of the range for "normed"."""
        raw = self.net(x)
        if self.centers == "softplus":
            return F.softplus(raw)
        width = torch.relu(raw) + _EPS_CENTERS
        edges = (width / width.sum(dim=1, keepdim=True)).cumsum(dim=1)
        return edges - 0.5 * edges.diff(dim=1, prepend=torch.zeros_like(edges[:, :1]))


class Attractors(nn.Module):
    """Shifts every bin centre towards points that each pixel chooses.

    Args:
        dim: Channels of the bin embedding.
        points: Number of attractors.
        centers: As `SeedBins`.

    Source: arXiv:2302.12288, section 3.1. With "normed" centres ZoeDepth's code makes two numbers of each attractor and
    uses the first alone; so does this, for the weights to fit.
    """

    def __init__(self, dim: int, points: int, centers: str) -> None:
        super().__init__()
        self.points, self.normed = points, centers == "normed"
        self.net = pointwise(dim, dim, points * (2 if self.normed else 1))

    def forward(self, embedding: Tensor, centers: Tensor) -> Tensor:
        """Shifted centres at the embedding's size.

        Args:
            embedding: (B, dim, h, w).
            centers: (B, N, h', w'), metres or shares, as the seed gave them.
        """
        raw = self.net(embedding)
        if self.normed:
            points = (torch.relu(raw) + _EPS_CENTERS).unflatten(1, (self.points, 2))[:, :, 0]
        else:
            points = F.softplus(raw)
        centers = resize_map(centers, (int(raw.shape[-2]), int(raw.shape[-1])))
        shift = torch.zeros_like(centers)
        for point in points.split(1, dim=1):  # one at a time: all at once would need `points` times the memory
            shift = shift + attraction(point - centers)
        return centers + shift / self.points


class BinWeights(nn.Module):
    """Each pixel's weights of the bins.

    Args:
        last: Channels of the decoder's last activation.
        dim: Channels of the bin embedding.
        bins: Number of bins N.
        temperature: (least, largest) temperature.
    """

    def __init__(self, last: int, dim: int, bins: int, temperature: tuple[float, float]) -> None:
        super().__init__()
        self.bins, self.temperature = bins, temperature
        inputs = last + 1 + dim
        hidden = inputs // 2
        self.net = nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.GELU(), nn.Conv2d(hidden, 4, 1), nn.Softplus())

    def forward(self, maps: DecoderMaps, embedding: Tensor) -> Tensor:
        """(B, N, H, W), in single precision whatever the input has: bf16 cannot tell 1 - p from 1.

        Args:
            maps: Of the decoder; `last` and `relative` are read.
            embedding: The last bin embedding, (B, dim, h, w).
        """
        a, b, c, d = (self.net[1:](self._hidden(maps, embedding)).float() + _EPS_RATIO).split(1, dim=1)
        low, high = self.temperature
        return log_binomial_weights(a / (a + b), low + (high - low) * c / (c + d), self.bins)

    def _hidden(self, maps: DecoderMaps, embedding: Tensor) -> Tensor:
        """The first layer on last activation, relative depth and embedding, the three one behind the other.

        The layer is applied to each and the results are added, to the embedding before it is resized: the same sum
        without a joined map at full size, in less than half of the time.
        """
        first = self.net[0]
        assert isinstance(first, nn.Conv2d)
        sizes = [maps.last.shape[1], 1, embedding.shape[1]]
        of_last, of_relative, of_embedding = first.weight.split(sizes, dim=1)
        size = int(maps.last.shape[-2]), int(maps.last.shape[-1])
        fine = F.conv2d(maps.last, of_last, first.bias) + F.conv2d(maps.relative, of_relative)
        return fine + resize_map(F.conv2d(embedding, of_embedding), size)


class MetricBins(nn.Module):
    """The metric head of ZoeDepth.

    Args:
        features: Channels of the decoder's fused maps.
        last: Channels of the decoder's last activation.
        depth_range: (least, largest) depth in metres.
        bins: Number of bins N.
        dim: Channels of the bin embedding.
        hidden: Units of the perceptrons that make it.
        attractors: Points of each of the four refinements, coarse to fine.
        centers: "softplus" as Depth Anything and ZoeDepth's indoor model, or "normed" as ZoeDepth's outdoor one.
        temperature: (least, largest) temperature.

    Raises:
        UserError: If `centers` is unknown or there are not four refinements.

    Source: arXiv:2302.12288, figure 2; numbers as Depth Anything's metric configuration.
    """

    def __init__(
        self,
        features: int,
        last: int = 32,
        depth_range: tuple[float, float] = (1e-3, 80.0),
        bins: int = 64,
        dim: int = 128,
        hidden: int = 128,
        attractors: Sequence[int] = (16, 8, 4, 1),
        centers: str = "softplus",
        temperature: Sequence[float] = (0.0212, 50.0),
    ) -> None:
        super().__init__()
        if centers not in CENTERS:
            raise UserError(f"model.bins.centers: {centers!r} is unknown, choose from {', '.join(CENTERS)}")
        if len(attractors) != 4:
            raise UserError(f"model.bins.attractors: four refinements need four numbers, got {list(attractors)}")
        self.depth_range, self.centers = depth_range, centers
        self.bottleneck = nn.Conv2d(features, features, 1)
        self.seed = SeedBins(features, bins, centers)
        self.embed_seed = pointwise(features, hidden, dim)
        self.embed = nn.ModuleList(pointwise(features, hidden, dim) for _ in range(4))
        self.attract = nn.ModuleList(Attractors(dim, points, centers) for points in attractors)
        self.weigh = BinWeights(last, dim, bins, (temperature[0], temperature[1]))

    def forward(self, maps: DecoderMaps) -> Tensor:
        """Depth in metres, (B, 1, H, W); with "softplus" centres not bounded by the range."""
        x = self.bottleneck(maps.bottleneck)
        centers, embedding = self.seed(x), self.embed_seed(x)
        for fused, embed, attract in zip(maps.fused, self.embed, self.attract, strict=True):
            own = embed(fused)
            size = int(own.shape[-2]), int(own.shape[-1])
            centers = attract(own + resize_map(embedding, size), centers)
            embedding = own
        weights = self.weigh(maps, embedding)
        size = int(weights.shape[-2]), int(weights.shape[-1])
        return (weights * resize_map(self._metres(centers).float(), size)).sum(dim=1, keepdim=True)

    def _metres(self, centers: Tensor) -> Tensor:
        """Metres of the last centres: as they are, or those of the shares, in order and within the range."""
        if self.centers == "softplus":
            return centers
        low, high = self.depth_range
        return (low + (high - low) * centers).sort(dim=1).values.clamp(low, high)
