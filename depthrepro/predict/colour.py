"""Depth as colours: one scale for many pictures, near bright, and a legend that says what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from depthrepro.config.cli import did_you_mean
from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Kind

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

PERCENTILES = (2.0, 98.0)
SAMPLED = 20_000  # pixels of one map that a range is made from; every map counts the same
NO_VALUE = (128, 128, 128)  # no depth, or infinitely far
_PAPER, _INK, _QUIET = (255, 255, 255), (34, 34, 34), (107, 107, 107)
_LOG_DIGITS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))  # of round numbers on a logarithmic scale, few to many
_ENOUGH_TICKS = 4
_LEAST_FONT = 7  # pixels; smaller is not read
_CAPTIONS = {  # the first that fits the picture's width
    Kind.depth: ("depth in metres, logarithmic scale (near = bright)", "depth in m (near = bright)", "depth [m]"),
    Kind.inv_depth: ("inverse depth in 1/m (near = bright)", "inverse depth [1/m]", "[1/m]"),
    Kind.disp_frac: (
        "disparity as a share of the image width (near = bright)",
        "disparity / image width",
        "disparity",
    ),
    Kind.affine_inv_depth: (
        "relative inverse depth, scale and shift unknown: no metres (near = bright)",
        "relative inverse depth, no unit (near = bright)",
        "relative, no unit",
        "relative",
    ),
}


def sample(values: Floats) -> Floats:
    """At most about `SAMPLED` finite values of a map, evenly spread over it."""
    flat = values.ravel()
    flat = flat[:: max(1, flat.size // SAMPLED)]
    return flat[np.isfinite(flat)]


def robust_range(samples: Iterable[Floats]) -> tuple[float, float]:
    """(least, largest) value of a colour scale: the 2nd and 98th percentile over everything together.

    Args:
        samples: One array per map, as `sample` makes them.

    Raises:
        UserError: If there is not one finite value.
    """
    pooled = np.concatenate([np.asarray(part, np.float64) for part in samples] or [np.zeros(0)])
    if not pooled.size:
        raise UserError("range=auto: no prediction has a finite value; give range=NEAR,FAR")
    low, high = np.percentile(pooled, PERCENTILES)
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # a constant map still needs a scale
        low, high = low - 0.5 * abs(low) - 1e-6, high + 0.5 * abs(high) + 1e-6
    return float(low), float(high)


@lru_cache(maxsize=8)
def colour_table(name: str) -> Picture:
    """(256, 3) uint8, dark to bright for the maps that are made so.

    Raises:
        UserError: If matplotlib has no such map.
    """
    import matplotlib as mpl

    if name not in mpl.colormaps:
        raise UserError(f"colormap={name}{did_you_mean(name, mpl.colormaps)}")
    return (mpl.colormaps[name](np.arange(256) / 255)[:, :3] * 255).round().astype(np.uint8)


@dataclass(frozen=True)
class ColourScale:
    """From numbers to colours. Depth is logarithmic, so that near and far get their share; the rest is linear.

    Attributes:
        kind: What the numbers mean.
        low: Least value, > 0 for depth.
        high: Largest value, > low.
        colormap: Name of a matplotlib colour map; its last colour is nearest.
    """

    kind: Kind
    low: float
    high: float
    colormap: str = "inferno"

    def __post_init__(self) -> None:
        """Check the range."""
        colour_table(self.colormap)
        if not self.low < self.high or not np.isfinite([self.low, self.high]).all():
            raise UserError(f"range={self.low:g},{self.high:g}: two different numbers are needed")
        if self.kind is Kind.depth and self.low <= 0:
            raise UserError(f"range={self.low:g},{self.high:g}: depth is in metres, more than 0")

    def share(self, values: NDArray) -> NDArray[np.float32]:
        """Position of values between `low` (0) and `high` (1), not clipped; NaN where a value has no place."""
        low, high = self.low, self.high
        if self.kind is Kind.depth:
            valid = values > 0
            values = np.log(values, out=np.full(np.shape(values), np.nan, np.float32), where=valid)
            low, high = float(np.log(low)), float(np.log(high))
        return ((np.asarray(values, np.float32) - low) / (high - low)).astype(np.float32)

    def paint(self, values: Floats) -> Picture:
        """Colours of a map: (H, W) → RGB uint8 (H, W, 3). Beyond the range the end colours; infinite or NaN is grey."""
        share = self.share(values)
        known = np.isfinite(share)
        if self.kind is Kind.depth:
            share = 1 - share
        index = (np.where(known, share, 0).clip(0, 1) * 255).round().astype(np.uint8)
        picture = colour_table(self.colormap)[index]
        picture[~known] = NO_VALUE
        return picture

    def ticks(self) -> list[float]:
        """A few round numbers within the range."""
        from matplotlib.ticker import MaxNLocator

        if self.kind is Kind.depth and self.high / self.low >= 3:
            exponents = range(int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high))) + 1)
            sets = [[digit * 10.0**e for e in exponents for digit in digits] for digits in _LOG_DIGITS]
        else:
            sets = [list(MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high))]
        inside = [[tick for tick in ticks if self.low <= tick <= self.high] for ticks in sets]
        return next((ticks for ticks in inside if len(ticks) >= _ENOUGH_TICKS), inside[-1])

    def legend(self, width: int) -> Picture:
        """A strip with the colours, their numbers and their unit, uint8 (h, width, 3), numbers rising to the right."""
        size = int(np.clip(width / 68, 11, 40))
        pad, bar = size // 2, size
        ticks = self.ticks()
        labels = [f"{tick:.6g}" for tick in ticks]
        font = _font(size)
        strip = Image.new("RGB", (width, 2 * pad + bar + round(2.9 * size)), _PAPER)
        draw = ImageDraw.Draw(strip)
        left, right = pad, width - pad
        strip.paste(Image.fromarray(self._ramp(right - left, bar)), (left, pad))
        draw.rectangle((left, pad, right - 1, pad + bar - 1), outline=_QUIET)
        self._draw_ticks(
            draw, list(zip(self.share(np.array(ticks)), labels, strict=True)), (left, right), pad + bar, font
        )
        caption, caption_font = _fitting(_CAPTIONS[self.kind], right - left, size)
        draw.text((left, strip.height - pad), caption, fill=_INK, font=caption_font, anchor="ls")
        return np.asarray(strip)

    def _ramp(self, width: int, height: int) -> Picture:
        share = np.linspace(0, 1, max(1, width))
        index = ((1 - share if self.kind is Kind.depth else share) * 255).round().astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(colour_table(self.colormap)[index], (height, index.size, 3)))

    @staticmethod
    def _draw_ticks(
        draw: ImageDraw.ImageDraw,
        ticks: Sequence[tuple[float, str]],
        span: tuple[int, int],
        top: int,
        font: ImageFont.FreeTypeFont,
    ) -> None:
        """Marks and numbers below the bar; a number that would touch the one before it is left out."""
        size, free = int(font.size), span[0] - 1.0
        for share, label in ticks:
            x = span[0] + float(share) * (span[1] - 1 - span[0])
            draw.line((x, top, x, top + size // 3), fill=_QUIET, width=max(1, size // 12))
            half = font.getlength(label) / 2
            x = min(max(x, span[0] + half), span[1] - half)
            if x - half > free:
                draw.text((x, top + size // 3 + 1), label, fill=_INK, font=font, anchor="ma")
                free = x + half + 0.6 * size


def _fitting(texts: Sequence[str], width: int, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """The first text that fits into `width` pixels at about `size`, with its font."""
    for least in (max(_LEAST_FONT, round(0.75 * size)), _LEAST_FONT):
        for text in texts:
            for pixels in range(size, least - 1, -1):
                if _font(pixels).getlength(text) <= width:
                    return text, _font(pixels)
    return "", _font(_LEAST_FONT)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib brings it, so that no system font is needed."""
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def with_legend(picture: Picture, scale: ColourScale) -> Picture:
    """The picture, uint8 (H, W, 3), with the scale's legend below it."""
    return np.concatenate([picture, scale.legend(picture.shape[1])])


def side_by_side(image: Picture, picture: Picture) -> Picture:
    """Photograph and colours, both uint8 (H, W, 3), with a white gap between them."""
    gap = np.full((image.shape[0], max(2, image.shape[1] // 100), 3), 255, np.uint8)
    return np.concatenate([image, gap, picture], axis=1)
