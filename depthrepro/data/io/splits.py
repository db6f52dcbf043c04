"""Which frames a split names: the field's KITTI lists in a compact form, and CSV files of the user's own."""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from depthrepro.core.errors import UserError
from depthrepro.core.reading import reading

SPLITS_DIR = Path(__file__).parent / "eigen"

# Images each list names; checked on reading, so that a damaged file cannot change what a table means.
SPLIT_COUNTS = {
    "eigen_test": 697,
    "eigen_improved_test": 652,
    "eigen_full_train": 45200,
    "eigen_full_val": 1776,
    "eigen_zhou_train": 39810,
    "eigen_zhou_val": 4424,
}
_COLUMNS = ["drive", "side", "frames"]
_FRAMES = 1_000_000  # more than any drive has; a slip of the keyboard must not list more than fit in memory
_DRIVE = re.compile(r"\d{4}_\d{2}_\d{2}_\w+")


class FrameRef(NamedTuple):
    """One image of KITTI raw.

    Attributes:
        drive: Folder of the recording, such as "2011_09_26_drive_0001_sync"; its first 10 characters are the date.
        side: "l" for the left colour camera (image_02), "r" for the right one (image_03).
        frame: Number of the frame within the drive.
    """

    drive: str
    side: str
    frame: int


def load_split(name_or_path: str | Path, sides: str = "both") -> list[FrameRef]:
    """Read a split by name, or a CSV file with the columns drive, side, frames.

    Args:
        name_or_path: A key of `SPLIT_COUNTS`, or the path of a CSV file.
        sides: "both" for every listed image; "l" or "r" for one camera's, so that pairs listed from both sides come
            once (22,600 of eigen_full_train, 888 of eigen_full_val).

    Returns:
        The frames, in the file's order.

    Raises:
        UserError: If there is no such split, the file is malformed, or a known split's count is wrong.
    """
    if sides not in ("both", "l", "r"):
        raise UserError(f"data.sides={sides}: choose both, l or r")
    name = str(name_or_path)
    path = SPLITS_DIR / f"{name}.csv" if name in SPLIT_COUNTS else _user_file(name)
    with reading(path, "the split", fix=f"its first line must read {','.join(_COLUMNS)}"):
        refs = list(_read(path))
    if len(set(refs)) != len(refs):
        repeated = Counter(refs).most_common(1)[0][0]
        raise UserError(f"{path}: lists {repeated.drive} {repeated.side} {repeated.frame} twice; remove one of them")
    if not refs:
        raise UserError(f"{path}: lists no frame")
    expected = SPLIT_COUNTS.get(name, len(refs))
    if len(refs) != expected:
        raise UserError(f"{path}: lists {len(refs)} images, the split has {expected}; restore the file")
    return [ref for ref in refs if sides in ("both", ref.side)]


def parse_frames(text: str) -> list[int]:
    """Frame numbers of a cell such as "0-2 7 9-10".

    Raises:
        ValueError: If a part is neither a number nor a rising range.
    """
    frames: list[int] = []
    for part in text.split():
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < _FRAMES:
            raise ValueError(f"'{part}' is neither a frame number nor a range such as 4-6")
        frames.extend(range(first, last + 1))
    return frames


def _user_file(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix == ".csv":
        raise UserError(f"split file {path}: no such file")
    close = difflib.get_close_matches(name, SPLIT_COUNTS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"choose {', '.join(SPLIT_COUNTS)} or a CSV file"
    raise UserError(f"there is no split '{name}': {hint}")


def _read(path: Path) -> Iterator[FrameRef]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != _COLUMNS:
            raise UserError(f"{path}: line 1 must read {','.join(_COLUMNS)}")
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            drive, side = row["drive"], row["side"]
            if not _DRIVE.fullmatch(drive or ""):
                raise UserError(f"{where}: '{drive}' is no drive such as 2011_09_26_drive_0001_sync")
            if side not in ("l", "r"):
                raise UserError(f"{where}: side must be l or r, not '{side}'")
            try:
                frames = parse_frames(row["frames"] or "")
            except ValueError as error:
                raise UserError(f"{where}: {error}") from None
            for frame in frames:
                yield FrameRef(drive, side, frame)
