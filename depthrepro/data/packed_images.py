"""Images inside tar files (WebDataset, SA-1B, ImageNet-21K) and LMDB (LSUN): read in any order, by place.

WebDataset's own library streams its shards from first to last. Pseudo-labels belong to images by number, and a student
pairs images from anywhere, so the places of a file's images are listed once and kept, and one seek reads an image.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from depthrepro.data.base import ImageDataset
from depthrepro.data.checks import check_folder
from depthrepro.data.image_folder import SizedRecords, upright_size
from depthrepro.data.photos import PHOTO_SUFFIXES, decode_photo
from depthrepro.errors import UserError
from depthrepro.files import replacing
from depthrepro.progress import progress_bar

_HEAD_BYTES = 1 << 16  # enough for the header of any image but one with a large thumbnail, which is then read whole

Entry = tuple[str, int, int, int, int, str]  # name, place, bytes, height, width, format


class PackedImages(ImageDataset):
    """Images in a few large files; ids are `<file>/<name>`.

    Args:
        name: For people.
        root: Folder of the files.
        files: Their names, in order.
        allow_damaged: Leave out what is no image, instead of stopping at it.
        cache_dir: Folder of caches; None = the user's.

    Raises:
        UserError: If a file is missing or damaged, holds no image, or an image is damaged.
    """

    def __init__(
        self, name: str, root: Path, files: Sequence[str], *, allow_damaged: bool = False, cache_dir: str | None = None
    ) -> None:
        self.name, self.root, self.files = name, root, list(files)
        entries: list[Entry] = []
        which: list[int] = []
        for number, found in enumerate(self._list_all(allow_damaged, cache_dir)):
            entries += found
            which += [number] * len(found)
        self._which, self._places = np.array(which), np.array([e[1:3] for e in entries], dtype=np.int64).reshape(-1, 2)
        names = [
            f"{Path(self.files[w]).stem}/{Path(e[0]).with_suffix('').as_posix()}"
            for w, e in zip(which, entries, strict=True)
        ]
        self.records = SizedRecords(names, np.array([e[3:5] for e in entries], dtype=np.int32).reshape(-1, 2))
        self.encodings = dict(Counter(e[5] for e in entries).most_common())
        self.fingerprint = hashlib.sha256(json.dumps([names, [e[2:] for e in entries]]).encode()).hexdigest()

    def _list_all(self, allow_damaged: bool, cache_dir: str | None) -> Iterator[list[Entry]]:
        """The images of each file, from the cache where it has been listed before."""
        with (
            ThreadPoolExecutor(4) as pool,
            progress_bar(None, f"listing {self.name}", "file", shown=len(self.files) > 8, total=len(self.files)) as bar,
        ):
            for found in pool.map(lambda file: self._listed(file, allow_damaged, cache_dir), self.files):
                bar.update(1)
                yield found

    def _listed(self, file: str, allow_damaged: bool, cache_dir: str | None) -> list[Entry]:
        from depthrepro.config import default_cache_dir

        path = self.root / file
        try:
            stat = path.stat()
        except OSError:
            raise UserError(f"{path}: no such file") from None
        key = hashlib.sha256(
            f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{allow_damaged}".encode()
        ).hexdigest()[:16]
        kept = default_cache_dir(cache_dir) / "image_index" / f"{key}.json"
        try:
            return [tuple(entry) for entry in json.loads(kept.read_text(encoding="utf-8"))]
        except (OSError, ValueError):
            entries = list(self._entries(path, allow_damaged))
        if not entries:
            raise UserError(f"{path}: holds no image ({', '.join(PHOTO_SUFFIXES)})")
        with replacing(kept) as beside:
            beside.write_text(json.dumps(entries), encoding="utf-8")
        return entries

    @abstractmethod
    def _entries(self, path: Path, allow_damaged: bool) -> Iterator[Entry]:
        """The images of one file, in order."""

    @abstractmethod
    def _read(self, number: int, index: int) -> bytes:
        """The bytes of image `index`, which lies in file `number`."""

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, upright, grey and transparent ones as plain RGB."""
        number, record = int(self._which[index]), self.records[index]
        image = decode_photo(self._read(number, index), f"{self.root / self.files[number]}: {record.id}")
        if image.shape[:2] != record.size:
            raise UserError(f"{self.root / self.files[number]}: {record.id} has changed since it was listed")
        return image


