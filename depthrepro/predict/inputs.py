"""Input as it is named (an image, a folder, a pattern or a video), and images in every form as RGB arrays."""

from __future__ import annotations

import glob
import io
import os
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.data.io.photos import decode_photo, read_photo

# A suffix that cannot be decoded here (heic) is taken too: it fails with a line of its own instead of missing silently.
IMAGE_SUFFIXES = frozenset(".jpg .jpeg .png .webp .bmp .tif .tiff .ppm .pgm .gif .avif .jp2 .heic .heif".split())
VIDEO_SUFFIXES = frozenset(".mp4 .mov .avi .mkv .webm .m4v .mpg .mpeg .wmv .mts".split())
_ORIENTATION = 0x0112  # EXIF tag
_NO_FILE = "is a folder, a pipe, a device or a link to nothing; name an image file"


def stamp(path: Path) -> str:
    """Changes when the file does; "" if it has gone, which reading it will tell."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


@dataclass(frozen=True)
class Source:
    """One image file.

    Attributes:
        path: The file.
        name: Where its results go below the output folder, without an ending: "trip/bridge".
        stamp: Changes when the file does.
    """

    path: Path
    name: str
    stamp: str

    @property
    def key(self) -> str:
        """Names the image as it is now."""
        return f"{self.path.resolve()}|{self.stamp}"


@dataclass(frozen=True)
class Inputs:
    """The files to predict.

    Attributes:
        images: Image files in natural order; empty for a video.
        video: A video file; None for images.
        ignored: Files of the folder or pattern that are no images.
        unreadable: What of the folder or pattern cannot be read, a line each.
    """

    images: tuple[Source, ...] = ()
    video: Path | None = None
    ignored: int = 0
    unreadable: tuple[str, ...] = ()


def find_inputs(text: str, output: Path) -> Inputs:
    """Resolve `input=...`.

    Args:
        text: A file, a folder (with its subfolders) or a pattern such as `photos/*.jpg` or `photos/**/*.png`.
        output: Results of an earlier run are no images to predict: files below it are left out.

    Raises:
        UserError: If there is nothing, or the output folder is the input folder.
    """
    unreadable: list[str] = []
    path = Path(text).expanduser()
    if os.path.isfile(path):  # unlike Path.is_file, False for whatever cannot be looked at
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return Inputs(video=path)
        return Inputs(images=(Source(path, path.stem, stamp(path)),))
    if os.path.isdir(path):
        if path.resolve() == output.resolve():
            raise UserError(
                f"output={output}: is the input folder; name another one, so that photos and results stay apart"
            )
        walk = os.walk(path, onerror=lambda error: unreadable.append(f"{path}: a folder cannot be listed ({error})"))
        base, files = path, [Path(folder, name) for folder, _, names in walk for name in names]
    elif glob.has_magic(text):
        files = [Path(file) for file in glob.glob(str(path), recursive=True)]
        base = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
    elif os.path.lexists(path):
        raise UserError(f"input={text}: {_NO_FILE}")
    else:
        raise UserError(f"input={text}: no such file or folder")
    return _select(files, base, text, output, unreadable)


def _select(files: list[Path], base: Path, text: str, output: Path, unreadable: list[str]) -> Inputs:
    below, hidden = output.resolve(), lambda file: any(part.startswith(".") for part in file.relative_to(base).parts)
    files = [file for file in files if not Path(os.path.realpath(file)).is_relative_to(below) and not hidden(file)]
    wanted = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    unreadable += [
        f"{file}: {_NO_FILE}" for file in files if file.suffix.lower() in wanted and not os.path.isfile(file)
    ]
    files = [file for file in files if os.path.isfile(file)]
    images = sorted((file for file in files if file.suffix.lower() in IMAGE_SUFFIXES), key=_natural)
    videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
    if not images and unreadable:
        raise UserError(f"input={text}: {unreadable[0]}")
    if not images and len(videos) == 1:
        return Inputs(video=videos[0], ignored=len(files) - 1)
    if not images:
        found = f"{len(videos)} videos: name one of them" if videos else f"none of {len(files)} files is an image"
        raise UserError(f"input={text}: {found}")
    return Inputs(images=_named(images, base), ignored=len(files) - len(images), unreadable=tuple(unreadable))


def _named(images: list[Path], base: Path) -> tuple[Source, ...]:
    """Sources whose names differ, also where letter case does not count: a.jpg beside a.png keep their endings."""
    stems = [PurePosixPath(image.relative_to(base).with_suffix("")).as_posix() for image in images]
    times = Counter(stem.casefold() for stem in stems)
    return tuple(
        Source(image, stem if times[stem.casefold()] == 1 else stem + image.suffix, stamp(image))
        for image, stem in zip(images, stems, strict=True)
    )


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts frame2 before frame10."""
    return [(int(part.isdigit()), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", str(path))]


def _as_file(image: Image.Image, name: str) -> bytes:
    """The image as a file in memory, so that it is read as files are: upright, of any depth, transparency on white."""
    tags, file = Image.Exif(), io.BytesIO()
    with suppress(Exception):  # damaged tags lose no pixel
        tags[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    try:
        plain = image.convert("RGBA") if "transparency" in image.info else image
        plain.save(file, "TIFF", exif=tags)
    except Exception as error:  # an image is decoded as late as here, and Pillow raises nearly anything
        raise UserError(
            f"{name}: the image cannot be decoded ({error}); fetch it again, or convert it to RGB"
        ) from error
    return file.getvalue()


def as_rgb(image: Any) -> tuple[NDArray[np.uint8], str]:
    """An image in any form as RGB uint8 (H, W, 3), and its name.

    Args:
        image: A path, a PIL image, or an array uint8 (H, W, 3) or (H, W).

    Raises:
        UserError: If the file cannot be read, or the value is no such image.
    """
    if isinstance(image, (str, Path)):
        if re.match(r"\w+://", str(image)):
            raise UserError(f"{image}: nothing is downloaded here; save the image and give its file")
        path = Path(image).expanduser()
        return read_photo(path), path.name
    if isinstance(image, Image.Image):
        name = Path(getattr(image, "filename", "") or "image").name
        return decode_photo(_as_file(image, name), name), name
    array = np.asarray(image)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise UserError(
            f"image: expected uint8 (H, W, 3) in RGB order or (H, W), got {array.dtype} {array.shape}; "
            "multiply colours in [0, 1] by 255, drop alpha, and move channels to the end"
        )
    if array.size == 0:
        raise UserError(f"image: has no pixels, shape {array.shape}")
    return np.ascontiguousarray(array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2)), "image"
