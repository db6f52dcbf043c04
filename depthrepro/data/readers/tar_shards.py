"""Images in tar files: WebDataset's shards, SA-1B, ImageNet-21K.

WebDataset's own library streams its shards from first to last. Pseudo-labels belong to images by number, and a student
pairs images from anywhere, so the places of a file's images are listed once and kept, and one seek reads an image.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.data.io.photos import PHOTO_SUFFIXES
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.packed_images import Entry, PackedImages, found_files

_GZIP = b"\x1f\x8b"


class TarShards(PackedImages):
    """Images in tar files, plain or with other members beside them (`key.jpg`, `key.json`); see `PackedImages`."""

    def _prefix(self, file: str) -> str:
        return PurePosixPath(file).with_suffix("").as_posix()

    def _entries(self, path: Path) -> Iterator[Entry]:
        with path.open("rb") as file:
            if file.read(len(_GZIP)) == _GZIP:
                raise UserError(f"{path}: it is compressed, which allows no seeking: gunzip it")
        with path.open("rb") as file, tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.size < 0:  # which sends some versions of tarfile back to where they were
                    raise ValueError(f"{member.name} has a negative size")
                # Some systems pack hidden companions, named as images.
                hidden = PurePosixPath(member.name).name.startswith(".")
                if member.isfile() and member.name.lower().endswith(PHOTO_SUFFIXES) and not hidden:
                    yield member.name.removeprefix("./"), file, member.offset_data, member.size
                tar.members = []  # type: ignore[attr-defined]  # else it keeps one object for each member that was seen


@optional_root
def tar_shards(root: Path, *, name: str | None = None, pattern: str = "*.tar", **options: Any) -> TarShards:
    """The images in a folder's tar files.

    Args:
        root: The folder; None or "" gives no data set.
        name: For people; by default the folder's.
        pattern: Which files; "**/*.tar" searches folders below too.
        **options: `allow_damaged` and `cache_dir` of `PackedImages`.

    Raises:
        UserError: If the folder or its files are missing, or as `PackedImages`.
    """
    return TarShards(name or root.name, root, found_files(root, pattern), **options)
