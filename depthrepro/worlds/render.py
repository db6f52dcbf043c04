"""Pictures of a scene: shading, shadows, haze, anti-aliasing, and the camera's exposure and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from depthrepro.worlds.calibration import Rig
from depthrepro.worlds.camera import Pose, pixel_rays
from depthrepro.worlds.materials import albedo
from depthrepro.worlds.streets.scene import Scene
from depthrepro.worlds.tracer import SHADOW_OFFSET_M, Hits, Tracer

# Where an edge passes, two more rays go through each pixel; rows and columns get three different offsets each.
_EXTRA_SAMPLES = ((-0.33, 0.25), (0.33, -0.25))
_CHUNK = 8192  # rays at a time: their arrays stay in the processor's cache


@dataclass(frozen=True)
class Exposure:
    """What the camera makes of the light, the same for both cameras but for `gain`.

    Attributes:
        gain: Factor on linear light.
        tint: White balance, (3,).
        contrast: Strength of the tone curve's S, 0 = plain gamma.
        color: Saturation, 1 = as the light is.
        noise: Standard deviation of the sensor noise at mid-grey, in 8-bit steps.
        vignette: Loss of light in the corners, 0..1.
    """

    gain: float
    tint: np.ndarray
    contrast: float
    color: float
    noise: float
    vignette: float


def _shade(scene: Scene, tracer: Tracer, focal_px: float, origin: np.ndarray, rays: np.ndarray, hits: Hits) -> tuple:
    """Linear colour (3, N) of rays (3, N) of unit depth, and a code (N,), -1 for the sky.

    The code changes where the material, the side of the surface, or the sunlight does.
    """
    light = scene.light
    found = np.flatnonzero(hits.found)
    code = np.full(rays.shape[1], -1, dtype=np.int32)
    if len(found) < rays.shape[1]:
        color = light.sky(rays)
        rays = rays[:, found]
    else:
        color = np.empty_like(rays)
    depth, triangle = hits.distance[found], hits.triangle[found]
    points = origin[:, None] + rays * depth
    normal = tracer.normals(triangle, rays)
    material = tracer.material.take(triangle)
    facing = light.sun @ normal
    lit = np.flatnonzero(facing > 0) if light.sun_color.any() else np.empty(0, dtype=np.intp)
    lifted = points[:, lit] + (SHADOW_OFFSET_M + np.float32(2e-4) * depth[lit]) * normal[:, lit]
    lit = lit[~tracer.shadowed(lifted, light.sun)]
    soft = scene.table[:, 12].take(material)
    sun = np.zeros_like(depth)
    sun[lit] = facing[lit] + soft[lit] * (np.float32(0.6) - facing[lit])
    up = np.float32(0.5) + np.float32(0.5) * normal[2]
    received = light.ground_color[:, None] + (light.sky_color - light.ground_color)[:, None] * up
    received += light.sun_color[:, None] * sun
    surface = albedo(scene.table, material, points, depth / np.float32(focal_px)) * received
    haze = np.float32(0.85) * light.horizon[:, None]
    color[:, found] = haze + (surface - haze) * np.exp(-depth / np.float32(light.haze_m))
    side = np.floor(normal[2] * np.float32(1.49)) + np.float32(2) * np.floor(normal[0] * np.float32(1.49))
    side *= soft == 0  # within leaves every facet would count as an edge
    code[found] = 64 * material + 8 * (side.astype(np.int32) + 8)
    code[found[lit]] += 1
    return color, code


Shade = Callable[[np.ndarray, np.ndarray, Hits], tuple[np.ndarray, np.ndarray]]


def trace(shade: Shade, tracer: Tracer, origin: np.ndarray, rays: np.ndarray) -> tuple:
    """What rays from one point see.

    Args:
        shade: (origin, rays, hits) -> colour and code of each ray.
        tracer: Triangles.
        origin: Camera, (3,).
        rays: (3, N) float32 of unit depth.

    Returns:
        Linear colour (3, N) float32, depth (N,) float32 in metres (infinite for the sky), and a code (N,) int32 that
        changes at the edges of surfaces and shadows.
    """
    origin = np.asarray(origin, dtype=np.float32)
    parts = []
    for start in range(0, rays.shape[1], _CHUNK):
        part = np.ascontiguousarray(rays[:, start : start + _CHUNK])
        hits = tracer.first(origin, part)
        color, code = shade(origin, part, hits)
        parts.append((color, hits.distance, code))
    return tuple(np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True))


def render_view(scene: Scene, tracer: Tracer, rig: Rig, pose: Pose, camera: int) -> tuple[np.ndarray, np.ndarray]:
    """One camera's view of a street; returns what `sample_view` returns."""
    return sample_view(partial(_shade, scene, tracer, rig.focal_px), tracer, rig, pose, pose.camera(rig, camera))


