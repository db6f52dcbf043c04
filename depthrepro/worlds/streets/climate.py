"""Light and colours that the labelled streets never have: dusk, fog, snow, autumn, drought, painted towns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from depthrepro.worlds.scene import direction
from depthrepro.worlds.streets.lighting import Daylight

WEATHERS = ("dusk", "fog", "gloom", "golden", "glare")


def foreign_light(rng: np.random.Generator) -> Daylight:
    """One of five kinds of light: after sunset, fog, a dark closed sky, a low warm sun, a high white one."""
    light = Daylight.random(rng)
    weather = WEATHERS[rng.integers(len(WEATHERS))]
    azimuth = rng.uniform(0, 2 * np.pi)
    height_deg, haze_m, cloud = 1.0, light.haze_m, light.cloud
    sun: ArrayLike = (0, 0, 0)
    colors: tuple[ArrayLike, ArrayLike, ArrayLike]  # light from above; the sky at its zenith and at the horizon
    if weather == "dusk":
        colors = (0.28, 0.3, 0.5), (0.08, 0.1, 0.28), np.array([0.95, 0.5, 0.35]) * rng.uniform(0.5, 1.0)
    elif weather == "fog":
        grey = np.full(3, rng.uniform(0.5, 0.9))
        colors, haze_m, cloud = (grey, grey, grey), rng.uniform(25, 120), 1.0
    elif weather == "gloom":
        blue = np.array([0.4, 0.47, 0.55]) * rng.uniform(0.7, 1.1)
        colors = blue, 0.7 * blue, blue
    elif weather == "golden":
        height_deg, sun = rng.uniform(6, 14), (1.5, 0.85, 0.35)
        colors = (0.2, 0.22, 0.32), (0.3, 0.4, 0.65), (1.1, 0.8, 0.5)
    else:
        height_deg, sun = rng.uniform(66, 82), (1.5, 1.45, 1.35)
        colors = (0.3, 0.34, 0.4), (0.12, 0.3, 0.8), (0.9, 0.9, 0.85)
    sun, sky, zenith, horizon = (np.asarray(color, dtype=np.float32) for color in (sun, *colors))
    return dataclasses.replace(
        light,
        sun=direction(np.radians(height_deg), azimuth),
        sun_color=sun,
        sky_color=sky,
        ground_color=np.float32(0.28) * (sky + np.float32(0.3) * sun),
        haze_m=haze_m,
        zenith=zenith,
        horizon=horizon,
        cloud=cloud,
    )


def any_light(rng: np.random.Generator) -> Callable[[np.random.Generator], Daylight]:
    """What draws the light of a street, home or foreign."""
    return foreign_light if rng.random() < 0.5 else Daylight.random


def repaint(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of a `Palette.table()`: plants of another season, all else tinted and more or less contrasted."""
    table = table.copy()
    season = rng.integers(4)  # snow, autumn, drought, or a lush green
    colors = table[:, :6].reshape(len(table), 2, 3)
    mean = colors.mean(axis=1)
    plant = mean[:, 1] > 1.12 * np.maximum(mean[:, 0], mean[:, 2])
    light = colors.mean(axis=2, keepdims=True)
    targets = (
        np.array([0.80, 0.84, 0.90]) * (0.75 + 0.5 * light),
        np.array([3.0, 1.15, 0.25]) * light,
        np.array([1.9, 1.5, 0.8]) * light,
        np.array([0.55, 1.6, 0.45]) * light,
    )
    colors[plant] = targets[season][plant]
    tint = np.exp(rng.normal(0, 0.13, (len(table), 1, 3)))
    colors[~plant] *= tint[~plant] * np.exp(rng.normal(0, 0.3))
    if season == 0:
        pale = ~plant & (rng.random(len(table)) < 0.35)  # snow lies on some of the rest
        colors[pale] = 0.35 * colors[pale] + 0.5
    table[:, :6] = np.clip(colors, 0.005, 0.92).reshape(len(table), 6)
    table[:, 6:8] *= rng.uniform(0.6, 1.4, (len(table), 2))
    return table.astype(np.float32)
