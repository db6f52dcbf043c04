"""Size and format of a photograph, upright, and whether it can be decoded: what training would say, weeks earlier."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.io.photos import decode_photo, orientation

_TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width

Found = tuple[int, int, str]  # height, width, format


class Probe(NamedTuple):
    """Header of a photograph.

    Attributes:
        height: In pixels, upright.
        width: In pixels, upright.
        format: Such as "jpeg".
        bytes: Size of the file.
    """

    height: int
    width: int
    format: str
    bytes: int


def probe_photo(path: Path) -> Probe:
    """Probe a file.

    Raises:
        UserError: If it is missing, truncated, damaged or no image.
    """
    with reading(path, "the image", missing="no such image"), path.open("rb") as file:
        return probe_within(file, 0, os.fstat(file.fileno()).st_size, str(path))


def probe_within(file: BinaryIO, offset: int, size: int, source: str) -> Probe:
    """Probe an image that is a part of a larger file.

    Args:
        file: Holds the image.
        offset: Of its first byte.
        size: In bytes.
        source: What an error message calls it.

    Raises:
        UserError: If it is truncated, damaged or no image.
    """
    if offset + size > file.seek(0, os.SEEK_END):
        raise UserError(f"{source}: the file ends before the image does; fetch it again")
    file.seek(offset)
    data = file.read(size)
    return Probe(*(_jpeg(data) or _decoded(data, source)), size)


def _jpeg(data: bytes) -> Found | None:
    """Header of a whole JPEG; None for anything else, of which `_decoded` tells what is wrong.

    It is decoded at an eighth of its size, which reads all of its data in a quarter of the time.
    """
    with suppress(Exception), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        width, height = image.size
        turned = orientation(image) in _TURNED
        image.draft(None, (1, 1))
        image.load()
        return (width, height, _name(image)) if turned else (height, width, _name(image))
    return None


def _decoded(data: bytes, source: str) -> Found:
    height, width = decode_photo(data, source).shape[:2]
    with Image.open(io.BytesIO(data)) as image:
        return height, width, _name(image)


def _name(image: Image.Image) -> str:
    """Format in lower case; a JPEG with further pictures behind the first one is a JPEG."""
    name = (image.format or "image").lower()
    return "jpeg" if name == "mpo" else name
