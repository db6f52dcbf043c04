"""Size and format of a photograph, upright, from its first and last bytes where that is certain."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.io.photos import decode_photo, orientation

_HEAD = 1 << 16  # holds the header of any image but one with a large thumbnail or colour profile before it
_TAIL = 64  # some writers append a few bytes after the end marker
_PNG = b"\x89PNG"
_PNG_TURNS = (b"eXIf", b"iTXt", b"Raw profile")  # what an orientation may be in, before the pixels or after them
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
    head = tail = file.read(min(size, _HEAD))
    if size > _HEAD:
        length = _HEAD if head.startswith(_PNG) else _TAIL
        file.seek(offset + size - length)
        tail = file.read(length)
    found = _certain(head, tail, size)
    if found is None:
        file.seek(offset)
        data = file.read(size)
        # Whatever is out of the ordinary is decoded: what this says is what training would say, weeks earlier.
        found = (_certain(data, data[-_HEAD:], size) if size > _HEAD else None) or _decoded(data, source)
    return Probe(*found, size)


def _certain(head: bytes, tail: bytes, size: int) -> Found | None:
    """Header from the beginning and the end of an image, if no pixel needs to be seen for it."""
    try:
        with Image.open(io.BytesIO(head), formats=("JPEG", "PNG", "WEBP")) as image:
            name, (width, height) = _name(image), image.size
            if name == "jpeg":
                whole = b"\xff\xd9" in tail[-_TAIL:]
            elif name == "webp":
                whole = size == len(head) >= int.from_bytes(head[4:8], "little") + 8
            else:
                whole = b"IEND" in tail[-_TAIL:] and not any(
                    mark in part for mark in _PNG_TURNS for part in (head, tail)
                )
            if not whole:
                return None
            # Pillow decodes a PNG to look for its tag, of which there is no sign here.
            turned = name != "png" and orientation(image) in _TURNED
            return (width, height, name) if turned else (height, width, name)
    except Exception:  # Pillow raises nearly anything; decoding will tell what is wrong, if anything is
        return None


def _decoded(data: bytes, source: str) -> Found:
    height, width = decode_photo(data, source).shape[:2]
    with Image.open(io.BytesIO(data)) as image:
        return height, width, _name(image)


def _name(image: Image.Image) -> str:
    """Format in lower case; a JPEG with further pictures behind the first one is a JPEG."""
    name = (image.format or "image").lower()
    return "jpeg" if name == "mpo" else name
