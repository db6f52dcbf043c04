"""Colour jitter, blur and the boxes of CutMix."""

from __future__ import annotations

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.items.perturbation import ColourScaling, Perturbation, cutmix_mask

NOISE = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
NOTHING = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0.0, "blur_share": 0.0}


def generator(seed=0):
    return np.random.default_rng(seed)


def test_the_same_draws_give_the_same_image():
    change = Perturbation()
    assert np.array_equal(change(NOISE, generator()), change(NOISE, generator()))
    assert not np.array_equal(change(NOISE, generator()), change(NOISE, generator(1)))


def test_colours_alone_leave_every_pixel_in_its_place():
    """A uniform image stays uniform: nothing is moved or mixed."""
    change = Perturbation(blur_share=0.0, jitter_share=1.0)
    plain = np.tile(np.array([200, 90, 30], np.uint8), (8, 8, 1))
    for seed in range(10):
        changed = change(plain, generator(seed))
        assert (changed == changed[0, 0]).all() and changed.dtype == np.uint8


def test_brightness_is_a_factor():
    change = Perturbation(**{**NOTHING, "brightness": 0.5}, jitter_share=1.0)
    means = [change(np.full((4, 4, 3), 100, np.uint8), generator(seed)).mean() for seed in range(60)]
    assert 50 <= min(means) < 70 and 130 < max(means) <= 150


def test_blur_smooths():
    change = Perturbation(**{**NOTHING, "blur_share": 1.0}, jitter_share=0.0, blur_sigma=(1.5, 1.5))
    assert change(NOISE, generator()).std() < 0.5 * NOISE.std()


def test_nothing_asked_nothing_done():
    change = Perturbation(**NOTHING, jitter_share=0.0)
    assert np.array_equal(change(NOISE, generator()), NOISE)


def test_an_unused_choice_still_takes_its_draws():
    """Turning one part off must not change the other: both ask for the same numbers."""
    first, second = generator(), generator()
    Perturbation()(NOISE, first)
    Perturbation(**NOTHING, jitter_share=0.0)(NOISE, second)
    assert first.random() == second.random()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"blur_share": 1.5}, "blur_share"),
        ({"contrast": -1}, "contrast"),
        ({"hue": 0.7}, "hue"),
        ({"blur_sigma": (2, 1)}, "blur_sigma"),
    ],
)
def test_impossible_strengths_are_told(arguments, word):
    with pytest.raises(UserError, match=word):
        Perturbation(**arguments)


def test_boxes_have_the_share_that_was_drawn_and_lie_inside():
    shares, corners = [], set()
    for seed in range(200):
        inside = cutmix_mask((48, 96), generator(seed), area=(0.2, 0.4))
        assert inside.shape == (1, 48, 96)
        rows, columns = np.flatnonzero(inside[0].any(1)), np.flatnonzero(inside[0].any(0))
        assert inside.sum() == len(rows) * len(columns), "a full rectangle"
        shares.append(float(inside.float().mean()))
        corners.add((int(rows[0]), int(columns[0])))
    assert 0.18 < min(shares) < 0.22 and 0.38 < max(shares) < 0.42
    assert len(corners) > 100


def test_colours_are_scaled_by_gamma_brightness_and_channel():
    """0.5 squared times 2 times 0.8: 102 of 255; and cut off at white."""
    change = ColourScaling(gamma=(2, 2), brightness=(2, 2), colour=(0.8, 0.8), share=1.0)
    assert change(np.full((2, 2, 3), 127.5 * 2 / 2 + 0.5, np.uint8), generator())[0, 0, 0] in (102, 103)
    assert change(np.full((2, 2, 3), 255, np.uint8), generator()).min() == 255


def test_half_of_the_images_keep_their_colours_and_channels_differ():
    change, plain = ColourScaling(), np.full((4, 4, 3), 128, np.uint8)
    found = [change(plain, generator(seed)) for seed in range(200)]
    same = sum(np.array_equal(image, plain) for image in found)
    assert 70 < same < 130
    changed = np.array([image[0, 0] for image in found if not np.array_equal(image, plain)])
    assert (changed.std(axis=1) > 0).mean() > 0.9 and 128 * 0.9**2 * 0.9 < changed.min() < changed.max() < 128 * 1.35
    assert np.array_equal(change(plain, generator(3)), change(plain, generator(3)))


@pytest.mark.parametrize("arguments", [{"gamma": (0, 1)}, {"colour": (1.1, 0.9)}, {"share": 1.5}])
def test_impossible_scalings_are_told(arguments):
    with pytest.raises(UserError, match=next(iter(arguments))):
        ColourScaling(**arguments)
