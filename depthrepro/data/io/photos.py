"""A person's own photographs: many formats, turned upright, grey and transparent ones as plain RGB."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from depthrepro.core.errors import UserError
from depthrepro.data.io.reading import reading

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


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
                return np.array(plain_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError:
        raise UserError(f"{source}: not an image that can be read ({', '.join(PHOTO_SUFFIXES)})") from None
    except Image.DecompressionBombError:
        raise UserError(f"{source}: more pixels than Pillow's limit; make the image smaller first") from None
    # Damaged files make Pillow's decoders raise nearly anything.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        raise UserError(f"{source}: the image is truncated or damaged ({error}); fetch it again") from None


def plain_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode in 8-bit RGB."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        # Pillow would clip 16 bits to 8; a person means the same picture, darker tones and all.
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray(np.clip(values / top * 255, 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