def sample_view(
    shade: Shade, tracer: Tracer, rig: Rig, pose: Pose, origin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One camera's view, with more rays where an edge passes.

    Args:
        shade: See `trace`.
        tracer: Triangles.
        rig: Size and intrinsics.
        pose: Where the camera looks.
        origin: Where it stands, (3,).

    Returns:
        Linear colour (H, W, 3) float32, and depth (H, W) float32 along the optical axis at pixel centres in metres,
        0 where the sky is seen.
    """
    h, w = rig.height, rig.width
    v, u = (a.ravel() for a in np.indices((h, w), dtype=np.float32))
    color, depth, code = trace(shade, tracer, origin, pixel_rays(rig, pose, u, v))
    edge = np.flatnonzero(_edges(code.reshape(h, w), depth.reshape(h, w)))
    if len(edge):
        offsets = np.array(_EXTRA_SAMPLES, dtype=np.float32)
        uu, vv = ((a[edge, None] + offsets[:, k]).ravel() for k, a in enumerate((u, v)))
        extra = trace(shade, tracer, origin, pixel_rays(rig, pose, uu, vv))[0]
        total = extra.reshape(3, len(edge), len(offsets)).sum(axis=2)
        color[:, edge] = (color[:, edge] + total) / np.float32(1 + len(offsets))
    depth[~np.isfinite(depth)] = 0
    return np.ascontiguousarray(color.T).reshape(h, w, 3), depth.reshape(h, w)


def _edges(code: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels beside a change of surface, of sunlight, or a jump in depth."""
    edge = np.zeros(code.shape, dtype=bool)
    inverse = 1 / depth
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        change = (code[a] != code[b]) | (np.abs(inverse[a] - inverse[b]) > 0.1 * np.maximum(inverse[a], inverse[b]))
        edge[a] |= change
        edge[b] |= change
    return edge


def draw_exposure(tint: np.ndarray, left: np.ndarray, rng: np.random.Generator) -> Exposure:
    """Automatic exposure for the lower half of the left view, off by a random factor as real ones are."""
    lower = left[left.shape[0] // 3 :]
    level = float(np.exp(np.mean(np.log(np.maximum(lower.mean(axis=2), 1e-3)))))
    return Exposure(
        gain=0.16 / level * float(np.exp(rng.normal(0, 0.28))),
        tint=tint,
        contrast=float(rng.uniform(0.0, 0.35)),
        color=float(rng.uniform(0.6, 0.95)),
        noise=float(rng.uniform(0.8, 2.2)),
        vignette=float(rng.uniform(0.0, 0.12)),
    )


def develop(color: np.ndarray, exposure: Exposure, gain: float, rng: np.random.Generator) -> np.ndarray:
    """Linear light to an 8-bit picture.

    Args:
        color: (H, W, 3) linear RGB.
        exposure: Settings that both cameras share.
        gain: This camera's own factor, close to 1.
        rng: Source of the sensor noise.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    h, w = color.shape[:2]
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    fall = (1 - exposure.vignette * (0.75 * x**2 + 0.25 * y**2)).astype(np.float32)
    light = color * (exposure.tint * np.float32(exposure.gain * gain)) * fall[:, :, None]
    grey = light.mean(axis=2, keepdims=True)
    light = grey + (light - grey) * np.float32(exposure.color)
    light = cv2.GaussianBlur(np.minimum(light, 1.6), (3, 3), 0.45)  # the lens; bright sky bleeds a little, as it does
    tone = np.power(np.clip(light, 0, 1), np.float32(1 / 2.2))
    tone += np.float32(exposure.contrast) * (tone * tone * (3 - 2 * tone) - tone)
    noise = rng.standard_normal(tone.shape, dtype=np.float32) * np.float32(exposure.noise / 255)
    tone += noise * (0.6 + 0.6 * np.sqrt(tone))
    return (np.clip(tone, 0, 1) * 255 + 0.5).astype(np.uint8)
