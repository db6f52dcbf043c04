"""Poses of a camera on a street, and the views from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.camera import CAMERA_FROM_VEHICLE, Pose, Rig, best_pose, pixel_rays, rotation
from depthrepro.worlds.render import Picture, take_picture
from depthrepro.worlds.streets.street import Street

_ATTEMPTS = 40


@dataclass(frozen=True)
class Stance:
    """Ranges that the poses of a carried camera are drawn from.

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


def find_pose(
    street: Street, rig: Rig, number: int, per_scene: int, rng: np.random.Generator, stance: Stance = CAR
) -> Pose:
    """A pose for view `number` from which nothing is too near, or the one of 40 attempts with the most room."""
    # Each view has its own stretch of the drive, with a gap before the next.
    first = number / per_scene
    share = (first, first + 0.6 / per_scene)

    u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, rig.width - 1, 80), np.linspace(0, rig.height - 1, 26)))

    def room(pose: Pose) -> float:  # smallest depth that either camera or the laser sees on this lattice of pixels
        rays = pixel_rays(rig, pose, u, v)
        laser = pose.center + pose.turn @ rig.rectified_from_laser()[:3, 3]
        origins = (pose.camera(rig, 2), pose.camera(rig, 3), laser)
        return min(float(street.tracer.first(origin, rays)[0].min()) for origin in origins)

    return best_pose(lambda: _draw_pose(street, share, rng, stance), room, stance.nearest_m, _ATTEMPTS)


def _draw_pose(street: Street, share: tuple[float, float], rng: np.random.Generator, stance: Stance) -> Pose:
    """A camera on the road, turned, tilted, raised and moved sideways at random."""
    road, section, style = street.road, street.section, street.style
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


def street_views(
    street: Street, stance: Stance, rig: Rig, rng: np.random.Generator, views: int, per_scene: int
) -> list[Picture]:
    """The first views of one street, far apart along its road, which is divided among `per_scene`."""
    poses = (find_pose(street, rig, number, per_scene, rng, stance) for number in range(views))
    return [take_picture(street, rig, pose, rng) for pose in poses]
