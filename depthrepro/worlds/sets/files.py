"""Files of the synthetic sets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_png(path: Path, values: np.ndarray) -> None:
    """Write an RGB image or a map, whose folder is made if need be.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = values[:, :, ::-1] if values.ndim == 3 else values
    # Compression 1: the noise in the pictures leaves little to gain from a slower search.
    path.write_bytes(cv2.imencode(".png", channels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())  # imwrite hides why
