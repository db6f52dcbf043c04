"""The recording car: cameras and laser of one recording day, and their files in KITTI's format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DATES = ("2031_05_04", "2031_09_17")
_KITTI_WIDTH, _KITTI_HEIGHT = 1242.0, 375.0
# Nominal axes: laser x forward, y left, z up; camera x right, y down, z forward.
CAMERA_FROM_VEHICLE = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Rotation by angles in radians about x, then y, then z; (3, 3)."""
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    turn_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    turn_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    turn_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return turn_z @ turn_y @ turn_x


@dataclass(frozen=True)
class Rig:
    """Calibration of one recording day at one image size.

    Attributes:
        date: Name of the day.
        width: Image width in pixels.
        height: Image height in pixels.
        focal_px: Focal length of the rectified cameras.
        center: Principal point (cx, cy) in pixels; pixel centres have whole coordinates.
        camera_x: Positions of cameras 0..3 along the rectified x axis, metres; camera 2 is the left colour camera.
        shift: Further offset (y, z) of the colour cameras, metres.
        rectify: R_rect_00, (3, 3).
        laser_rotation: R of velo_to_cam, (3, 3).
        laser_offset: T of velo_to_cam, metres, (3,).
    """

    date: str
    width: int
    height: int
    focal_px: float
    center: tuple[float, float]
    camera_x: tuple[float, float, float, float]
    shift: tuple[float, float]
    rectify: np.ndarray
    laser_rotation: np.ndarray
    laser_offset: np.ndarray

    @property
    def baseline_m(self) -> float:
        """Distance between the colour cameras."""
        return self.camera_x[3] - self.camera_x[2]

    @property
    def K(self) -> np.ndarray:
        """Camera matrix of both rectified cameras, (3, 3)."""
        f, (cx, cy) = self.focal_px, self.center
        return np.array([[f, 0, cx], [0, f, cy], [0, 0, 1.0]])

    def camera_center(self, camera: int) -> np.ndarray:
        """Position of a colour camera (2 or 3) in the rectified frame of camera 0, (3,) metres."""
        return np.array([self.camera_x[camera], *self.shift])

    def projection(self, camera: int) -> np.ndarray:
        """P_rect of a camera, (3, 4)."""
        shift = (0.0, 0.0) if camera < 2 else self.shift
        offset = -np.array([self.camera_x[camera], *shift])
        return self.K @ np.column_stack([np.eye(3), offset])

    def rectified_from_laser(self) -> np.ndarray:
        """Laser coordinates to the rectified frame of camera 0, (4, 4)."""
        transform = np.eye(4)
        transform[:3, :3] = self.rectify @ self.laser_rotation
        transform[:3, 3] = self.rectify @ self.laser_offset
        return transform


def make_rig(date: str, width: int, height: int) -> Rig:
    """The rig of a day: KITTI's proportions, a little different each day.

    Numbers are rounded as the files hold them, so that what is rendered is exactly what is written.
    """
    day = DATES.index(date)
    rng = np.random.default_rng([20310504, day])
    scale = width / _KITTI_WIDTH
    focal = (721.5, 707.1)[day] * scale
    center = ((609.6, 601.9)[day] * scale, (172.9, 183.1)[day] / _KITTI_HEIGHT * height)
    left = (-0.0598, -0.0611)[day]
    camera_x = (0.0, 0.5372, left, left + (0.5389, 0.5341)[day])
    rectify = rotation(*rng.normal(0, 0.007, 3))
    laser = rotation(*rng.normal(0, 0.012, 3)) @ CAMERA_FROM_VEHICLE
    offset = np.array([-0.004, -0.076, -0.272]) + rng.normal(0, 0.01, 3)
    rounded = [_rounded(v) for v in (focal, center, camera_x, rectify, laser, offset)]
    f, c, x = float(rounded[0]), tuple(rounded[1].tolist()), tuple(rounded[2].tolist())
    return Rig(date, width, height, f, c, x, (-0.0003, -0.0027), *rounded[3:])


def _rounded(values: object) -> np.ndarray:
    """Values with the seven digits that the calibration files hold."""
    array = np.asarray(values, dtype=np.float64)
    return np.array([float(f"{v:.6e}") for v in array.ravel()]).reshape(array.shape)


def _line(key: str, values: np.ndarray | tuple[float, ...]) -> str:
    """One line of a calibration file."""
    return f"{key}: " + " ".join(f"{v:.6e}" for v in np.ravel(values))


def cam_to_cam_text(rig: Rig) -> str:
    """Contents of calib_cam_to_cam.txt."""
    lines = [f"calib_time: {rig.date.replace('_', '-')} 12:00:00", "corner_dist: 9.950000e-02"]
    for camera in range(4):
        shift = (0.0, 0.0) if camera < 2 else rig.shift
        offset = -np.array([rig.camera_x[camera], *shift])
        lines += [
            _line(f"S_{camera:02d}", (rig.width, rig.height)),
            _line(f"K_{camera:02d}", rig.K),
            _line(f"D_{camera:02d}", np.zeros(5)),
            _line(f"R_{camera:02d}", np.eye(3)),
            _line(f"T_{camera:02d}", rig.rectify.T @ offset),
            _line(f"S_rect_{camera:02d}", (rig.width, rig.height)),
            _line(f"R_rect_{camera:02d}", rig.rectify),
            _line(f"P_rect_{camera:02d}", rig.projection(camera)),
        ]
    return "\n".join(lines) + "\n"


def write_calibration(rig: Rig, folder: Path) -> list[Path]:
    """Write the day's three calibration files and return their paths."""
    date = rig.date.replace("_", "-")
    velo = [
        f"calib_time: {date} 12:00:00",
        _line("R", rig.laser_rotation),
        _line("T", rig.laser_offset),
        _line("delta_f", (0.0, 0.0)),
        _line("delta_c", (0.0, 0.0)),
    ]
    imu = [f"calib_time: {date} 12:00:00", _line("R", np.eye(3)), _line("T", (-0.81, 0.32, -0.80))]
    texts = {
        "calib_cam_to_cam.txt": cam_to_cam_text(rig),
        "calib_velo_to_cam.txt": "\n".join(velo) + "\n",
        "calib_imu_to_velo.txt": "\n".join(imu) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts.items():
        path = folder / name
        partial = path.with_suffix(".part")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
        paths.append(path)
    return paths
