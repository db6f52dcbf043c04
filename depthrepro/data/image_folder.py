"""Images in a folder, any number of them, with no labels: for pseudo-labels and for a student.

What must be known of every image is its size. The headers are read once, in threads, and kept in an index in the
cache, so that the second start of a run opens none of a million files.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from depthrepro.data.base import ImageDataset, ImageRecord
from depthrepro.data.checks import check_folder
from depthrepro.data.image_index import Probe, load_index
from depthrepro.data.photos import PHOTO_SUFFIXES, read_photo
from depthrepro.errors import UserError

_TURNED = (5, 6, 7, 8)  # EXIF orientations that exchange height and width
_ORIENTATION = 0x0112


class ImageFiles(ImageDataset):
    """Images in files; ids are their paths below the root.

    Args:
        name: For people.
        root: The folder.
        names: Paths below it, with "/", in order.
        sizes: (N, 2) heights and widths, upright.
        formats: Format of each file, such as "jpeg".
        bytes_: Size of each file; two sets of one fingerprint have the same names and sizes.
        embedded: Whether the images are rendered by this package.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        names: Sequence[str],
        sizes: np.ndarray,
        formats: Sequence[str],
        bytes_: np.ndarray,
        *,
        embedded: bool = False,
    ) -> None:
        self.name, self.root, self.names, self.embedded = name, root, names, embedded
        self.records = SizedRecords(names, sizes)
        self.encodings = dict(Counter(formats).most_common())
        digest = hashlib.sha256("\n".join(names).encode())
        digest.update(np.ascontiguousarray(sizes, dtype="<i4").tobytes())
        digest.update(np.ascontiguousarray(bytes_, dtype="<i8").tobytes())
        self.fingerprint = digest.hexdigest()

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, upright, grey and transparent ones as plain RGB."""
        path, size = self.root / self.names[index], self.records[index].size
        image = read_photo(path)
        if image.shape[:2] != size:
            raise UserError(f"{path}: {image.shape[:2]} pixels, listed with {size}; delete the index in the cache")
        return image


class SizedRecords(Sequence[ImageRecord]):
    """Records made as they are asked for, from names and one array of sizes: small even for millions of images."""

    def __init__(self, names: Sequence[str], sizes: np.ndarray) -> None:
        self.names, self.sizes = names, sizes

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    def __getitem__(self, index: Any) -> Any:
        """One record, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return ImageRecord(self.names[index], (int(self.sizes[index, 0]), int(self.sizes[index, 1])))


def image_folder(
    root: str | None,
    *,
    name: str | None = None,
    under: str = "",
    listing: str | None = None,
    allow_damaged: bool = False,
    cache_dir: str | None = None,
) -> ImageFiles | None:
    """All images below a folder, or those that a list names.

    Args:
        root: The folder; None or "" gives no data set.
        name: For people; by default the folder's.
        under: Part of the root that is searched, such as "train".
        listing: File below the root with one path a line, relative to the root, or a CSV file with a column `image`.
        allow_damaged: Leave out what is no image, instead of stopping at it.
        cache_dir: Folder of caches; None = the user's.

    Raises:
        UserError: If the folder or the list is missing or holds no image, or an image is damaged.
    """
    if not root:
        return None
    folder = Path(root).expanduser()
    check_folder(folder, "root")
    title = name or folder.name
    names = read_listing(folder / listing) if listing else list(find_images(folder, under))
    if not names:
        raise UserError(f"root={folder / under}: no image is there ({', '.join(PHOTO_SUFFIXES)})")
    return image_list(title, folder, names, allow_damaged=allow_damaged, cache_dir=cache_dir)


def image_list(
    title: str,
    folder: Path,
    names: Sequence[str] | str,
    *,
    embedded: bool = False,
    allow_damaged: bool = False,
    cache_dir: str | None = None,
) -> ImageFiles:
    """The images of a folder that a sequence, or a list in the folder, names; see `image_folder`."""
    listed = read_listing(folder / names) if isinstance(names, str) else names
    index = load_index(title, folder, listed, lambda name: probe_photo(folder / name), cache_dir, allow_damaged)
    return ImageFiles(title, folder, *index, embedded=embedded)


def find_images(folder: Path, under: str = "") -> Iterator[str]:
    """Paths of images below `folder`/`under`, relative to `folder`, sorted within each folder; hidden ones left out."""
    pending = [PurePosixPath(under)]
    while pending:
        here = pending.pop()
        try:
            entries = sorted(os.scandir(folder / here), key=lambda entry: entry.name)
        except OSError as error:
            raise UserError(f"{folder / here}: cannot be listed ({error.strerror})") from None
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(here / entry.name)
            elif entry.name.lower().endswith(PHOTO_SUFFIXES):
                yield (here / entry.name).as_posix()
        pending += reversed(folders)


def read_listing(path: Path) -> list[str]:
    """The paths in a list: one a line, or the column `image` of a CSV file.

    Raises:
        UserError: If it is missing, empty or names an image twice.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the list of images cannot be read ({error})") from None
    if path.suffix == ".csv":
        names = [row.get("image") or "" for row in csv.DictReader(lines)]
    else:
        names = [line.strip() for line in lines]
    if not names or not all(names):
        raise UserError(f"{path}: expected one image a line, or a CSV file with a column `image`")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{path}: names {twice[0]} twice")
    return names


def probe_photo(path: Path) -> Probe:
    """(height, width, format, bytes) of an image, upright, from its header.

    Raises:
        UserError: If it is missing, empty or no image.
    """
    try:
        with Image.open(path) as image:
            return (*upright_size(image), (image.format or "image").lower(), path.stat().st_size)
    except FileNotFoundError:
        raise UserError(f"{path}: no such image") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: no readable image ({error}); remove it, or set allow_damaged=true") from None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) after the rotation that an opened image asks for; its pixels are not decoded."""
    width, height = image.size
    # Other formats hold the tag where reading it decodes pixels, or not at all.
    has_tag = image.format in ("JPEG", "TIFF", "WEBP", "PNG")
    return (width, height) if has_tag and image.getexif().get(_ORIENTATION) in _TURNED else (height, width)
