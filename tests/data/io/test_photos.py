"""A person's own photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthrepro.core.errors import UserError
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
