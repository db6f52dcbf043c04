"""Video files: their frames as RGB pictures, and RGB pictures as a video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.files import to_disk

# VP9 plays in browsers and in most players; MPEG-4 part 2 is what every build of OpenCV can write.
CODECS = ("vp09", "mp4v")
FALLBACK_FPS = 25.0
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """A video file.

    Attributes:
        path: The file.
        frames: Number of frames that the file announces; 0 = it does not say.
        fps: Frames per second.
        size: (height, width) of a frame, turned upright.
    """

    path: Path
    frames: int
    fps: float
    size: tuple[int, int]

    @classmethod
    def open(cls, path: Path) -> Clip:
        """Look at a video.

        Raises:
            UserError: If it cannot be decoded.
        """
        first = next(read_frames(path), None)
        if first is None:
            raise UserError(f"{path}: cannot be decoded as a video; convert it to mp4 (H.264), or fetch it again")
        capture = cv2.VideoCapture(str(path))
        fps, frames = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        fps = fps if np.isfinite(fps) and 0 < fps <= 1000 else FALLBACK_FPS
        return cls(path, max(0, frames), fps, (first[1].shape[0], first[1].shape[1]))

    def stamp(self) -> str:
        """Changes when the file does."""
        status = self.path.stat()
        return f"{status.st_size}-{status.st_mtime_ns}"


def read_frames(path: Path, skip: set[int] | None = None) -> Iterator[tuple[int, Picture]]:
    """(number from 0, RGB uint8 (H, W, 3)) of each frame; those to skip are passed over without decoding colours."""
    capture = cv2.VideoCapture(str(path))
    try:
        index = 0
        while capture.grab():
            if not skip or index not in skip:
                decoded, frame = capture.retrieve()
                if not decoded:
                    return
                yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            index += 1
    finally:
        capture.release()


@contextmanager
def video_writer(path: Path, fps: float) -> Iterator[Callable[[Picture], None]]:
    """A function that appends an RGB picture to a video, which appears under its name when it is complete.

    Raises:
        UserError: If no codec works, or nothing was written.
    """
    beside = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")  # the ending chooses the container
    writer: cv2.VideoWriter | None = None

    def write(picture: Picture) -> None:
        nonlocal writer
        # Codecs store colours in blocks of two pixels: an odd side gets one more.
        picture = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
        if writer is None:
            writer = _opened(beside, fps, (picture.shape[1], picture.shape[0]))
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield write
        if writer is not None:
            writer.release()
        if not beside.is_file() or beside.stat().st_size == 0:
            raise UserError(f"{path}: OpenCV wrote no video; video=png writes numbered pictures instead")
        to_disk(beside)
        os.replace(beside, path)
    finally:
        if writer is not None:
            writer.release()
        beside.unlink(missing_ok=True)


def _opened(path: Path, fps: float, size: tuple[int, int]) -> cv2.VideoWriter:
    for codec in CODECS:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if writer.isOpened():
            return writer
    raise UserError(f"{path.name}: OpenCV has no codec for mp4 here; video=png writes numbered pictures instead")
