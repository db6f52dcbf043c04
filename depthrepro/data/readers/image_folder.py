"""Images in a folder, any number of them, with no labels: for pseudo-labels and for a student."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading
from depthrepro.data.base import ImageDataset
from depthrepro.data.io.photo_probe import probe_photo
from depthrepro.data.io.photos import PHOTO_SUFFIXES, read_photo
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.image_index import count_formats, load_index, sizes_of
from depthrepro.data.readers.image_records import Names, SizedRecords


class ImageFiles(ImageDataset):
    """Images in files; ids are their paths below the root.

    Args:
        name: For people.
        root: The folder.
        names: Paths of the images below the root, with "/".
        rows: What is known of each, (N,) of `image_index.ROW`.
        index: Where that is kept.
    """

    def __init__(self, name: str, root: Path, names: Names, rows: np.ndarray, index: Path) -> None:
        self.name, self.root, self.names, self._index = name, root, names, index
        sizes = sizes_of(rows)
        self.records = SizedRecords(names, sizes)
        self.encodings = count_formats(rows)
        digest = names.digest()
        digest.update(sizes.tobytes())
        digest.update(rows["bytes"].tobytes())
        self.fingerprint = digest.hexdigest()

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, upright, grey and transparent ones as plain RGB."""
        path, size = self.root / self.names[index], self.records[index].size
        image = read_photo(path)
        if image.shape[:2] != size:
            raise UserError(f"{path}: {image.shape[:2]} pixels, listed with {size}; delete {self._index} to list anew")
        return image


@optional_root
def image_folder(
    root: Path,
    *,
    name: str | None = None,
    under: str = "",
    listing: str | None = None,
    allow_damaged: bool = False,
    cache_dir: str | None = None,
) -> ImageFiles:
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
    if not listing and not (root / under).is_dir():
        there = ", ".join(sorted(entry.name for entry in root.iterdir() if entry.is_dir())[:5])
        raise UserError(f"root={root}: has no folder {under} (there: {there or 'no folder'}); set root or under")
    names = Names.of(read_listing(root / listing) if listing else find_images(root, under))
    if not names:
        raise UserError(f"root={root / under}: no image is there ({', '.join(PHOTO_SUFFIXES)})")
    title = name or root.name
    found = load_index(title, root, names, lambda path: probe_photo(root / path), cache_dir, allow_damaged)
    return ImageFiles(title, root, *found)


def find_images(folder: Path, under: str = "") -> Iterator[str]:
    """Paths of images below `folder`/`under`, relative to `folder`, sorted within each folder.

    What begins with a dot is left out, and a link to a folder that it lies in is not followed.

    Raises:
        UserError: If a folder cannot be listed.
    """
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
                if not (entry.is_symlink() and (folder / here).resolve().is_relative_to(Path(entry.path).resolve())):
                    folders.append(here / entry.name)
            elif entry.name.lower().endswith(PHOTO_SUFFIXES):
                yield (here / entry.name).as_posix()
        pending += reversed(folders)


def read_listing(path: Path) -> list[str]:
    """The paths in a list: one a line, or the column `image` of a CSV file.

    Raises:
        UserError: If it is missing or empty, names an image twice, or one that is not below the list's folder.
    """
    with reading(path, "the list of images", fix="correct listing"):
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if path.suffix == ".csv":
        names = [row.get("image") or "" for row in csv.DictReader(lines)]
    else:
        names = [line.strip() for line in lines]
    names = [name.removeprefix("./") for name in names]
    if not names or not all(names):
        raise UserError(f"{path}: expected one image a line, or a CSV file with a column `image`")
    outside = [name for name in names if name.startswith("/") or ".." in name.split("/")]
    if outside:
        raise UserError(f"{path}: names {outside[0]}, but paths must be relative to the root and below it")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{path}: names {twice[0]} twice")
    return names