class TarShards(PackedImages):
    """Images in tar files, plain or with other members beside them (`key.jpg`, `key.json`)."""

    def _entries(self, path: Path, allow_damaged: bool) -> Iterator[Entry]:
        try:
            with tarfile.open(path, "r:") as tar, path.open("rb") as file:
                for member in tar:
                    if member.isfile() and member.name.lower().endswith(PHOTO_SUFFIXES):
                        source = f"{path}: {member.name}"
                        if shape := probe_packed(file, member.offset_data, member.size, source, allow_damaged):
                            yield (member.name, member.offset_data, member.size, *shape)
        except tarfile.TarError as error:
            raise UserError(f"{path}: no readable tar file ({error}); fetch it again") from None

    def _read(self, number: int, index: int) -> bytes:
        offset, size = (int(n) for n in self._places[index])
        with (self.root / self.files[number]).open("rb") as file:
            file.seek(offset)
            return file.read(size)


class LmdbImages(PackedImages):
    """Images in LMDB environments (folders with `data.mdb`), as LSUN is published: key -> an encoded image."""

    def _environment(self, path: Path) -> Any:
        try:
            import lmdb
        except ImportError:
            raise UserError(f"{path}: reading it needs lmdb; pip install lmdb") from None
        try:
            return lmdb.open(str(path), readonly=True, lock=False, readahead=False, max_readers=1)
        except lmdb.Error as error:
            raise UserError(f"{path}: no readable LMDB ({error}); fetch it again") from None

    def _entries(self, path: Path, allow_damaged: bool) -> Iterator[Entry]:
        with self._environment(path) as environment, environment.begin() as view:
            for place, (key, value) in enumerate(view.cursor()):
                source = f"{path}: {key.decode(errors='replace')}"
                if shape := probe_packed(io.BytesIO(value), 0, len(value), source, allow_damaged):
                    yield (f"{key.decode(errors='replace')}.webp", place, len(value), *shape)

    def _read(self, number: int, index: int) -> bytes:
        key = self.records[index].id.partition("/")[2].encode()
        # Opened anew each time: one process may have an environment open only once, and loader processes none of ours.
        with self._environment(self.root / self.files[number]) as environment, environment.begin() as view:
            return bytes(view.get(key) or b"")


def probe_packed(
    file: BinaryIO | io.BytesIO, offset: int, size: int, source: str, allow_damaged: bool
) -> tuple[int, int, str] | None:
    """(height, width, format) of an image inside a file, upright; None for a damaged one that is left out.

    Raises:
        UserError: If it is no image.
    """
    for length in (min(size, _HEAD_BYTES), size):
        file.seek(offset)
        try:
            with Image.open(io.BytesIO(file.read(length))) as image:
                return (*upright_size(image), (image.format or "image").lower())
        except (OSError, SyntaxError, ValueError) as error:
            fault = error
    if allow_damaged:
        return None
    raise UserError(f"{source}: no readable image ({fault}); fetch the file again, or set allow_damaged=true")


def tar_shards(
    root: str | None, *, name: str | None = None, pattern: str = "*.tar", **options: Any
) -> TarShards | None:
    """The images in a folder's tar files.

    Args:
        root: The folder; None or "" gives no data set.
        name: For people; by default the folder's.
        pattern: Which files.
        **options: `allow_damaged` and `cache_dir` of `PackedImages`.

    Raises:
        UserError: If the folder or its files are missing, or as `PackedImages`.
    """
    if not root:
        return None
    folder = Path(root).expanduser()
    check_folder(folder, "root")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern))
    if not files:
        raise UserError(f"root={folder}: no {pattern} is there; fetch the shards")
    return TarShards(name or folder.name, folder, files, **options)


def lmdb_folders(
    root: str | None, *, name: str | None = None, pattern: str = "*_lmdb", **options: Any
) -> LmdbImages | None:
    """The images in a folder's LMDB environments; arguments and errors as `tar_shards`."""
    if not root:
        return None
    folder = Path(root).expanduser()
    check_folder(folder, "root")
    files = sorted(path.parent.relative_to(folder).as_posix() for path in folder.glob(f"{pattern}/data.mdb"))
    if not files:
        raise UserError(f"root={folder}: no {pattern}/data.mdb is there; fetch the data set and unpack it")
    return LmdbImages(name or folder.name, folder, files, **options)
