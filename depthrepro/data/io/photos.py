"""A person's own photographs: many formats, turned upright, grey and transparent ones as plain RGB."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading, reason
from depthrepro.data.io.tones import to_bytes

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TIFF_BITS, _TIFF_MAXIMA = 258, (281, 341)  # BitsPerSample; MaxSampleValue, SMaxSampleValue
_PNG_BITS = 24  # where a PNG says its bits per sample


def read_photo(path: Path) -> np.ndarray:
    """Decode a photograph and turn it as its EXIF tag says; transparency is laid on white.

    Returns:
        Uint8 (H, W, 3), RGB.

    Raises:
        UserError: If the file is missing, truncated, damaged or no image.
    """
    with reading(path, "the image", missing="no such image"):
        data = path.read_bytes()
    return decode_photo(data, str(path))


def decode_photo(data: bytes, source: str) -> np.ndarray:
    """Decode a photograph from memory; see `read_photo`.

    Args:
        data: The file's content.
        source: What an error message calls it.

    Raises:
        UserError: If it is empty, truncated, damaged or no image.
    """
    if not data:
        raise UserError(f"{source}: the file is empty; fetch it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd but harmless metadata
            with Image.open(io.BytesIO(data)) as image:
                image.load()
                turn = _TURNS.get(orientation(image))
                plain = _plain_rgb(image, data, source)
                return np.array(plain if turn is None else plain.transpose(turn))
    except UnidentifiedImageError:
        raise UserError(f"{source}: not an image that can be read ({', '.join(PHOTO_SUFFIXES)})") from None
    except Image.DecompressionBombError:
        raise UserError(f"{source}: more pixels than Pillow's limit; make the image smaller first") from None
    except Exception as error:  # damaged files make Pillow's decoders raise nearly anything
        raise UserError(f"{source}: the image is truncated or damaged ({reason(error)}); fetch it again") from error


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none, or where the tags are damaged, which loses no pixel."""
    with suppress(Exception):
        found = image.getexif().get(_ORIENTATION)
        return found if found in _TURNS else 1
    return 1


def _plain_rgb(image: Image.Image, data: bytes, source: str) -> Image.Image:
    """An image of any mode in 8-bit RGB; `data` is its file."""
    tags = getattr(image, "tag_v2", {})
    stated = max((float(np.max(tags[tag])) for tag in _TIFF_MAXIMA if tag in tags), default=0.0)
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return Image.fromarray(to_bytes(np.asarray(image), source, stated)).convert("RGB")
    if 16 in tags.get(_TIFF_BITS, ()) or (image.format == "PNG" and data[_PNG_BITS] == 16):
        # Pillow keeps the upper byte of colours in 16 bits, of 12-bit data no more than 16 tones.
        deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if deep is not None and deep.ndim == 3 and deep.shape[2] >= 3:
            order = [2, 1, 0, 3][: deep.shape[2]]
            image = Image.fromarray(to_bytes(deep[..., order], source, stated))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
