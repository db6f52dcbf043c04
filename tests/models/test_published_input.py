"""Inputs and maps of published networks: the numbers of their authors' programs, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from depthrepro.core.errors import UserError
from depthrepro.data.input_transform import InputTransform
from depthrepro.inference.forward import forward
from depthrepro.models.published_input import HuggingFaceInput, OfficialInput, OfficialMetricInput, PublishedInput
from tests.predict.helpers import photograph

EVERY = [OfficialInput(), OfficialInput(corners=True), OfficialMetricInput(), HuggingFaceInput()]


def edge(height: int, width: int) -> np.ndarray:
    """Black on the left, white on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 255
    return image


def test_the_cubic_kernel_overshoots_and_nothing_is_cut_off():
    """At twice the size a sample lies 1/4 before or behind a pixel; with a = -3/4 the kernel is -0.10546875 at 5/4."""
    found = OfficialInput(28, 28).resize(edge(14, 14))
    assert found.dtype == np.float32 and found.shape == (28, 28, 3)
    # Where two white pixels are reached they weigh 0.26171875 and -0.03515625 together.
    np.testing.assert_allclose(found[5, 12:16, 0], [-0.10546875, 0.2265625, 0.7734375, 1.10546875], atol=1e-6)


def test_corners_are_aligned_in_metres():
    found = OfficialMetricInput().resize(edge(3, 2))
    assert found.shape == (392, 518, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 0], np.arange(518) / 517, atol=1e-6)
    assert OfficialMetricInput().size_for((100, 900)) == (392, 518)  # whatever the aspect


@pytest.mark.parametrize(
    ("transform", "row"),
    [
        (OfficialInput(corners=False), [0, 0.25, 0.75, 1]),  # V1
        (OfficialInput(corners=True), [0, 1 / 3, 2 / 3, 1]),  # V2
        (OfficialMetricInput(), [0, 1 / 3, 2 / 3, 1]),
        (HuggingFaceInput(), [-0.10546875, 0.2265625, 0.7734375, 1.10546875]),
        (InputTransform(14, 14), [0, 0.25, 0.75, 1]),  # ours
    ],
)
def test_a_map_gets_the_images_size_as_in_each_program(transform, row):
    found = transform.restore(np.tile(np.float32([0, 1]), (3, 1)), (5, 4))
    assert found.shape == (5, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.tile(np.float32(row), (5, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "covering", "nearest"),
    [
        ((480, 640), (518, 686), (518, 686)),
        ((200, 300), (518, 784), (350, 518)),  # 518/300 is nearer to 1; 777 are 55.5 patches, 345.3 are 24.7
        ((1000, 2000), (518, 1036), (518, 1036)),
        ((375, 1242), (518, 1722), (518, 1722)),
        ((500, 741), (518, 770), (518, 770)),
    ],
)
def test_hugging_face_scales_as_little_as_possible(size, covering, nearest):
    assert OfficialInput().size_for(size) == covering and HuggingFaceInput().size_for(size) == nearest


@pytest.mark.parametrize("size", [(160, 213), (192, 128), (600, 900), (518, 518)])
def test_the_input_of_transformers_to_the_byte(size):
    transformers = pytest.importorskip("transformers", reason="the reference implementation; pip install -e '.[dev]'")
    options = {"size": {"height": 518, "width": 518}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    processor = transformers.DPTImageProcessor(**options, resample=3, image_mean=[0.0] * 3, image_std=[1.0] * 3)
    image = photograph(*size)
    expected = processor(images=image, return_tensors="pt")["pixel_values"][0].permute(1, 2, 0).numpy()
    found = HuggingFaceInput().resize(image)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.round(expected * 255).astype(np.uint8))


@pytest.mark.parametrize("transform", EVERY, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("size", [(60, 90), (90, 60), (518, 518), (392, 518)])
def test_what_has_been_resized_stays_as_it_is(transform, size):
    once = transform.resize(photograph(*size))
    assert once.shape[:2] == transform.size_for(size)
    assert transform.resize(once) is once


class Mean(torch.nn.Module):
    """Predicts the mean of the colours."""

    def forward(self, image):
        return {"depth": image.mean(dim=1, keepdim=True)}


def test_floats_and_bytes_of_one_size_are_computed_alike():
    """An image that has the input's size already, beside one that gets it."""
    transform, images = OfficialInput(28, 28), [np.full((28, 28, 3), 51, np.uint8), np.full((56, 56, 3), 102, np.uint8)]
    found = forward(Mean(), images, transform)
    np.testing.assert_allclose([maps["depth"].mean() for maps in found], [0.2, 0.4], atol=1e-6)
    again = forward(Mean(), [transform.resize(image) for image in images], transform)
    assert all(np.array_equal(a["depth"], b["depth"]) for a, b in zip(found, again, strict=True))


def test_no_two_ways_are_taken_for_the_same():
    ways = [*EVERY, InputTransform(518, 518, multiple=14, keep_aspect=True, interpolation="cubic"), PublishedInput()]
    known = [str(way.as_dict()) for way in ways]
    assert len(set(known)) == len(ways)
    with pytest.raises(UserError, match="does not fit"):
        InputTransform.from_dict(HuggingFaceInput().as_dict())
