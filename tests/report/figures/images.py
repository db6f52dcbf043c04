"""Figures as pixels."""

import numpy as np
from PIL import Image

from depthrepro.report.figures.style import save


def pixels(fig, path) -> np.ndarray:
    """Colours of a figure's file, (H, W, 3)."""
    save(fig, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def share(image: np.ndarray, colour: str) -> float:
    """Part of the pixels that have a colour, nearly."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((np.abs(image - rgb).max(axis=-1) < 12).mean())
