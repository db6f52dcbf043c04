"""Files of the synthetic sets: PNG, and the frames and split lists of KITTI raw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np


def write_png(path: Path, values: np.ndarray) -> None:
    """Write an image (BGR) or a map.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Compression 1: the noise in the pictures leaves little to gain from a slower search.
    if not cv2.imwrite(str(path), values, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"cannot write {path}")


def write_frame(drive: Path, frame: int, left: np.ndarray, right: np.ndarray, scan: np.ndarray) -> None:
    """Write one frame into a drive's folder.

    Args:
        drive: The folder `<date>_drive_NNNN_sync`, or the temporary one that will become it.
        frame: Number of the frame.
        left: (H, W, 3) uint8 RGB, for image_02.
        right: Like `left`, for image_03.
        scan: (N, 4) float32 x, y, z, reflectance.

    Raises:
        OSError: If a file cannot be written.
    """
    for camera, image in (("image_02", left), ("image_03", right)):
        write_png(drive / camera / "data" / f"{frame:010d}.png", image[:, :, ::-1])
    path = drive / "velodyne_points" / "data" / f"{frame:010d}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    scan.astype("<f4").tofile(path)


def split_text(drives: Sequence[tuple[str, int]]) -> str:
    """A split list: header, then one row for each (drive name, number of frames)."""
    rows = [f"{name},l,0-{count - 1}" if count > 1 else f"{name},l,0" for name, count in drives]
    return "\n".join(["drive,side,frames", *rows]) + "\n"
