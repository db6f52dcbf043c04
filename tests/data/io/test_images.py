import struct
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.data.io.images import probe_image, read_grey, read_rgb, resize_rgb
from depthrepro.data.stereo import StereoRecord, read_pair
from tests.data.helpers import SIZE, cut, textured_pair, write_image


@pytest.mark.parametrize(
    ("name", "quality", "encoding"),
    [("a.png", 0, "png"), ("a.jpg", 95, "jpeg q95"), ("a.jpeg", 60, "jpeg q60"), ("a.jpg", 100, "jpeg q100")],
)
def test_probe_tells_size_and_encoding(tmp_path, name, quality, encoding):
    path = write_image(tmp_path / name, textured_pair(0)[0], quality)
    probe = probe_image(path)
    assert (probe.size, probe.encoding, probe.n_bytes) == (SIZE, encoding, path.stat().st_size)
    assert not probe.misnamed


def test_content_decides_not_the_name(tmp_path):
    path = write_image(tmp_path / "a.jpg", textured_pair(0)[0], 90).rename(tmp_path / "a.png")
    assert probe_image(path).encoding == "jpeg q90"
    assert probe_image(path).misnamed


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_padding_after_the_end_is_no_truncation(tmp_path, suffix):
    path = write_image(tmp_path / f"a{suffix}", textured_pair(0)[0])
    path.write_bytes(path.read_bytes() + b"\0" * 8)
    assert probe_image(path).size == SIZE


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("lost", [1, 60, 2000])
def test_truncation_is_found_without_decoding(tmp_path, suffix, lost):
    path = cut(write_image(tmp_path / f"a{suffix}", textured_pair(0)[0]), lost)
    with pytest.raises(UserError, match=r"truncated") as error:
        probe_image(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"GIF89a" + b"\0" * 50, "neither a PNG nor a JPEG"),
        (b"\x89PNG\r\n\x1a\n\0\0", "header cannot be read"),
        (b"\xff\xd8\xff" + b"\0" * 80, "cannot be read"),
        (None, "no such image"),
    ],
)
def test_other_faults_are_named(tmp_path, content, said):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        probe_image(path)
    assert str(path) in str(error.value)


def test_rgb_order_and_grey(tmp_path):
    Image.new("RGB", (3, 2), (200, 100, 50)).save(tmp_path / "a.png")
    assert read_rgb(tmp_path / "a.png").tolist() == [[[200, 100, 50]] * 3] * 2
    Image.new("L", (3, 2), 77).save(tmp_path / "b.png")
    assert read_rgb(tmp_path / "b.png").tolist() == [[[77, 77, 77]] * 3] * 2


def test_orientation_tag_does_not_turn_the_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees to view"
    Image.new("RGB", (32, 16)).save(tmp_path / "a.jpg", exif=exif)
    assert read_rgb(tmp_path / "a.jpg").shape[:2] == probe_image(tmp_path / "a.jpg").size == (16, 32)


def test_corruption_inside_names_the_file(tmp_path, capfd):
    path = write_image(tmp_path / "a.png", textured_pair(0)[0])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert probe_image(path).size == SIZE  # header and end are whole
    with pytest.raises(UserError, match="corrupt") as error:
        read_rgb(path)
    assert str(path) in str(error.value)
    capfd.readouterr()  # the decoder's own complaint


def test_uint16_is_told_from_other_images(tmp_path):
    values = np.array([[0, 256], [65535, 7]], dtype=np.uint16)
    write_image(tmp_path / "d.png", values)
    np.testing.assert_array_equal(read_grey(tmp_path / "d.png"), values)
    write_image(tmp_path / "c.png", values.astype(np.uint8))
    with pytest.raises(UserError, match="16-bit image with one channel, found uint8"):
        read_grey(tmp_path / "c.png")


def test_shrinking_averages_areas():
    stripes = np.tile(np.array([[0], [200]], dtype=np.uint8), (4, 8))[..., None].repeat(3, axis=2)
    assert (resize_rgb(stripes, (4, 4)) == 100).all()
    assert resize_rgb(stripes, (16, 16)).shape == (16, 16, 3)


def test_mirrored_pair_is_a_valid_left_right_pair(tmp_path):
    left, right = (write_image(tmp_path / f"{side}.png", im) for side, im in zip("lr", textured_pair(3), strict=True))
    K = ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0))
    seen, other = read_pair(StereoRecord("a", SIZE, right, left, K, 0.5, mirrored=True))
    shift = 6
    np.testing.assert_array_equal(other[:, : SIZE[1] - shift], seen[:, shift:])  # right[x] = left[x + d] again
    np.testing.assert_array_equal(seen, cv2.cvtColor(textured_pair(3)[1], cv2.COLOR_BGR2RGB)[:, ::-1])


def test_png_size_is_read_as_unsigned_big_endian(tmp_path):
    path = write_image(tmp_path / "a.png", np.zeros((3, 300), np.uint8))
    assert struct.unpack(">I", path.read_bytes()[16:20]) == (300,)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert probe_image(path).size == (3, 300)
