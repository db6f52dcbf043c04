"""KITTI's calibration files: the raw recordings' three files and the stereo benchmarks' file per image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthrepro.core.errors import UserError

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


def read_calib(path: Path) -> dict[str, np.ndarray]:
    """Read "key: numbers" lines; lines whose values are no numbers (dates) are left out.

    Returns:
        Key to 1-D float64 array.

    Raises:
        UserError: If the file is missing or unreadable.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: the calibration is missing; it comes with the data set, copy it there") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UserError(f"{path}: the calibration cannot be read ({reason}); fetch it again") from None
    values = {}
    for line in lines:
        key, colon, text = line.partition(":")
        try:
            values[key.strip()] = np.array([float(v) for v in text.split()]) if colon else np.empty(0)
        except ValueError:
            continue
    return values


def matrix(values: dict[str, np.ndarray], key: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """One matrix of a calibration file.

    Args:
        values: What `read_calib` returned.
        key: Name of the line.
        shape: Of the returned array.
        path: The file, for the message.

    Raises:
        UserError: If the line is missing, or does not hold the right number of finite numbers.
    """
    if key not in values:
        raise UserError(f"{path}: the calibration has no readable line '{key}:'; fetch the file again")
    found = values[key]
    if found.size != np.prod(shape) or not np.isfinite(found).all():
        raise UserError(f"{path}: line '{key}:' must hold {np.prod(shape)} numbers, found {found.size}")
    return found.reshape(shape)


def stereo_camera(P_left: np.ndarray, P_right: np.ndarray, size: tuple[int, int] | None, source: Path) -> StereoCamera:
    """Camera matrix and baseline of two rectified cameras.

    The fourth column of a rectified projection is -focal · (the camera's x position), so the baseline is the difference
    of the two cameras' columns over the focal length.

    Args:
        P_left: Projection of the left camera, (3, 4), pixels and metres.
        P_right: Projection of the right camera, like `P_left`.
        size: (height, width) of the images in pixels, if known.
        source: The file, for messages.

    Raises:
        UserError: If the two cameras are not rectified to each other, or the baseline is not positive.
    """
    K = P_left[:, :3]
    if not np.allclose(K, P_right[:, :3], rtol=1e-4, atol=1e-4):
        raise UserError(f"{source}: the two cameras have different camera matrices, so the pair is not rectified")
    if not K[0, 0] > 0:
        raise UserError(f"{source}: the focal length is {K[0, 0]:g}, it must be positive")
    baseline_m = float((P_left[0, 3] - P_right[0, 3]) / K[0, 0])
    if not baseline_m > 0:
        raise UserError(f"{source}: the baseline is {baseline_m:g} m, it must be positive; are the cameras swapped?")
    return StereoCamera(as_matrix3(K), baseline_m, size, source)


def as_matrix3(K: np.ndarray) -> Matrix3:
    """A (3, 3) array as nested tuples of floats."""
    return tuple((float(a), float(b), float(c)) for a, b, c in K)


def image_size(values: dict[str, np.ndarray], camera: int, path: Path) -> tuple[int, int]:
    """(height, width) in pixels of a rectified raw camera, from its S_rect line."""
    width, height = matrix(values, f"S_rect_0{camera}", (2,), path)
    return round(float(height)), round(float(width))


@dataclass(frozen=True)
class RawCalibration:
    """Content of a recording day's calib_cam_to_cam.txt and calib_velo_to_cam.txt.

    Attributes:
        folder: The day's folder.
        cameras: Values of calib_cam_to_cam.txt.
        velo_to_cam: Rigid transform from the lidar's to camera 0's unrectified coordinates, (4, 4), metres.
    """

    folder: Path
    cameras: dict[str, np.ndarray]
    velo_to_cam: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> RawCalibration:
        """Read a day's folder.

        Raises:
            UserError: If a file or one of its lines is missing or unreadable.
        """
        velo_file = folder / "calib_velo_to_cam.txt"
        velo = read_calib(velo_file)
        transform = np.eye(4)
        transform[:3, :3] = matrix(velo, "R", (3, 3), velo_file)
        transform[:3, 3] = matrix(velo, "T", (3,), velo_file)
        return cls(folder, read_calib(folder / "calib_cam_to_cam.txt"), transform)

    @property
    def cameras_file(self) -> Path:
        """The file that `cameras` was read from."""
        return self.folder / "calib_cam_to_cam.txt"

    def size(self, camera: int) -> tuple[int, int]:
        """(height, width) in pixels of a rectified image."""
        return image_size(self.cameras, camera, self.cameras_file)

    def projection(self, camera: int) -> np.ndarray:
        """P_rect of a camera, (3, 4): rectified camera-0 coordinates in metres to homogeneous pixels."""
        return matrix(self.cameras, f"P_rect_0{camera}", (3, 4), self.cameras_file)

    def velo_to_image(self, camera: int) -> np.ndarray:
        """P_rect_0c · R_rect_00 · Tr_velo_to_cam, (3, 4): lidar coordinates in metres to homogeneous pixels.

        P_rect holds the camera's offset from camera 0 in its fourth column, so the third homogeneous coordinate is the
        depth along that camera's own optical axis.
        """
        rectify = np.eye(4)
        rectify[:3, :3] = matrix(self.cameras, "R_rect_00", (3, 3), self.cameras_file)
        return self.projection(camera) @ rectify @ self.velo_to_cam

    def stereo(self, left: int = 2, right: int = 3) -> StereoCamera:
        """Calibration of a camera pair; cameras 2 and 3 are the colour pair, 0 and 1 the grey one."""
        if self.size(left) != self.size(right):
            raise UserError(
                f"{self.cameras_file}: S_rect_0{left} and S_rect_0{right} differ, so the pair is not rectified"
            )
        return stereo_camera(self.projection(left), self.projection(right), self.size(left), self.cameras_file)


def read_benchmark_calib(path: Path, colour: bool) -> StereoCamera:
    """Calibration of one image of KITTI 2012 (P0 .. P3) or KITTI 2015 (P_rect_00 .. P_rect_03, S_rect).

    Args:
        path: The image's calibration file.
        colour: True for the colour cameras 2 and 3, False for the grey cameras 0 and 1.

    Raises:
        UserError: If the file or a line is missing or unreadable.
    """
    values = read_calib(path)
    left, right = (2, 3) if colour else (0, 1)
    prefix = "P_rect_0" if any(key.startswith("P_rect_0") for key in values) else "P"
    size = image_size(values, left, path) if f"S_rect_0{left}" in values else None
    P_left, P_right = (matrix(values, f"{prefix}{camera}", (3, 4), path) for camera in (left, right))
    return stereo_camera(P_left, P_right, size, path)
