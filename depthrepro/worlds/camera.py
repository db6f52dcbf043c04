"""Where the recording car stands, and what its cameras would see too close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.calibration import CAMERA_FROM_VEHICLE, Rig, rotation
from depthrepro.worlds.streets.scene import Scene
from depthrepro.worlds.tracer import Tracer

_ATTEMPTS = 40


@dataclass(frozen=True)
class Stance:
    """How a camera is carried; the ranges that poses are drawn from.

    Attributes:
        height_m: Lowest and highest.
        pitch_deg: Mean, downwards, and spread of the tilt against the road.
        yaw_rad: Largest turn away from the road in the third of the views that look aside most.
        nearest_m: Nothing in view may be closer.
    """

    height_m: tuple[float, float] = (1.35, 2.15)
    pitch_deg: tuple[float, float] = (0.0, 2.5)
    yaw_rad: float = 0.75
    nearest_m: float = 3.7


CAR = Stance()


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


def single_camera(width: int, height: int, focal: float) -> Rig:
    """One camera in the place of a rig's left one; `focal` is its focal length over the image's width."""
    center = ((width - 1) / 2, (height - 1) / 2)
    return Rig("", width, height, focal * width, center, (0.0,) * 4, (0.0, 0.0), np.eye(3), np.eye(3), np.zeros(3))


def pixel_rays(rig: Rig, pose: Pose, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """World directions of pixels, (3, N) float32, of unit depth: a hit's distance is its depth."""
    cx, cy = rig.center
    x, y = ((a - c) / rig.focal_px for a, c in ((u, cx), (v, cy)))
    return pose.turn.astype(np.float32) @ np.stack([x, y, np.ones_like(x)]).astype(np.float32)


def find_pose(
    scene: Scene,
    tracer: Tracer,
    rig: Rig,
    share: tuple[float, float],
    rng: np.random.Generator,
    stance: Stance = CAR,
) -> Pose:
    """A pose on the stretch `share` (fractions of the drive) from which nothing is too near.

    The last of 40 attempts is the one with the most room, should all fail.
    """
    best: tuple[float, Pose] | None = None
    for _ in range(_ATTEMPTS):
        pose = _draw_pose(scene, share, rng, stance)
        room = _room(tracer, rig, pose)
        if best is None or room > best[0]:
            best = (room, pose)
        if room >= stance.nearest_m:
            break
    assert best is not None
    return best[1]


def _draw_pose(scene: Scene, share: tuple[float, float], rng: np.random.Generator, stance: Stance) -> Pose:
    """A camera on the road, turned, tilted, raised and moved sideways at random."""
    road, section, style = scene.road, scene.section, scene.style
    length = min(section.end - 22.0, 230.0)
    s = length * rng.uniform(*share)
    lane = rng.integers(style.lanes) + 0.5
    side = -1.0 if rng.random() < 0.8 else 1.0
    middle, kerb = side * lane * style.lane_width, side * (section.edge[int(side > 0)] - 1.0)
    t = (kerb if rng.random() < 0.3 else middle) + rng.normal(0, 0.5)
    swing = rng.choice(3, p=(0.3, 0.35, 0.35))
    yaw = (rng.normal(0, 0.05), rng.uniform(-0.4, 0.4), rng.uniform(-stance.yaw_rad, stance.yaw_rad))[swing]
    ahead, behind = road.point(s + 1.5, t), road.point(s - 1.5, t)
    left, right = road.point(s, t + 1.0), road.point(s, t - 1.0)
    pitch = -np.arctan2(ahead[2] - behind[2], 3.0) + np.radians(rng.normal(*stance.pitch_deg))
    roll = np.arctan2(left[2] - right[2], 2.0) + np.radians(rng.normal(0, 0.9))
    height = rng.uniform(*stance.height_m)
    turn = rotation(0, 0, float(road.heading(s))) @ rotation(float(roll), float(pitch), 0) @ rotation(0, 0, float(yaw))
    return Pose(turn @ CAMERA_FROM_VEHICLE.T, np.array(road.point(s, t, height)))


def _room(tracer: Tracer, rig: Rig, pose: Pose) -> float:
    """Smallest depth seen from either camera or from the laser on a coarse lattice of pixels, metres."""
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, rig.width - 1, 80), np.linspace(0, rig.height - 1, 26)))
    rays = pixel_rays(rig, pose, u, v)
    laser = pose.center + pose.turn @ rig.rectified_from_laser()[:3, 3]
    origins = (pose.camera(rig, 2), pose.camera(rig, 3), laser)
    return min(float(tracer.first(origin, rays).distance.min()) for origin in origins)
