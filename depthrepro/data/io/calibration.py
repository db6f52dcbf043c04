"""KITTI's calibration files: the raw recordings' three files and the stereo benchmarks' file per image."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading

Matrix3 = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class StereoCamera:
    """Calibration of one rectified pair.

    Attributes:
        K: Camera matrix of the left camera in pixels of its image, (3, 3).
        baseline_m: Distance between the cameras in metres, > 0.
        size: (height, width) in pixels that the calibration was made for; None where the file does not say.
        source: The file the numbers come from; None for nominal values.
    """

    K: Matrix3
    baseline_m: float
    size: tuple[int, int] | None = None
    source: Path | None = None

    def mirrored(self, width: int) -> StereoCamera:
        """The same pair seen in a mirror: the principal point moves to the other side of an image of `width` pixels."""
        (fx, skew, cx), *rest = self.K
        return StereoCamera(((fx, skew, width - 1 - cx), *rest), self.baseline_m, self.size, self.source)


class CalibrationFile:
    """A file of "key: numbers" lines; lines whose values are no numbers (dates) are left out.

    Args:
        path: The file.

    Raises:
        UserError: If the file is missing or unreadable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, np.ndarray] = {}
        missing = "the calibration is missing; it comes with the data set, copy it there"
        with reading(path, "the calibration", missing=missing):
            lines = path.read_text(encoding="utf-8").splitlines()
        for key, colon, text in (line.partition(":") for line in lines):
            with suppress(ValueError):
                self.values[key.strip()] = np.array([float(v) for v in text.split()]) if colon else np.empty(0)

    def matrix(self, key: str, *shape: int) -> np.ndarray:
        """The numbers of line `key`, float64 of `shape`.

        Raises:
            UserError: If the line is missing, or does not hold the right number of finite numbers.
        """
        if key not in self.values:
            raise UserError(f"{self.path}: the calibration has no readable line '{key}:'; fetch the file again")
        found = self.values[key]
        if found.size != np.prod(shape) or not np.isfinite(found).all():
            raise UserError(f"{self.path}: line '{key}:' must hold {np.prod(shape)} numbers, found {found.size}")
        return found.reshape(shape)

    def size(self, camera: int) -> tuple[int, int]:
        """(height, width) in pixels of a rectified raw camera, from its S_rect line; errors as `matrix`."""
        width, height = self.matrix(f"S_rect_0{camera}", 2)
        return round(float(height)), round(float(width))

    def stereo(self, left: str, right: str, size: tuple[int, int] | None) -> StereoCamera:
        """Camera matrix and baseline of two rectified cameras.

        The fourth column of a rectified projection is -focal · (the camera's x position), so the baseline is the
        difference of the two cameras' columns over the focal length.

        Args:
            left: Line of the left camera's projection, (3, 4), pixels and metres.
            right: Line of the right camera's.
            size: (height, width) of the images in pixels, if known.

        Raises:
            UserError: As `matrix`, if the two cameras are not rectified to each other, or the baseline is not positive.
        """
        P_left, P_right = self.matrix(left, 3, 4), self.matrix(right, 3, 4)
        K = P_left[:, :3]
        if not np.allclose(K, P_right[:, :3], rtol=1e-4, atol=1e-4):
            raise UserError(
                f"{self.path}: the two cameras have different camera matrices, so the pair is not rectified"
            )
        if not K[0, 0] > 0:
            raise UserError(f"{self.path}: the focal length is {K[0, 0]:g}, it must be positive")
        baseline_m = float((P_left[0, 3] - P_right[0, 3]) / K[0, 0])
        if not baseline_m > 0:
            raise UserError(
                f"{self.path}: the baseline is {baseline_m:g} m, it must be positive; are the cameras swapped?"
            )
        return StereoCamera(as_matrix3(K), baseline_m, size, self.path)


def as_matrix3(K: np.ndarray) -> Matrix3:
    """A (3, 3) array as nested tuples of floats."""
    return tuple((float(a), float(b), float(c)) for a, b, c in K)


class RawCalibration:
    """A recording day's calib_cam_to_cam.txt and calib_velo_to_cam.txt.

    Args:
        folder: The day's folder.

    Attributes:
        cameras: calib_cam_to_cam.txt.
        velo_to_cam: Rigid transform from the lidar's to camera 0's unrectified coordinates, (4, 4), metres.

    Raises:
        UserError: Here and in every method, if a file or one of its lines is missing or unreadable.
    """

    def __init__(self, folder: Path) -> None:
        lidar, self.cameras = (CalibrationFile(folder / f"calib_{name}_to_cam.txt") for name in ("velo", "cam"))
        self.velo_to_cam = np.eye(4)
        self.velo_to_cam[:3, :3], self.velo_to_cam[:3, 3] = lidar.matrix("R", 3, 3), lidar.matrix("T", 3)

    def velo_to_image(self, camera: int) -> np.ndarray:
        """P_rect_0c · R_rect_00 · Tr_velo_to_cam, (3, 4): lidar coordinates in metres to homogeneous pixels.

        P_rect holds the camera's offset from camera 0 in its fourth column, so the third homogeneous coordinate is the
        depth along that camera's own optical axis.
        """
        rectify = np.eye(4)
        rectify[:3, :3] = self.cameras.matrix("R_rect_00", 3, 3)
        return self.cameras.matrix(f"P_rect_0{camera}", 3, 4) @ rectify @ self.velo_to_cam

    @cached_property
    def stereo(self) -> StereoCamera:
        """Calibration of the colour pair, cameras 2 and 3."""
        size = self.cameras.size(2)
        if size != self.cameras.size(3):
            raise UserError(f"{self.cameras.path}: S_rect_02 and S_rect_03 differ, so the pair is not rectified")
        return self.cameras.stereo("P_rect_02", "P_rect_03", size)


def read_benchmark_calib(path: Path, colour: bool) -> StereoCamera:
    """Calibration of one image of KITTI 2012 (P0 .. P3) or KITTI 2015 (P_rect_00 .. P_rect_03, S_rect).

    Args:
        path: The image's calibration file.
        colour: True for the colour cameras 2 and 3, False for the grey cameras 0 and 1.

    Raises:
        UserError: If the file or a line is missing or unreadable.
    """
    file = CalibrationFile(path)
    left, right = (2, 3) if colour else (0, 1)
    prefix = "P_rect_0" if any(key.startswith("P_rect_0") for key in file.values) else "P"
    size = file.size(left) if f"S_rect_0{left}" in file.values else None
    return file.stereo(f"{prefix}{left}", f"{prefix}{right}", size)
