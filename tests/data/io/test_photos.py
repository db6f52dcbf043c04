"""A person's own photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.data.io import tones
from depthrepro.data.io.images import read_rgb
from depthrepro.data.io.photo_probe import probe_photo
from depthrepro.data.io.photos import read_photo

LEFT_RED = np.zeros((4, 6, 3), np.uint8)
LEFT_RED[:, :3, 0] = 200


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "gif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(LEFT_RED).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(read_photo(path), LEFT_RED)


@pytest.mark.parametrize("orientation, quarter_turns", [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_a_camera_held_sideways(tmp_path: Path, orientation: int, quarter_turns: int) -> None:
    """EXIF 6 asks for a quarter turn clockwise, 8 for one the other way."""
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(LEFT_RED).save(path, exif=exif)
    assert np.array_equal(read_photo(path), np.rot90(LEFT_RED, quarter_turns))


def test_grey_and_sixteen_bits_become_rgb(tmp_path: Path) -> None:
    grey = np.array([[0, 128, 255]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    expected = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(read_photo(tmp_path / "grey.png"), expected)
    assert np.array_equal(read_photo(tmp_path / "deep.png"), expected)


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    Image.fromarray(rgba).save(tmp_path / "alpha.png")
    assert read_photo(tmp_path / "alpha.png").tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match=f"photo.{suffix}.*truncated or damaged"):
        read_photo(path)


def test_no_file_an_empty_one_and_no_image(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    for name, words in [("none.png", "no such image"), ("empty.png", "is empty"), ("text.png", "not an image")]:
        with pytest.raises(UserError, match=f"{name}.*{words}"):
            read_photo(tmp_path / name)


RAMP = np.linspace(0, 1, 64).reshape(8, 8)


@pytest.fixture
def nothing_said(monkeypatch):
    monkeypatch.setattr(tones, "_said", set())


def test_fractions_in_a_float_tiff_are_no_black_image(tmp_path: Path, nothing_said, capsys) -> None:
    for name, values in (("once.tif", RAMP), ("twice.tif", RAMP)):
        Image.fromarray(values.astype(np.float32)).save(tmp_path / name)
        assert np.abs(read_photo(tmp_path / name)[..., 0] - RAMP * 255).max() < 1.2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "once.tif: its largest value is 1 and no range is stated, so white is 1" in said[0]


def test_fractions_that_resampling_overshot_are_fractions(tmp_path: Path, nothing_said) -> None:
    Image.fromarray((RAMP * 1.08).astype(np.float32)).save(tmp_path / "cubic.tif")
    assert np.abs(read_photo(tmp_path / "cubic.tif")[..., 0] - (RAMP * 1.08).clip(0, 1) * 255).max() < 1.2


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_fewer_bits_in_sixteen_keep_their_tones(tmp_path: Path, bits: int, channels: int, nothing_said, capsys) -> None:
    values = np.round(RAMP * (2**bits - 1)).astype(np.uint16)
    stored = values if channels == 1 else np.stack([values // 3, values // 2, values], axis=2)  # blue, green, red
    for suffix in ("png", "tif"):
        assert cv2.imwrite(str(tmp_path / f"photo.{suffix}"), stored)
        assert np.abs(read_photo(tmp_path / f"photo.{suffix}")[..., 0] - RAMP * 255).max() < 1.2
    assert np.abs(read_rgb(tmp_path / "photo.png")[..., 0] - RAMP * 255).max() < 1.2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and f"so white is {2**bits - 1}" in said[0]


def test_the_range_that_a_file_states_counts(tmp_path: Path, nothing_said, capsys) -> None:
    dark = np.full((2, 2), 1000, np.uint16)
    Image.fromarray(dark).save(tmp_path / "dark.tif", tiffinfo={281: 4095})
    assert read_photo(tmp_path / "dark.tif").max() == 1000 * 255 // 4095
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("ignore")  # Pillow's remarks, which a listing silences
def test_odd_metadata_lose_no_pixel(tmp_path: Path) -> None:
    """Turned pixels are all that is wanted of the tags: writing these anew would end in a struct.error."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2020"
    path = tmp_path / "photo.jpg"
    Image.fromarray(LEFT_RED).save(path, exif=exif, quality=95)
    data = path.read_bytes()
    for cut in range(data.index(b"Exif"), data.index(b"Exif") + len(exif.tobytes())):  # every byte of the tags, damaged
        path.write_bytes(data[:cut] + b"\xff" + data[cut + 1 :])
        assert read_photo(path).shape[:2] in ((4, 6), (6, 4))
        assert probe_photo(path)[:2] == read_photo(path).shape[:2]


def test_a_picture_without_a_number_is_refused(tmp_path: Path, nothing_said) -> None:
    Image.fromarray(np.full((4, 6), np.nan, np.float32)).save(tmp_path / "nan.tif")
    with pytest.raises(UserError, match=r"nan\.tif: none of its pixels is a number"):
        read_photo(tmp_path / "nan.tif")
