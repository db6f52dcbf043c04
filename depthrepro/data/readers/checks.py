"""Checks of a data set when it is built; each fault is one line with the first offending path and how to fix it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar
from depthrepro.data.io.calibration import StereoCamera
from depthrepro.data.io.images import IMAGE_SUFFIXES, ImageProbe, probe_image, wxh

Options = ParamSpec("Options")
SetT = TypeVar("SetT")


@dataclass(frozen=True)
class PairFiles:
    """The two files of a pair, before anything is known about them.

    Attributes:
        id: Unique name of the pair within its data set.
        left: File of the image whose depth is predicted.
        right: File of the other image.
        mirrored: Whether `left` is the right camera's image, see `StereoRecord`.
    """

    id: str
    left: Path
    right: Path
    mirrored: bool = False


class FolderIndex:
    """Finds images by stem; each folder is listed once, which is far faster than asking for 90,000 files one by one."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Path]] = {}

    def images(self, folder: Path) -> dict[str, Path]:
        """Stem to file of all images in `folder`, sorted by stem; PNG where a stem is stored twice; {} if no folder."""
        if folder not in self._folders:
            names = os.listdir(folder) if folder.is_dir() else []
            found = [Path(name) for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES]
            found.sort(key=lambda p: (p.stem, -IMAGE_SUFFIXES.index(p.suffix.lower())))
            self._folders[folder] = {p.stem: folder / p for p in found}
        return self._folders[folder]

    def path(self, folder: Path, stem: str) -> Path:
        """The image's file, or where it would be expected."""
        return self.images(folder).get(stem, folder / f"{stem}.png")

    def missing(self, pair: PairFiles) -> Path | None:
        """The first file of a pair that is not there."""
        return next((p for p in (pair.left, pair.right) if self.images(p.parent).get(p.stem) != p), None)


def checked_folder(root: str | Path, setting: str) -> Path:
    """The folder that `setting` names, ~ resolved.

    Raises:
        UserError: Unless it is a folder with something in it.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise UserError(f"{setting}={folder}: no such folder; set {setting} to where the data set lies")
    if not any(folder.iterdir()):
        raise UserError(f"{setting}={folder}: the folder is empty; fetch the data or set {setting} to where it lies")
    return folder


def optional_root(
    reader: Callable[Concatenate[Path, Options], SetT],
) -> Callable[Concatenate[str | None, Options], SetT | None]:
    """Let a reader's `root` be None or "", which gives no data set; any other must be a folder that holds something."""

    @wraps(reader)
    def read(root: str | None, *args: Options.args, **kwargs: Options.kwargs) -> SetT | None:
        return reader(checked_folder(root, "root"), *args, **kwargs) if root else None

    return read


def keep_present(
    pairs: Sequence[PairFiles], index: FolderIndex, name: str, allow_missing: bool, notes: list[str]
) -> list[PairFiles]:
    """The pairs with both files; a note says how many of how many.

    Args:
        pairs: What the split names.
        index: Knows which files there are.
        name: Of the data set and split, for the message.
        allow_missing: Go on with a part of the pairs.
        notes: Gets the note.

    Raises:
        UserError: If a file is missing and `allow_missing` is false.
    """
    present, first = [], None
    for pair in pairs:
        missing = index.missing(pair)
        first = first or missing
        if missing is None:
            present.append(pair)
    if first is None:
        return present
    if not allow_missing:
        how_to_fix = "use what is there with data.allow_missing=true" if present else "set data.root to where it lies"
        raise UserError(
            f"{name}: {len(pairs) - len(present)} of {len(pairs)} pairs are missing, first: {first}; "
            f"complete the data set, or {how_to_fix}"
        )
    notes.append(f"{name}: only {len(present)} of {len(pairs)} pairs are there, first missing: {first}")
    return present


def check_unique(where: object, ids: Iterable[str]) -> None:
    """Stop at an image that a list or a data set names twice: it would count double."""
    twice = [id_ for id_, count in Counter(ids).items() if count > 1]
    if twice:
        raise UserError(f"{where}: {twice[0]} is listed more than once; leave it there once")


def probe_images(paths: Iterable[Path], name: str) -> dict[Path, ImageProbe]:
    """Probe every image, in threads, since on a network disk each file waits.

    Raises:
        UserError: For the first file, in the order given, that is damaged.
    """
    unique = list(dict.fromkeys(paths))
    worth_a_bar = len(unique) >= 2000
    batches = [unique[start : start + 64] for start in range(0, len(unique), 64)]
    with ThreadPoolExecutor(8) as pool:
        probed = chain.from_iterable(pool.map(lambda batch: [probe_image(path) for path in batch], batches))
        bar = progress_bar(probed, f"checking {name}", "image", shown=worth_a_bar, total=len(unique))
        try:
            return dict(zip(unique, bar, strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def check_same_size(left: ImageProbe, right: ImageProbe) -> None:
    """Stop unless both images of a pair have one size."""
    if left.size != right.size:
        raise UserError(
            f"{right.path}: {wxh(right.size)} pixels, but {left.path} has {wxh(left.size)}; a rectified pair has one "
            "size, fetch or convert both images again"
        )


def check_calibration(image: ImageProbe, camera: StereoCamera) -> None:
    """Stop unless the calibration fits the image's size.

    Where the calibration does not say its size, a principal point far from the middle tells that it is for another one.
    """
    height, width = image.size
    if camera.size is not None and camera.size != image.size:
        raise UserError(
            f"{image.path}: {wxh(image.size)} pixels, but {camera.source} is for {wxh(camera.size)}; "
            "use the original images or a calibration for their size"
        )
    cx, cy = camera.K[0][2], camera.K[1][2]
    if not (0.2 < cx / width < 0.8 and 0.2 < cy / height < 0.8):
        raise UserError(
            f"{image.path}: {wxh(image.size)} pixels, but the principal point in {camera.source} is at "
            f"({cx:.0f}, {cy:.0f}), far from the middle; use a calibration for this image size"
        )


def misnamed_note(probes: Iterable[ImageProbe], name: str) -> list[str]:
    """A note on files whose extension names another encoding than they hold, as a list of none or one."""
    misnamed = [probe for probe in probes if probe.misnamed]
    if not misnamed:
        return []
    first = misnamed[0]
    return [f"{name}: {len(misnamed)} files are misnamed, first: {first.path} holds {first.encoding}"]
