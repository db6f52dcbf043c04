"""Lidar scans as sparse depth maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reading import reading
from depthrepro.data.io.calibration import RawCalibration


def read_scan(path: Path) -> np.ndarray:
    """Points of a KITTI velodyne scan.

    Returns:
        Float32 (N, 4), read-only: x forward, y left, z up in metres, reflectance.

    Raises:
        UserError: If the file is missing, empty, cut off, or holds values that are no numbers.
    """
    with reading(path, "the lidar scan"):
        data = path.read_bytes()
    if not data or len(data) % 16:
        size = f"{len(data)} bytes are no whole number of lidar points (16 bytes each)"
        raise UserError(f"{path}: {size}; fetch it again")
    values = np.frombuffer(data, dtype="<f4")
    if not np.isfinite(values).all():
        raise UserError(f"{path}: the lidar scan holds values that are not finite; fetch it again")
    return values.reshape(-1, 4)


def project_scan(
    points: np.ndarray, velo_to_image: np.ndarray, size: tuple[int, int], ground_truth: GroundTruth
) -> np.ndarray:
    """Sparse depth map of lidar points; where several fall into a pixel, the nearest one is kept.

    Pixels are round(u) - 1 and round(v) - 1: KITTI's development kit counts pixels from 1, and the evaluation code that
    the published numbers come from carries the subtraction along. Another rule would score other pixels. (The improved
    maps were made without it: on ten frames they agree to a median AbsRel of 0.003 instead of 0.007 if it is dropped.)

    Args:
        points: (N, 3) or wider; the first three columns are x forward, y left, z up in metres.
        velo_to_image: Lidar coordinates to homogeneous pixels, (3, 4).
        size: (height, width) of the image in pixels.
        ground_truth: `raw_cam_z` stores the depth along the camera's optical axis, `raw_lidar_x` the lidar's forward
            coordinate.

    Returns:
        Float32 (height, width), metres, 0 = none.
    """
    height, width = size
    xyz = _near_image(points, velo_to_image, width).astype(np.float64)[:, :3]  # whole rows convert faster
    u_w, v_w, w = velo_to_image[:, :3] @ xyz.T + velo_to_image[:, 3:]
    stored = w if ground_truth is GroundTruth.raw_cam_z else xyz[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        column, row = np.round(u_w / w) - 1, np.round(v_w / w) - 1
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    # Only what lies in front: behind the camera the division mirrors points into the image.
    seen = np.flatnonzero(inside & (w > 1e-6) & (stored > 0))
    pixel = (row.take(seen) * width + column.take(seen)).astype(np.intp)
    w, stored = w.take(seen), stored.take(seen)
    depth = np.zeros(height * width, dtype=np.float32)
    depth[pixel] = stored
    # Few pixels have points of several depths: those are written once more, from far to near. An assignment with
    # repeated indices keeps the last value.
    crowded = np.zeros(height * width, dtype=bool)
    crowded[pixel[depth[pixel] != stored.astype(np.float32)]] = True
    shared = np.flatnonzero(crowded[pixel])
    far_first = shared[np.argsort(-w[shared], kind="stable")]
    depth[pixel[far_first]] = stored[far_first]
    return depth.reshape(height, width)


def _near_image(points: np.ndarray, velo_to_image: np.ndarray, width: int) -> np.ndarray:
    """Those of the points that may fall into the image's columns, by a wide margin; in single precision."""
    u_w, _, w = velo_to_image
    # Both sides are linear in the point: u_w > -1 and u_w < (width + 1) w + 1.
    (left, left_m), (right, right_m) = ((row[:3].astype(np.float32), row[3]) for row in (u_w, (width + 1) * w - u_w))
    xyz = points[:, :3].astype(np.float32, copy=False)
    return points.take(np.flatnonzero((xyz @ left > -1 - left_m) & (xyz @ right > -1 - right_m)), axis=0)


def scan_depth(calibration: RawCalibration, scan_file: Path, camera: int, ground_truth: GroundTruth) -> np.ndarray:
    """`project_scan` of a file into one camera of a day's calibration; errors as `read_scan` and `RawCalibration`."""
    points, transform = read_scan(scan_file), calibration.velo_to_image(camera)
    return project_scan(points, transform, calibration.cameras.size(camera), ground_truth)


def lidar_depth(
    calib_dir: str | Path, scan_file: str | Path, *, camera: int = 2, ground_truth: GroundTruth | str = "raw_cam_z"
) -> np.ndarray:
    """Depth map of one KITTI raw scan in one camera.

    Args:
        calib_dir: The recording day's folder with calib_cam_to_cam.txt and calib_velo_to_cam.txt.
        scan_file: The scan, velodyne_points/data/<frame>.bin.
        camera: 0 and 1 are the grey cameras, 2 and 3 the colour ones.
        ground_truth: `raw_cam_z` (depth along the optical axis) or `raw_lidar_x` (the lidar's forward coordinate, as in
            the code of Eigen et al. and its heirs).

    Returns:
        Float32 (H, W) at the calibration's image size, metres, 0 = none.

    Raises:
        UserError: If a file is missing or damaged, or another kind of ground truth is asked for.
    """
    kinds = (GroundTruth.raw_cam_z, GroundTruth.raw_lidar_x)
    if ground_truth not in (*kinds, *(kind.value for kind in kinds)):
        raise UserError(f"ground truth {ground_truth}: a lidar scan gives raw_cam_z or raw_lidar_x")
    return scan_depth(RawCalibration(Path(calib_dir)), Path(scan_file), camera, GroundTruth(ground_truth))
