"""Depth as colours: one scale for many pictures, near bright, and a legend that says what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.core.files import replacing
from depthrepro.inference.predictions import Kind

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

JPEG_QUALITY = 93
PERCENTILES = (2.0, 98.0)
SAMPLED = 20_000  # pixels of one map that a range is made from; every map counts the same
NO_VALUE = (128, 128, 128)  # no depth, or infinitely far
_LETTER, _LEAST_WIDTH = 0.58, 6  # a letter's width and the least of a bar with numbers, in font sizes
_DRAWING = Lock()  # pictures are written by several threads, and matplotlib draws in one
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
    import matplotlib as mpl  # matplotlib takes 0.5 s

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


@lru_cache(maxsize=16)
def legend(scale: ColourScale, width: int) -> Picture:
    """A colour bar with its numbers and their unit, uint8 (h, width, 3), numbers rising to the right."""
    # Drawing takes 0.05 s, and these modules 0.4 s to load: only pictures that are written need them.
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator, LogLocator, MaxNLocator, NullLocator

    logarithmic = scale.kind is Kind.depth
    size = float(np.clip(width / 68, 11, 40))  # of the font, in pixels
    colours = mpl.colormaps[scale.colormap].reversed() if logarithmic else mpl.colormaps[scale.colormap]
    ticks: Locator = MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10])
    if width < _LEAST_WIDTH * size:
        ticks = NullLocator()
    elif logarithmic and scale.high / scale.low >= 3:
        ticks = LogLocator(subs=(1, 2, 5))
    with _DRAWING:
        # In fewer pixels than 16 there is no bar; what is drawn is cut to the picture.
        figure = Figure((max(width, 16) / 72, round(5 * size) / 72), dpi=72, facecolor="white", layout="constrained")
        canvas = FigureCanvasAgg(figure)
        mapped = ScalarMappable((LogNorm if logarithmic else Normalize)(scale.low, scale.high), colours)
        bar = figure.colorbar(mapped, figure.add_subplot(), orientation="horizontal", ticks=ticks, format="%.6g")
        bar.ax.minorticks_off()
        bar.ax.tick_params(labelsize=size)
        fitting = (text for text in _CAPTIONS[scale.kind] if _LETTER * size * len(text) < width)
        bar.set_label(next(fitting, ""), fontsize=size, loc="left")
        canvas.draw()
    return np.array(canvas.buffer_rgba())[:, :width, :3]


def pictures(
    values: Floats, image: Picture, scale: ColourScale, formats: Sequence[str], with_legend: bool
) -> dict[str, Picture]:
    """The colour pictures among `formats`: "color", and "side_by_side", the image beside it with a white gap.

    Args:
        values: (H, W), of the scale's kind.
        image: RGB uint8 (H, W, 3).
        scale: From numbers to colours.
        formats: Names.
        with_legend: Whether there is a bar with numbers below them.
    """
    painted = scale.paint(values)
    shown = {"color": painted} if "color" in formats else {}
    if "side_by_side" in formats:
        gap = np.full((image.shape[0], max(2, image.shape[1] // 100), 3), 255, np.uint8)
        shown["side_by_side"] = np.concatenate([image, gap, painted], axis=1)
    if with_legend:
        shown = {name: np.concatenate([one, legend(scale, one.shape[1])]) for name, one in shown.items()}
    return shown


def write_picture(path: Path, picture: Picture) -> None:
    """Write RGB uint8 (H, W, 3) as PNG or JPEG.

    Raises:
        OSError: If it cannot be encoded or written.
    """
    jpeg = path.suffix == ".jpg"
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if jpeg else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise OSError(f"a picture of {picture.shape[1]}x{picture.shape[0]} pixels cannot be a {path.suffix[1:]} file")
    with replacing(path) as beside:
        beside.write_bytes(data.tobytes())
