from __future__ import annotations

import numpy as np
import pytest

from depthrepro.worlds.materials import Palette, albedo, noise


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(-300, 300, (3, 20_000)).astype(np.float32)


def test_noise_is_centred_bounded_and_periodic(points):
    values = noise(points)
    assert abs(values.mean()) < 0.02 and 0.2 < values.std() < 0.4 and np.abs(values).max() <= 1
    shifted = noise(points + np.array([[128.0], [-256.0], [384.0]], dtype=np.float32))
    np.testing.assert_allclose(shifted, values, atol=0.02)  # float32 leaves 5 digits of the position


def test_noise_is_continuous_across_slices_and_the_period():
    line = np.linspace(-2, 130, 20_000, dtype=np.float32)
    for axis in range(3):
        path = np.full((3, len(line)), 5.3, dtype=np.float32)
        path[axis] = line
        assert np.abs(np.diff(noise(path))).max() < 0.03


def test_noise_does_not_depend_on_how_many_points_are_asked(points):
    np.testing.assert_array_equal(noise(points)[:5000], noise(points[:, :5000]))
    assert noise(points[:, :0]).shape == (0,)


def test_albedo_lies_between_the_two_colours(points):
    palette = Palette()
    grey = palette.add((0.1, 0.1, 0.1), (0.3, 0.2, 0.1))
    black = palette.add((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    material = np.where(np.arange(points.shape[1]) % 2, grey, black)
    color = albedo(palette.table(), material, points, np.full(points.shape[1], 0.02, dtype=np.float32))
    assert (color[:, material == black] == 0).all()
    seen = color[:, material == grey]
    assert seen[0].min() >= 0.1 - 1e-6 and seen[0].max() <= 0.3 + 1e-6 and seen[0].std() > 0.03
    np.testing.assert_allclose(seen[2], 0.1, atol=1e-6)


def test_fine_texture_keeps_its_contrast_at_every_distance():
    palette = Palette()
    palette.add((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), stain=0.0, grain=0.8)
    for depth in (4.0, 11.0, 35.0, 90.0):
        pixel = depth / 360
        x, y = np.meshgrid(np.arange(100), np.arange(100))
        points = np.stack([x.ravel() * pixel, y.ravel() * pixel, np.full(10_000, 1.7)]).astype(np.float32)
        color = albedo(palette.table(), np.zeros(10_000, int), points, np.full(10_000, pixel, dtype=np.float32))
        image = color[0].reshape(100, 100)
        assert image.std() > 0.15
        assert np.abs(np.diff(image, axis=1)).mean() > 0.03  # it varies from pixel to pixel: it can be matched


def test_plain_stays_a_colour_that_a_surface_can_have():
    palette = Palette()
    palette.plain((0.9, 0.5, 0.0), 0.4)
    low, high = palette.table()[0, 0:3], palette.table()[0, 3:6]
    np.testing.assert_allclose(low, [0.54, 0.3, 0.0], rtol=1e-6)
    np.testing.assert_allclose(high, [0.95, 0.7, 0.0], rtol=1e-6)
