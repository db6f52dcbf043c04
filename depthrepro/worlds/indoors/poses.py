"""Poses of a hand-held camera in a room, and the views from there."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.camera import CAMERA_FROM_VEHICLE, Pose, Rig, best_pose, pixel_rays, rotation, single_camera
from depthrepro.worlds.indoors.room import Room
from depthrepro.worlds.render import Picture, take_picture

_NEAREST_M = 0.45
_FAR_M = 1.8  # a view this deep in the middle is taken at once
_ATTEMPTS = 24


def room_views(room: Room, width: int, height: int, rng: np.random.Generator, views: int) -> list[Picture]:
    """Views of one room by a hand-held camera, `width` by `height` pixels."""
    found = []
    for _ in range(views):
        rig = single_camera(width, height, float(rng.uniform(0.62, 0.98)))
        found.append(take_picture(room, rig, find_pose(room, rig, rng), rng))
    return found


def find_pose(room: Room, rig: Rig, rng: np.random.Generator) -> Pose:
    """A hand-held camera that looks across the room; the attempt that sees farthest with nothing right before it."""
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(0, rig.width - 1, 24), np.linspace(0, rig.height - 1, 18)))

    def sight(pose: Pose) -> float:
        depth, _ = room.tracer.first(pose.center, pixel_rays(rig, pose, u, v))
        near, middle = float(depth.min()), float(np.median(depth))
        return middle if near > _NEAREST_M else near - 10

    return best_pose(lambda: _draw_pose(room, rng), sight, _FAR_M, _ATTEMPTS)


def _draw_pose(room: Room, rng: np.random.Generator) -> Pose:
    """Somewhere in the room, at the height of a hand or an eye, turned towards another place in it."""
    extent = room.extent
    x, y = rng.uniform(0.25, (extent.x - 0.25, extent.y - 0.25))
    aim_x, aim_y = rng.uniform(0.1, (extent.x - 0.1, extent.y - 0.1))
    yaw = float(np.arctan2(aim_y - y, aim_x - x))
    pitch, roll = np.radians(rng.normal((8.0, 0.0), (9.0, 2.0)))
    turn = rotation(0, 0, yaw) @ rotation(float(roll), float(pitch), 0)
    return Pose(turn @ CAMERA_FROM_VEHICLE.T, np.array((x, y, float(rng.uniform(0.95, 1.75)))))
