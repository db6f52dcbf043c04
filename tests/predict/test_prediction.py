"""Predictions that know what they mean, and metres worked out by hand."""

import struct

import numpy as np
import pytest
import torch
from PIL import Image

import depthrepro.predict
from depthrepro.core.errors import UserError
from depthrepro.data.io.photos import read_photo
from depthrepro.inference.predictions import Kind
from depthrepro.predict.inputs import as_rgb
from depthrepro.predict.prediction import ImagePrediction
from tests.predict.helpers import SIZE, garg_checkpoint, photograph, prediction, save_photo


def test_disparity_becomes_metres(tmp_path):
    # 2 % of the width; focal length 500 px of 200, baseline 0.4 m: 500 * 0.4 / (0.02 * 200) = 50 m
    predictor = depthrepro.predict.load(garg_checkpoint(tmp_path / "c.pt", constant=0.02), "cpu")
    found = predictor(photograph(100, 200))
    assert (found.kind, found.unit, found.near_is) == (Kind.disp_frac, "disparity / image width", "large")
    assert found.values.shape == (100, 200) and found.values.dtype == np.float32
    np.testing.assert_allclose(found.values, 0.02, rtol=1e-5)
    depth = found.to_depth(focal_px=500, baseline_m=0.4)
    assert (depth.kind, depth.unit, depth.near_is) == (Kind.depth, "m", "small")
    np.testing.assert_allclose(depth.values, 50.0, rtol=1e-5)
    assert depth.made_from["baseline_m"] == 0.4 and depth.image is found.image


def test_relative_depth_becomes_metres_only_with_scale_and_shift():
    found = prediction([[0.0, 2.0, -10.0]], Kind.affine_inv_depth)
    depth = found.to_depth(0.1, 0.05)
    np.testing.assert_allclose(depth.values, [[20.0, 4.0, np.inf]])  # 1 / 0.05, 1 / 0.25, behind infinity
    with pytest.raises(UserError, match=r"photo\.jpg: .*no metres; ways out: give both \(scale=S shift=T"):
        found.to_depth()
    with pytest.raises(UserError, match="ways out"):
        found.to_depth(0.1)
    with pytest.raises(UserError, match="scale must be positive"):
        found.to_depth(-0.1, 0.0)


def test_metric_predictions_need_nothing_and_take_nothing():
    found = prediction([[4.0]])
    assert found.to_depth() is found
    np.testing.assert_allclose(prediction([[4.0, 0.0]], Kind.inv_depth).to_depth().values, [[0.25, np.inf]])
    with pytest.raises(UserError, match="scale does not apply to a prediction in m"):
        found.to_depth(1.0, 0.0)
    with pytest.raises(UserError, match=r"for metres give the camera .*baseline_m=B"):
        prediction([[0.1]], Kind.disp_frac).to_depth(focal_px=100)


def test_all_forms_of_an_image_give_the_same(garg, tmp_path):
    image = photograph(60, 90)
    Image.fromarray(image).save(tmp_path / "photo.png")
    predictor = depthrepro.predict.load(garg, "cpu")
    expected = predictor(image).values
    assert expected.std() > 0
    for form in (Image.fromarray(image), tmp_path / "photo.png", str(tmp_path / "photo.png")):
        np.testing.assert_array_equal(predictor(form).values, expected)
    assert predictor(tmp_path / "photo.png").name == "photo.png"


def test_a_list_comes_back_in_order_whatever_its_sizes(relative):
    predictor = depthrepro.predict.load(relative, "cpu")
    images = [photograph(50, 80, 1), photograph(80, 50, 2), photograph(50, 80, 3), photograph(33, 99, 4)]
    together = predictor(images, batch_size=2)
    assert [found.values.shape for found in together] == [image.shape[:2] for image in images]
    for found, image in zip(together, images, strict=True):
        np.testing.assert_allclose(found.values, predictor(image).values, rtol=1e-4, atol=1e-5)
    assert together[0].input_size == (42, 70) and together[1].input_size == (70, 42)


def test_images_of_one_size_are_computed_together(garg, monkeypatch):
    predictor = depthrepro.predict.load(garg, "cpu")
    sizes = []
    forward = predictor.forward
    monkeypatch.setattr(predictor, "forward", lambda batch: sizes.append(np.shape(batch)) or forward(batch))
    predictor([photograph(50 + i, 80) for i in range(5)], batch_size=2)
    assert sizes == [(2, *SIZE, 3), (2, *SIZE, 3), (1, *SIZE, 3)]


