"""Light of a street: sun, sky and air, and how surfaces look in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depthrepro.worlds.materials import noise
from depthrepro.worlds.scene import Light, direction
from depthrepro.worlds.tracer import Tracer


@dataclass(frozen=True)
class Daylight(Light):
    """Light of one street, linear RGB; a white surface in full sunlight has about 1.

    Attributes:
        sky_color: Light from the sky on a surface facing up, (3,).
        ground_color: Light from the ground on a surface facing down, (3,).
        haze_m: Distance at which 63 % of a colour is lost to the haze.
        zenith: Colour of the sky overhead, (3,).
        horizon: Colour of the sky at the horizon and of the haze, (3,).
        cloud: Share of the sky under cloud, 0..1.
        cloud_seed: Offset into the noise, so that no two skies are the same.
    """

    lift = 2e-4
    sky_color: np.ndarray
    ground_color: np.ndarray
    haze_m: float
    zenith: np.ndarray
    horizon: np.ndarray
    cloud: float
    cloud_seed: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Daylight:
        """Sunshine, veiled sun, or a closed sky."""
        weather = rng.choice(3, p=(0.55, 0.2, 0.25))
        height, azimuth = np.radians(rng.uniform(18, 62)), rng.uniform(0, 2 * np.pi)
        warm = np.array([1.0, 0.93 - 0.1 * np.cos(height) ** 4, 0.82 - 0.25 * np.cos(height) ** 4])
        blue, grey = np.array([0.72, 0.86, 1.08]), np.array([0.93, 0.97, 1.03])
        strength, sky = ((1.25, 0.24), (0.6, 0.5), (0.0, 0.95))[weather]
        ambient = sky * rng.uniform(0.8, 1.25) * (blue if weather == 0 else grey)
        brightness = rng.uniform(0.9, 1.5)
        warmth = rng.uniform(-0.05, 0.05)
        return cls(
            sun=direction(height, azimuth),
            sun_color=(strength * warm).astype(np.float32),
            sky_color=ambient.astype(np.float32),
            ground_color=(0.28 * (ambient + 0.5 * strength * warm)).astype(np.float32),
            haze_m=float(np.exp(rng.uniform(np.log(350), np.log(5000)))),
            zenith=(
                (np.array([0.22, 0.40, 0.78]), np.array([0.5, 0.6, 0.78]), 0.8 * grey)[weather] * brightness
            ).astype(np.float32),
            horizon=((np.array([0.80, 0.88, 0.98]) if weather == 0 else 0.95 * grey) * brightness).astype(np.float32),
            cloud=float((rng.uniform(0.1, 0.6), rng.uniform(0.4, 0.8), 1.0)[weather]),
            cloud_seed=float(rng.uniform(0, 500)),
            tint=np.array([1 + warmth, 1.0, 1 - warmth], dtype=np.float32),
        )

    def outside(self, rays: np.ndarray) -> np.ndarray:
        """The sky; see `Light.outside`."""
        x, y, z = rays / np.linalg.norm(rays, axis=0)
        up = np.maximum(z, 0.0)
        share = np.minimum(up * 2.2, 1.0) ** 0.7
        color = self.horizon[:, None] + (self.zenith - self.horizon)[:, None] * share
        spread = 60.0 / (up + 0.12)  # a flat layer of cloud seen from below
        layer = np.stack([x * spread, y * spread, np.full_like(x, self.cloud_seed)])
        lumps = noise(layer * np.float32(0.25)) + 0.5 * noise(layer) + 0.12
        cover = np.clip((lumps + 2.0 * self.cloud - 1.2) * 1.8, 0, 1)
        white = np.float32(1.15) * self.horizon[:, None] * (1.0 - 0.22 * np.clip(lumps, -1, 1))
        return (color + (white - color) * cover * np.clip(0.35 + up * 4.0, 0, 1)).astype(np.float32)

    def indirect(self, tracer: Tracer, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """See `Light.indirect`."""
        up = np.float32(0.5) + np.float32(0.5) * normals[2]
        return self.ground_color[:, None] + (self.sky_color - self.ground_color)[:, None] * up

    def through_air(self, color: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """See `Light.through_air`."""
        haze = np.float32(0.85) * self.horizon[:, None]
        return haze + (color - haze) * np.exp(-depth / np.float32(self.haze_m))
