"""Images inside a few large files, read in any order, by place; what tar files and LMDB have in common."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar
from depthrepro.core.reading import reading
from depthrepro.data.base import ImageDataset
from depthrepro.data.io.photo_probe import Probe, probe_within
from depthrepro.data.io.photos import PHOTO_SUFFIXES, decode_photo
from depthrepro.data.readers.image_index import (
    ROW,
    Damaged,
    Part,
    count_formats,
    index_file,
    joined,
    listing,
    read_part,
    report_damaged,
    sizes_of,
    write_part,
)
from depthrepro.data.readers.image_records import JoinedNames, Names, SizedRecords

_THREADS = 4
_WORTH_A_BAR = 8  # files

Entry = tuple[str, BinaryIO, int, int]  # name, what holds the image, its first byte in it, number of bytes


class PackedImages(ImageDataset):
    """Images in a few large files; ids are `<file>/<name>`, the file without its suffix.

    The images of each file are listed once and kept in the cache until the file changes, so that a start that was
    stopped goes on with the file it was at.

    Args:
        name: For people.
        root: Folder of the files.
        files: Their paths below it, in order.
        allow_damaged: Leave out what cannot be read, instead of stopping at it.
        cache_dir: Folder of caches; None = the user's.

    Raises:
        UserError: If a file is missing or damaged, holds no image, or an image is damaged.
    """

    def __init__(
        self, name: str, root: Path, files: Sequence[str], *, allow_damaged: bool = False, cache_dir: str | None = None
    ) -> None:
        self.name, self.root, self.files = name, root, list(files)
        parts = self._list_all(allow_damaged, cache_dir)
        rows, damaged = joined(parts)
        report_damaged(name, damaged, len(rows), allow_damaged)
        rows = rows[rows["height"] > 0]
        prefixes = [self._prefix(file) for file in self.files]
        names = [Names(p.further["text"], p.further["ends"]).kept(p.rows["height"] > 0) for p in parts]
        self._names, self._places = JoinedNames(prefixes, names), np.stack([rows["place"], rows["bytes"]], axis=1)
        self.records = SizedRecords(self._names, sizes_of(rows))
        self.encodings = count_formats(rows)
        digest = hashlib.sha256()
        for prefix, part_names in zip(prefixes, names, strict=True):
            digest.update(part_names.digest(prefix).digest())
        for column in ("height", "width", "bytes"):
            digest.update(rows[column].tobytes())
        self.fingerprint = digest.hexdigest()

    def _prefix(self, file: str) -> str:
        return file

    def _data_file(self, path: Path) -> Path:
        """What holds the bytes, if `path` is a folder."""
        return path

    def _list_all(self, allow_damaged: bool, cache_dir: str | None) -> list[Part]:
        """The images of each file."""
        indices = [self._index(file, cache_dir) for file in self.files]
        missing = [(file, index) for file, index in zip(self.files, indices, strict=True) if read_part(index) is None]
        if missing:
            key = hashlib.sha256("\n".join(["packed 3", str(self.root.resolve()), *self.files]).encode()).hexdigest()
            with listing(index_file(cache_dir, key), self.name):
                self._list_missing(missing, allow_damaged)
        parts = [part for index in indices if (part := read_part(index)) is not None]
        if len(parts) < len(indices):
            raise UserError(f"{self.name}: its index in {indices[0].parent} was deleted meanwhile; start again")
        return parts

    def _index(self, file: str, cache_dir: str | None) -> Path:
        path = self.root / file
        with reading(self._data_file(path)):
            stat = self._data_file(path).stat()
        key = f"packed 3|{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        return index_file(cache_dir, hashlib.sha256(key.encode()).hexdigest()).with_suffix(".npz")

    def _list_missing(self, missing: Sequence[tuple[str, Path]], allow_damaged: bool) -> None:
        """List files, several at a time; stop at a damaged image."""
        shown = len(missing) > _WORTH_A_BAR
        with (
            ThreadPoolExecutor(_THREADS) as pool,
            progress_bar(None, f"listing {self.name}", "file", shown=shown, total=len(missing)) as bar,
        ):
            try:
                for part in pool.map(lambda item: self._list(*item), missing):
                    bar.update(1)
                    if not allow_damaged:
                        report_damaged(self.name, part.damaged, len(part.rows), allow_damaged)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _list(self, file: str, index: Path) -> Part:
        """List one file and keep what was found."""
        last: dict[str, int] = {}  # of two members with one name the later counts, as it does when they are unpacked
        packed, damaged = bytearray(), Damaged()
        path = self.root / file
        with reading(path):
            for number, (name, stream, place, size) in enumerate(self._entries(path)):
                last[name] = number
                try:
                    probe = probe_within(stream, place, size, f"{path}: {name}")
                except UserError as error:
                    probe, damaged[number] = Probe(0, 0, "", 0), str(error)
                row = (probe.height, probe.width, probe.bytes, place, probe.format.encode())
                packed += np.array(row, ROW).tobytes()
        if not last:
            raise UserError(f"{path}: holds no image ({', '.join(PHOTO_SUFFIXES)})")
        chosen = sorted(last.values())
        names = Names.of(sorted(last, key=last.__getitem__))
        part = Part(
            np.frombuffer(bytes(packed), ROW)[chosen],
            {new: damaged[old] for new, old in enumerate(chosen) if old in damaged},
            {"text": names.text, "ends": names.ends},
        )
        write_part(index, part)
        return part

    @abstractmethod
    def _entries(self, path: Path) -> Iterator[Entry]:
        """The images of one file, in order; whatever a damaged file leads to may be raised."""

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`, upright, grey and transparent ones as plain RGB."""
        number, _ = self._names.locate(index)
        path, record = self.root / self.files[number], self.records[index]
        place, size = (int(value) for value in self._places[index])
        # Opened each time: that costs little beside decoding, a process may not hold 19,000 files open, and there is
        # nothing to share with loader processes.
        with reading(path), self._data_file(path).open("rb") as file:
            file.seek(place)
            data = file.read(size)
        image = decode_photo(data, f"{path}: {record.id}")
        if image.shape[:2] != record.size:
            raise UserError(f"{path}: {record.id} has changed since it was listed; start again")
        return image


def found_files(root: Path, pattern: str) -> list[str]:
    """Paths below `root` that match, sorted.

    Raises:
        UserError: If nothing matches.
    """
    files = sorted(path.relative_to(root).as_posix() for path in root.glob(pattern))
    if not files:
        raise UserError(f"root={root}: no {pattern} is there; set root to where the data set lies, or pattern")
    return files
