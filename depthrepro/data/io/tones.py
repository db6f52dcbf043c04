"""Pictures of more than eight bits as bytes: which number is white."""

from __future__ import annotations

import sys

import numpy as np

from depthrepro.core.errors import UserError

_BITS = (8, 10, 12, 14, 16)  # that cameras have
_said: set[float] = set()


def to_bytes(values: np.ndarray, source: str, stated_max: float = 0.0) -> np.ndarray:
    """Tones as uint8, 0 = black, 255 = white; bytes stay as they are.

    White is 1 for fractions, also where resampling overshot (below 2), else the largest number of 8, 10, 12, 14 or 16
    bits, whichever first holds all of the picture and what its file states. Where that is less than a 16-bit file can
    hold, a line says so, once a process.

    Args:
        values: Real numbers, any shape.
        source: What the line calls the picture.
        stated_max: Largest value that the file's metadata states; 0 = none.

    Raises:
        UserError: If no pixel is a finite number.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "f" and not np.isfinite(values).any():
        raise UserError(f"{source}: none of its pixels is a number; export the picture again")
    numbers = np.nan_to_num(values.astype(np.float64), posinf=0.0)
    top = max(float(numbers.max(initial=0)), stated_max)
    if values.dtype.kind == "f" and top < 2:
        white = 1.0
    else:
        white = next((float(2**bits - 1) for bits in _BITS if top < 2**bits), top)
    if white != 65535 and not stated_max and white not in _said:
        _said.add(white)
        print(f"{source}: its largest value is {top:g} and no range is stated, so white is {white:g}", file=sys.stderr)
    return np.clip(numbers / white * 255, 0, 255).astype(np.uint8)
