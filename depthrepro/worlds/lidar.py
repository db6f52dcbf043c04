"""A 64-beam laser scan of a scene."""

from __future__ import annotations

import numpy as np

from depthrepro.worlds.camera import Pose, Rig
from depthrepro.worlds.materials import GLASS, albedo
from depthrepro.worlds.scene import Scene

BEAMS = 64
ELEVATION_DEG = (2.0, -24.8)
AZIMUTH_STEP_DEG = 0.17
MAX_RANGE_M = 100.0
RANGE_NOISE_M = 0.02
_MARGIN_DEG = 4.0


def scan(scene: Scene, rig: Rig, pose: Pose, rng: np.random.Generator) -> np.ndarray:
    """One turn of the scanner, only the forward sector that can fall into the images.

    Returns:
        (N, 4) float32: x, y, z in the laser's frame in metres, and reflectance in 0..1. Beams that hit nothing within
        100 m, most that hit glass, and a few others at random give no point.
    """
    laser_to_camera = rig.rectified_from_laser()
    turn = pose.turn @ laser_to_camera[:3, :3]
    origin = pose.center + pose.turn @ laser_to_camera[:3, 3]
    directions = _beams(rig, rng)
    rays = (turn @ directions).astype(np.float32)
    distance, triangle = scene.tracer.first(origin, rays)
    near = distance < MAX_RANGE_M
    directions, rays, distance, triangle = directions[:, near], rays[:, near], distance[near], triangle[near]
    material = scene.tracer.material[triangle]
    points = np.asarray(origin, dtype=np.float32)[:, None] + rays * distance
    bright = albedo(scene.table, material, points, 0.003 * distance).mean(axis=0)
    slant = -np.einsum("in,in->n", scene.tracer.normals(triangle, rays), rays)
    lost = (
        0.03
        + 0.6 * scene.table[material, GLASS]
        + np.clip(distance / MAX_RANGE_M - 0.4, 0, 1) * (slant * bright < 0.02)
    )
    keep = rng.random(len(lost)) >= lost
    measured = distance[keep] + rng.normal(0, RANGE_NOISE_M, int(keep.sum()))
    xyz = directions[:, keep] * measured
    return np.ascontiguousarray(np.concatenate([xyz, np.clip(bright * slant, 0, 1)[None, keep]]).T, dtype=np.float32)


def _beams(rig: Rig, rng: np.random.Generator) -> np.ndarray:
    """Unit directions in the laser's frame, (3, beams · azimuths)."""
    cx = rig.center[0]
    widest = np.degrees(np.arctan(max(cx, rig.width - cx) / rig.focal_px)) + _MARGIN_DEG
    azimuth = np.radians(np.arange(-widest, widest, AZIMUTH_STEP_DEG) + rng.uniform(0, AZIMUTH_STEP_DEG))
    elevation = np.radians(np.linspace(*ELEVATION_DEG, BEAMS))
    e, a = (g.ravel() for g in np.meshgrid(elevation, azimuth, indexing="ij"))
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
