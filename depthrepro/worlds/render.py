"""Pictures of a scene: rays through pixels, anti-aliasing, and the camera's exposure and noise."""

from __future__ import annotations

import cv2
import numpy as np

from depthrepro.worlds.camera import Pose, Rig, pixel_rays
from depthrepro.worlds.scene import Scene

# Where an edge passes, two more rays go through each pixel; rows and columns get three different offsets each.
_EXTRA_SAMPLES = ((-0.33, 0.25), (0.33, -0.25))
_CHUNK = 8192  # rays at a time: their arrays stay in the processor's cache


# Image uint8 (H, W, 3) RGB, and depth float32 (H, W) along the optical axis in metres, 0 = sky or nothing.
Picture = tuple[np.ndarray, np.ndarray]


class Exposure:
    """Settings that turn light into a picture, drawn at random; both cameras of a pair share them.

    Attributes:
        gain: Factor on linear light.
        tint: White balance, (3,).
        contrast: Strength of the tone curve's S, 0 = plain gamma.
        color: Saturation, 1 = as the light is.
        noise: Standard deviation of the sensor noise at mid-grey, in 8-bit steps.
        vignette: Loss of light in the corners, 0..1.
    """

    def __init__(self, tint: np.ndarray, left: np.ndarray, rng: np.random.Generator) -> None:
        """Expose for the lower two thirds of the left view, off by a random factor as automatic exposures are."""
        lower = left[left.shape[0] // 3 :]
        level = float(np.exp(np.mean(np.log(np.maximum(lower.mean(axis=2), 1e-3)))))
        self.gain = 0.16 / level * float(np.exp(rng.normal(0, 0.28)))
        self.tint = tint
        self.contrast = float(rng.uniform(0.0, 0.35))
        self.color = float(rng.uniform(0.6, 0.95))
        self.noise = float(rng.uniform(0.8, 2.2))
        self.vignette = float(rng.uniform(0.0, 0.12))


def _trace(scene: Scene, focal_px: float, origin: np.ndarray, rays: np.ndarray) -> tuple:
    """Colour, code and depth of rays; see `Light.shade`."""
    chunks = (np.ascontiguousarray(rays[:, i : i + _CHUNK]) for i in range(0, rays.shape[1], _CHUNK))
    parts = [scene.light.shade(scene, focal_px, origin, chunk) for chunk in chunks]
    return tuple(np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True))


def render_view(scene: Scene, rig: Rig, pose: Pose, camera: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """One camera's view, with more rays where an edge passes.

    Args:
        scene: What is seen.
        rig: Size and intrinsics.
        pose: Where the rig stands.
        camera: 2 for the left colour camera or a single one, 3 for the right.

    Returns:
        Linear colour (H, W, 3) float32, and depth (H, W) float32 along the optical axis at pixel centres in metres,
        0 where the sky is seen.
    """
    origin = pose.camera(rig, camera).astype(np.float32)
    h, w = rig.height, rig.width
    v, u = (a.ravel() for a in np.indices((h, w), dtype=np.float32))
    color, code, depth = _trace(scene, rig.focal_px, origin, pixel_rays(rig, pose, u, v))
    edge = np.flatnonzero(_edges(code.reshape(h, w), depth.reshape(h, w)))
    if len(edge):
        offsets = np.array(_EXTRA_SAMPLES, dtype=np.float32)
        uu, vv = ((a[edge, None] + offsets[:, k]).ravel() for k, a in enumerate((u, v)))
        extra = _trace(scene, rig.focal_px, origin, pixel_rays(rig, pose, uu, vv))[0]
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


def take_picture(scene: Scene, rig: Rig, pose: Pose, rng: np.random.Generator) -> Picture:
    """What a single camera sees."""
    color, depth = render_view(scene, rig, pose)
    return develop(color, Exposure(scene.light.tint, color, rng), 1.0, rng), depth
