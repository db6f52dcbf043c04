"""Cameras: a rig's calibration, where it stands, and the rays of its pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
        """Position of a camera, 2 and 3 are the colour ones, in the rectified frame of camera 0, (3,) metres."""
        shift = (0.0, 0.0) if camera < 2 else self.shift
        return np.array([self.camera_x[camera], *shift])

    def projection(self, camera: int) -> np.ndarray:
        """P_rect of a camera, (3, 4)."""
        return self.K @ np.column_stack([np.eye(3), -self.camera_center(camera)])

    def rectified_from_laser(self) -> np.ndarray:
        """Laser coordinates to the rectified frame of camera 0, (4, 4)."""
        transform = np.eye(4)
        transform[:3, :3] = self.rectify @ self.laser_rotation
        transform[:3, 3] = self.rectify @ self.laser_offset
        return transform


@dataclass(frozen=True)
class Pose:
    """The rectified frame of camera 0 in the world.

    Attributes:
        turn: World from camera, (3, 3).
        center: Metres, (3,).
    """

    turn: np.ndarray
    center: np.ndarray

    def camera(self, rig: Rig, camera: int) -> np.ndarray:
        """World position of a colour camera, (3,)."""
        return self.center + self.turn @ rig.camera_center(camera)


def best_pose(draw: Callable[[], Pose], score: Callable[[Pose], float], enough: float, attempts: int) -> Pose:
    """The first drawn pose whose score is enough, or after so many attempts the best of them."""
    tried: list[tuple[float, Pose]] = []
    for _ in range(attempts):
        pose = draw()
        tried.append((score(pose), pose))
        if tried[-1][0] >= enough:
            break
    return max(tried, key=lambda scored: scored[0])[1]


def single_camera(width: int, height: int, focal: float) -> Rig:
    """One camera in the place of a rig's left one; `focal` is its focal length over the image's width."""
    center = ((width - 1) / 2, (height - 1) / 2)
    return Rig("", width, height, focal * width, center, (0.0,) * 4, (0.0, 0.0), np.eye(3), np.eye(3), np.zeros(3))


def pixel_rays(rig: Rig, pose: Pose, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """World directions of pixels, (3, N) float32, of unit depth: a hit's distance is its depth."""
    cx, cy = rig.center
    x, y = ((a - c) / rig.focal_px for a, c in ((u, cx), (v, cy)))
    return pose.turn.astype(np.float32) @ np.stack([x, y, np.ones_like(x)]).astype(np.float32)
