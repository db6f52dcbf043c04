"""Calibration of each recording day's rig, and its files in KITTI's format."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.camera import CAMERA_FROM_VEHICLE, Rig, rotation

DATES = ("2031_05_04", "2031_09_17")
_KITTI_WIDTH, _KITTI_HEIGHT = 1242.0, 375.0


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
        lines += [
            _line(f"S_{camera:02d}", (rig.width, rig.height)),
            _line(f"K_{camera:02d}", rig.K),
            _line(f"D_{camera:02d}", np.zeros(5)),
            _line(f"R_{camera:02d}", np.eye(3)),
            _line(f"T_{camera:02d}", rig.rectify.T @ -rig.camera_center(camera)),
            _line(f"S_rect_{camera:02d}", (rig.width, rig.height)),
            _line(f"R_rect_{camera:02d}", rig.rectify),
            _line(f"P_rect_{camera:02d}", rig.projection(camera)),
        ]
    return "\n".join(lines) + "\n"


def calibration_texts(rig: Rig) -> dict[str, str]:
    """The day's three calibration files: each one's name and text."""
    time = f"calib_time: {rig.date.replace('_', '-')} 12:00:00"
    velo = [time, _line("R", rig.laser_rotation), _line("T", rig.laser_offset)]
    velo += [_line("delta_f", (0.0, 0.0)), _line("delta_c", (0.0, 0.0))]
    imu = [time, _line("R", np.eye(3)), _line("T", (-0.81, 0.32, -0.80))]
    return {
        "calib_cam_to_cam.txt": cam_to_cam_text(rig),
        "calib_velo_to_cam.txt": "\n".join(velo) + "\n",
        "calib_imu_to_velo.txt": "\n".join(imu) + "\n",
    }
