"""Light and colours of the unlabelled streets."""

from __future__ import annotations

import numpy as np
import pytest

from depthrepro.worlds.streets.climate import WEATHERS, foreign_light, repaint


def test_seasons_leave_glass_and_grain_alone_and_colours_possible():
    rng = np.random.default_rng(0)
    table = rng.uniform(0.05, 0.6, (40, 14)).astype(np.float32)
    painted = repaint(table, rng)
    assert painted.shape == table.shape and not np.allclose(painted[:, :6], table[:, :6])
    assert painted[:, :6].min() > 0 and painted[:, :6].max() < 1
    assert np.array_equal(painted[:, 8:], table[:, 8:])


def test_every_weather_gives_a_light():
    lights = [foreign_light(np.random.default_rng(seed)) for seed in range(40)]
    assert len(WEATHERS) == 5
    for light in lights:
        assert np.linalg.norm(light.sun) == pytest.approx(1, abs=1e-5)
        assert (light.sky_color > 0).all() and light.haze_m > 0
    assert {bool(light.sun_color.any()) for light in lights} == {True, False}
    assert min(light.haze_m for light in lights) < 150, "fog"
