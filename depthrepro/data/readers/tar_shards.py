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
from depthrepro.data.io.photo_probe import probe_within
from depthrepro.data.readers.packed_images import Entry, PackedImages, found_files, is_photo

_GZIP = b"\x1f\x8b"


class TarShards(PackedImages):
    """Images in tar files, plain or with other members beside them (`key.jpg`, `key.json`); see `PackedImages`."""

    def _prefix(self, file: str) -> str:
        return PurePosixPath(file).with_suffix("").as_posix()

    def _entries(self, path: Path) -> Iterator[Entry]:
        try:
            with path.open("rb") as file, tarfile.open(path, "r:") as tar:
                for member in tar:
                    if member.isfile() and is_photo(member.name):
                        name = member.name.removeprefix("./")
                        try:
                            probe = probe_within(file, member.offset_data, member.size, f"{path}: {name}")
                        except UserError as error:
                            yield name, member.offset_data, str(error)
                        else:
                            yield name, member.offset_data, probe
                    tar.members = []  # type: ignore[attr-defined]  # else it keeps one object for each member that was seen
        except tarfile.TarError as error:
            with path.open("rb") as file:
                packed = file.read(2) == _GZIP
            how_to_fix = "it is compressed, which allows no seeking: gunzip it" if packed else "fetch it again"
            raise UserError(f"{path}: no readable tar file ({error}); {how_to_fix}") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None

    def _read(self, path: Path, name: bytes, place: int, size: int) -> bytes:
        # Opened each time: that costs little beside decoding, a process may not hold 19,000 files open, and there is
        # nothing to share with loader processes.
        try:
            with path.open("rb") as file:
                file.seek(place)
                return file.read(size)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def tar_shards(
    root: str | None, *, name: str | None = None, pattern: str = "*.tar", **options: Any
) -> TarShards | None:
    """The images in a folder's tar files.

    Args:
        root: The folder; None or "" gives no data set.
        name: For people; by default the folder's.
        pattern: Which files; "**/*.tar" searches folders below too.
        **options: `allow_damaged` and `cache_dir` of `PackedImages`.

    Raises:
        UserError: If the folder or its files are missing, or as `PackedImages`.
    """
    if not root:
        return None
    folder, files = found_files(root, pattern)
    return TarShards(name or folder.name, folder, files, **options)
