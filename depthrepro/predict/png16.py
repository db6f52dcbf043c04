"""Depth as a 16-bit PNG that says how to read it: value = offset + scale * pixel, and 0 = no value.

Depth in metres follows KITTI: pixel = 256 * metres, so scale = 1/256 and offset = 0. Every other kind is spread over
1..65535. The numbers stand in the file's text entries: kind, unit, near_is, scale, offset, invalid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing
from depthrepro.core.reading import reason
from depthrepro.inference.predictions import Kind

METRES_PER_STEP = 1 / 256
LARGEST = 65535


def encode(values: NDArray[np.float32], kind: Kind) -> tuple[NDArray[np.uint16], float, float]:
    """Pixels, scale and offset of a map (H, W).

    0 stands where there is no value: not finite, or, for depth, not above zero or beyond 255.99 m. Depth below 1/512 m
    becomes 1/256 m, the least that can be written.
    """
    known = np.isfinite(values)
    wide = values.astype(np.float64)
    if kind is Kind.depth:
        scale, offset = METRES_PER_STEP, 0.0
        with np.errstate(invalid="ignore"):
            known &= (wide > 0) & (np.rint(wide / scale) <= LARGEST)
    else:
        low, high = (float(wide[known].min()), float(wide[known].max())) if known.any() else (0.0, 0.0)
        scale = (high - low) / (LARGEST - 1) or 1.0  # a constant map needs some scale
        offset = low - scale  # the least value is pixel 1
    pixels = np.rint((np.where(known, wide, offset + scale) - offset) / scale).clip(1, LARGEST)
    return np.where(known, pixels, 0).astype(np.uint16), scale, offset


def write_png16(path: Path, values: NDArray[np.float32], kind: Kind) -> dict[str, Any]:
    """Write a map (H, W); returns the text entries that were written, `scale` and `offset` as numbers."""
    pixels, scale, offset = encode(values, kind)
    entries: dict[str, Any] = {
        "kind": kind.value,
        "unit": kind.unit,
        "near_is": kind.near_is,
        "scale": scale,
        "offset": offset,
        "invalid": 0,
    }
    info = PngInfo()
    for key, value in entries.items():
        info.add_text(key, value if isinstance(value, str) else repr(value))  # repr: every bit of a float
    info.add_text("formula", "value = offset + scale * pixel; pixel 0 = no value")
    with replacing(path) as beside:
        Image.fromarray(pixels).save(beside, format="PNG", pnginfo=info, compress_level=3)
    return entries


def read_png16(path: str | Path) -> tuple[NDArray[np.float32], dict[str, str]]:
    """Inverse of `write_png16`.

    Returns:
        Values (H, W) float32, NaN where there is none, and the file's text entries.

    Raises:
        UserError: If the file is no such PNG.
    """
    try:
        with Image.open(path, formats=["PNG"]) as file:
            pixels, entries = np.asarray(file), {str(key): str(value) for key, value in file.info.items()}
        scale, offset = float(entries["scale"]), float(entries["offset"])
    except (KeyError, ValueError):
        raise UserError(f"{path}: has no scale and offset in its text entries, so its pixels have no unit") from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise UserError(f"{path}: cannot be read as a PNG ({reason(error)})") from None
    values = np.where(pixels > 0, offset + scale * pixels.astype(np.float64), np.nan)
    return values.astype(np.float32), entries
