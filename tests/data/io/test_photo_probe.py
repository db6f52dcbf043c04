"""What a listing calls whole, a training can read."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.data.io.photo_probe import probe_photo
from depthrepro.data.io.photos import read_photo


def size_or_fault(read, path):
    try:
        return read(path)
    except UserError:
        return "damaged"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
    ],
)
def test_a_listing_and_a_training_agree_on_what_is_damaged(tmp_path, kind, options):
    chance, file, path = random.Random(0), io.BytesIO(), tmp_path / "a"
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((70, 50)).save(file, kind, **options)
    found = set()
    for _ in range(60):
        data = bytearray(file.getvalue())
        for _ in range(chance.choice([0, 1, 3, 20])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data[: chance.choice([len(data), len(data), chance.randrange(1, len(data))])])
        listed = size_or_fault(lambda file: tuple(probe_photo(file)[:2]), path)
        assert listed == size_or_fault(lambda file: read_photo(file).shape[:2], path)
        found.add(listed == "damaged")
    assert found == {True, False}