def test_a_camera_that_was_turned(garg, tmp_path):
    save_photo(tmp_path / "turned.jpg", 40, 60, orientation=6)  # stored lying, shown upright
    predictor = depthrepro.predict.load(garg, "cpu")
    assert predictor(tmp_path / "turned.jpg").values.shape == (60, 40)
    with Image.open(tmp_path / "turned.jpg") as opened:
        assert predictor(opened).values.shape == (60, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16", "I"])
def test_a_pil_image_is_read_as_its_file(mode, tmp_path):
    """Deep greys are not clipped to white, and transparency is laid on white, whichever way the image comes."""
    grey = np.linspace(0, 255, 24, dtype=np.uint8).reshape(4, 6)
    image = Image.fromarray({"I;16": grey * np.uint16(257), "I": grey * np.int32(257)}.get(mode, grey))
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(grey[::-1].copy()))
    image.convert(mode).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as opened:
        assert opened.mode == mode
        found, name = as_rgb(opened)
    assert name == "a.tif" and found.std() > 50
    np.testing.assert_array_equal(found, read_photo(tmp_path / "a.tif"))


def test_a_pil_image_with_odd_tags_is_turned(tmp_path):
    """Pillow turns pixels only if it can also write all tags again; only one of them matters here."""
    turned, odd = struct.pack("<HHII", 0x0112, 3, 1, 6), struct.pack("<HHIf", 0x0128, 11, 1, 2.5)
    tags = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + turned + odd + bytes(4)
    Image.fromarray(photograph(40, 60)).save(tmp_path / "a.jpg", exif=tags)
    with Image.open(tmp_path / "a.jpg") as opened:
        assert as_rgb(opened)[0].shape == (60, 40, 3)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-300])
    with (
        Image.open(tmp_path / "b.jpg") as opened,
        pytest.raises(UserError, match=r"b\.jpg: the image cannot be decoded"),
    ):
        as_rgb(opened)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), r"expected uint8 \(H, W, 3\) in RGB order or \(H, W\), got float32"),
        (np.zeros((3, 4, 4), np.uint8), "move channels to the end"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
        ("https://example.org/a.jpg", "nothing is downloaded"),
        ("/nowhere/a.jpg", r"/nowhere/a\.jpg"),
    ],
)
def test_what_is_no_image_is_named(garg, value, message):
    with pytest.raises(UserError, match=message):
        depthrepro.predict.load(garg, "cpu")(value)


def test_a_grey_array_is_taken(garg):
    grey = photograph(50, 60)[..., 0]
    predictor = depthrepro.predict.load(garg, "cpu")
    np.testing.assert_array_equal(predictor(grey).values, predictor(np.stack([grey] * 3, axis=-1)).values)


def test_a_diverged_network_is_named(tmp_path):
    predictor = depthrepro.predict.load(garg_checkpoint(tmp_path / "c.pt", constant=float("nan")), "cpu")
    with pytest.raises(UserError, match="not finite; the training diverged"):
        predictor(photograph(50, 60))


def test_a_full_gpu_is_named(garg, monkeypatch):
    predictor = depthrepro.predict.load(garg, "cpu")

    def full(*arguments):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(predictor.network.model, "forward", full)
    with pytest.raises(UserError, match="cpu: not enough memory for an input of 64x40; take device=cpu"):
        predictor([photograph(50, 60), photograph(40, 60)])


def test_what_does_not_fit_in_memory_together_is_computed_one_by_one(garg, monkeypatch):
    predictor = depthrepro.predict.load(garg, "cpu")
    images, forward = [photograph(50, 60), photograph(40, 60, 1)], predictor.network.model.forward
    expected = predictor(images)

    def small(batch, *rest):
        if len(batch) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(batch, *rest)

    monkeypatch.setattr(predictor.network.model, "forward", small)
    for one, other in zip(predictor(images), expected, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-5)


def test_a_line_of_pixels_does_not_fill_the_memory(relative, garg):
    line = photograph(1, 3000)
    with pytest.raises(UserError, match=r"image: 3000x1 pixels .* would be 126000x42; cut the image into parts"):
        depthrepro.predict.load(relative, "cpu")(line)
    assert depthrepro.predict.load(garg, "cpu")(line).values.shape == (1, 3000)


def test_a_prediction_is_plain_to_build():
    found = ImagePrediction(
        "a", Kind.depth, {"L12": np.ones((2, 3), np.float32)}, np.zeros((2, 3, 3), np.uint8), (2, 3)
    )
    assert found.made_from == {} and found.network == {} and found.name == "a" and found.values.shape == (2, 3)
