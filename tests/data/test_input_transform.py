"""How an image becomes a network's input."""

from __future__ import annotations

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 640), (518, 686)),  # 640 * 518 / 480 = 690.7, which is 49.3 patches of 14
        ((640, 480), (686, 518)),
        ((375, 1242), (518, 1722)),  # 1715.6: 122.54 patches
        ((518, 518), (518, 518)),
    ],
)
def test_shorter_side_with_the_aspect_kept(size, expected):
    transform = InputTransform(518, 518, multiple=14, keep_aspect=True)
    assert transform.size_for(size) == expected


def test_a_fixed_size_ignores_the_aspect():
    assert InputTransform(188, 620).size_for((375, 1242)) == (188, 620)


def test_both_sides_reach_the_least_size():
    """An upright image is scaled until its width is reached."""
    transform = InputTransform(96, 192, multiple=32, keep_aspect=True)
    assert transform.size_for((400, 200)) == (384, 192)
    assert transform.size_for((200, 200)) == (192, 192)
    assert transform.size_for((100, 400)) == (96, 384)


def test_resizing_gives_the_size_and_keeps_what_fits():
    image = np.full((40, 100, 3), 77, np.uint8)
    for interpolation in ("area", "cubic", "bilinear"):
        transform = InputTransform(28, 28, multiple=14, keep_aspect=True, interpolation=interpolation)
        resized = transform.resize(image)
        assert resized.shape == (28, 70, 3) and (resized == 77).all()
    assert InputTransform(40, 100).resize(image) is image


def test_the_checkpoint_gives_back_the_same():
    transform = InputTransform(518, 518, multiple=14, keep_aspect=True, interpolation="cubic")
    assert InputTransform.from_dict(transform.as_dict()) == transform
    with pytest.raises(UserError, match="does not fit"):
        InputTransform.from_dict({"height": 3, "depth": 4})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"height": 0, "width": 5}, "at least 1"),
        ({"height": 100, "width": 28, "multiple": 14}, "must be multiples"),
        ({"height": 28, "width": 28, "interpolation": "nearest"}, "choose from area"),
    ],
)
def test_impossible_sizes_are_told(arguments, words):
    with pytest.raises(UserError, match=words):
        InputTransform(**arguments)
