"""Reading images, and learning from their first and last bytes what they are without decoding them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.io.tones import to_bytes

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")  # in order of preference where a frame is stored in several

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8\xff"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_TAIL = 64  # some writers append a few padding bytes after the end marker
# Luminance quantisation table of the JPEG standard (ITU-T T.81, table K.1), which quality settings scale.
_LUMINANCE = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)


@dataclass(frozen=True)
class ImageProbe:
    """Header of an image file.

    Attributes:
        path: The file.
        size: (height, width) in pixels.
        encoding: "png" or "jpeg q<quality>".
        n_bytes: Size of the file.
    """

    path: Path
    size: tuple[int, int]
    encoding: str
    n_bytes: int

    @property
    def misnamed(self) -> bool:
        """Whether the file's extension names another encoding than the one it holds."""
        return self.path.suffix.lower() in IMAGE_SUFFIXES and (self.path.suffix.lower() == ".png") != (
            self.encoding == "png"
        )


def probe_image(path: Path) -> ImageProbe:
    """Size and encoding of a PNG or JPEG file, from its header; the file must also have its end.

    Raises:
        UserError: If the file is missing, empty, truncated, or neither PNG nor JPEG.
    """
    with reading(path, "the image's header", missing="no such image"), path.open("rb") as file:
        head = file.read(26)
        n_bytes = file.seek(0, 2)
        file.seek(max(0, n_bytes - _TAIL))
        tail = file.read()
        if n_bytes == 0:
            raise UserError(f"{path}: the file is empty; fetch it again")
        if head.startswith(_PNG_START):
            width, height = struct.unpack(">II", head[16:24])
            size, encoding, end = (height, width), "png", _PNG_END
        elif head.startswith(_JPEG_START):
            (size, encoding), end = _jpeg_header(file), _JPEG_END
        else:
            raise UserError(f"{path}: neither a PNG nor a JPEG image; remove it or fetch it again")
    if end not in tail:
        raise UserError(f"{path}: the image is truncated, its end is missing; fetch it again")
    return ImageProbe(path, size, encoding, n_bytes)


def read_rgb(path: Path, *, grey: bool = False) -> np.ndarray:
    """Decode an image; grey is replicated to three channels, a camera's rotation tag is not applied.

    Args:
        path: The file.
        grey: Give a colour image as a grey one, its luma of ITU-R BT.601 in all three channels.

    Returns:
        Uint8 (H, W, 3), RGB.

    Raises:
        UserError: If the file cannot be read or decoded.
    """
    # The calibration belongs to the pixels as stored, so an orientation tag must not turn them.
    decoded = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION)
    image = to_bytes(decoded, str(path))
    if grey:
        return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_sized(path: Path, size: tuple[int, int], *, grey: bool = False) -> np.ndarray:
    """`read_rgb` of an image that was listed with `size` = (H, W).

    Raises:
        UserError: If it cannot be decoded or has another size.
    """
    image = read_rgb(path, grey=grey)
    if image.shape[:2] != size:
        raise UserError(f"{path}: {wxh(image.shape)} pixels where {wxh(size)} are expected; fetch it again")
    return image


def wxh(size: Sequence[int]) -> str:
    """(height, width) as a person writes it, such as "1242x375"."""
    return f"{size[1]}x{size[0]}"


def check_size(path: Path, values: np.ndarray, size: tuple[int, int]) -> None:
    """Stop unless a map (H, W) has its image's `size`."""
    if values.shape != size:
        raise UserError(f"{path}: {wxh(values.shape)} pixels, unlike its image, which has {wxh(size)}; fetch it again")


def check_aspect(path: Path, values: np.ndarray, size: tuple[int, int]) -> None:
    """Stop unless a map (H, W) has the aspect of its image of `size`, to 2 % and a pixel, which rounding may cost."""
    height, width = values.shape
    expected = height * size[1] / size[0]
    if abs(width - expected) > 0.02 * expected + max(1.0, size[1] / size[0]):
        raise UserError(
            f"{path}: {wxh(values.shape)} pixels, of another aspect than its image, which has {wxh(size)}: it shows "
            "another part of the scene, or another image; give each image its own map"
        )


def mirror(array: np.ndarray) -> np.ndarray:
    """Flip an image or map horizontally, (H, W) or (H, W, C)."""
    return np.ascontiguousarray(array[:, ::-1])


def read_grey(path: Path, dtype: type[np.unsignedinteger] = np.uint16) -> np.ndarray:
    """Decode a PNG with one channel of 16 bits, the form in which KITTI stores depth and disparity, or of 8.

    Returns:
        (H, W) of `dtype`, uint16 or uint8.

    Raises:
        UserError: If the file cannot be read or decoded, or is not of that form.
    """
    decoded = _decode(path, cv2.IMREAD_UNCHANGED)
    if decoded.dtype != dtype or decoded.ndim != 2:
        bits, found = np.dtype(dtype).itemsize * 8, f"{decoded.dtype} {decoded.shape}"
        raise UserError(f"{path}: expected a {bits}-bit image with one channel, found {found}")
    return decoded


def resize_rgb(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize to (height, width): area averaging when shrinking, so that nothing aliases, else bilinear."""
    height, width = size
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _decode(path: Path, flags: int) -> np.ndarray:
    with reading(path, "the image", missing="no such image"):
        data = np.fromfile(path, dtype=np.uint8)
        decoded = cv2.imdecode(data, flags) if data.size else None
    if decoded is None:
        raise UserError(f"{path}: the image is corrupt and cannot be decoded; fetch it again")
    return decoded


def _jpeg_header(file: BinaryIO) -> tuple[tuple[int, int], str]:
    file.seek(0)
    with Image.open(file, formats=["JPEG"]) as image:
        tables = getattr(image, "quantization", {})
        return (image.height, image.width), f"jpeg q{_jpeg_quality(sum(tables[0])) if 0 in tables else '?'}"


@lru_cache(maxsize=256)
def _jpeg_quality(table_sum: int) -> int:
    """Quality 1..100 whose scaled standard table comes nearest in sum, which does not depend on the table's order."""
    base = np.array(_LUMINANCE.split(), dtype=np.int64)
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    sums = np.clip((base * scale[:, None] + 50) // 100, 1, 255).sum(axis=1)
    return int(qualities[np.abs(sums - table_sum).argmin()])
