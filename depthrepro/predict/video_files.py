"""Video files: their frames as RGB pictures, and RGB pictures as a video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.files import to_disk
from depthrepro.predict.inputs import stamp

# VP9 plays in browsers and in most players; MPEG-4 part 2 is what every build of OpenCV can write.
CODECS = ("vp09", "mp4v")
FALLBACK_FPS = 25.0
_FASTEST = 240.0  # pictures a second
_MOST_REPEATS = 100  # of a frame, on average; beyond, the times are damaged
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """A video file.

    Attributes:
        path: The file.
        frames: Number of frames that the file announces; 0 = it does not say.
        fps: Frames per second.
        size: (height, width) of a frame, turned upright.
        stamp: Changes when the file does.
    """

    path: Path
    frames: int
    fps: float
    size: tuple[int, int]
    stamp: str

    @classmethod
    def open(cls, path: Path) -> Clip:
        """Look at a video.

        Raises:
            UserError: If it cannot be decoded.
        """
        first = next(read_frames(path), None)
        if first is None:
            raise UserError(f"{path}: cannot be decoded as a video; convert it to mp4 (H.264), or fetch it again")
        capture = cv2.VideoCapture(_name(path))
        fps, frames = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        fps = fps if np.isfinite(fps) and 0 < fps <= 1000 else FALLBACK_FPS
        return cls(path, max(0, frames), fps, (first[1].shape[0], first[1].shape[1]), stamp(path))


def read_frames(
    path: Path, skip: set[int] | None = None, times: list[float] | None = None
) -> Iterator[tuple[int, Picture]]:
    """(number from 0, RGB uint8 (H, W, 3)) of each frame.

    Args:
        path: The video.
        skip: Frames that are passed over without decoding colours.
        times: Gets the second at which each frame is shown, also of those passed over.
    """
    capture = cv2.VideoCapture(_name(path))
    try:
        index = 0
        while capture.grab():
            if times is not None:
                times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if not skip or index not in skip:
                decoded, frame = capture.retrieve()
                if not decoded:
                    return
                yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            index += 1
    finally:
        capture.release()


def pace(times: Sequence[float], fps: float) -> tuple[float, list[int]] | None:
    """How a video of a constant rate shows each frame at its own time, to half a picture: the rate, and repeats.

    Args:
        times: Seconds at which the frames are shown.
        fps: Frames per second on average.

    Returns:
        Pictures per second, and how many of them show each frame; None if the frames are evenly spaced, or the times
        cannot be those of a video.
    """
    ends = np.maximum.accumulate(np.append(times, times[-1] + 1 / fps) - times[0] if times else np.zeros(1))
    steps = np.diff(ends)
    even = np.abs(ends * fps - np.arange(len(ends))).max() <= 0.5
    if even or (steps > 0).sum() < len(steps) / 2:  # or a format that knows no times
        return None
    rate = min(_FASTEST, round(1 / float(np.percentile(steps[steps > 0], 10)), 3))
    if ends[-1] * rate > _MOST_REPEATS * len(times):
        return None
    shown = [0]
    for end in ends[1:]:  # every frame is shown, also one that is shorter than a picture: those after it give way
        shown.append(max(shown[-1] + 1, round(float(end) * rate)))
    return rate, np.diff(shown).tolist()


@contextmanager
def video_writer(path: Path, fps: float) -> Iterator[Callable[[Picture], None]]:
    """A function that appends an RGB picture to a video, which appears under its name when it is complete.

    Raises:
        UserError: If no codec works, or nothing was written.
    """
    beside = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")  # the ending chooses the container
    writer: cv2.VideoWriter | None = None
    size: tuple[int, ...] = ()

    def write(picture: Picture) -> None:
        nonlocal writer, size
        # Codecs store colours in blocks of two pixels: an odd side gets one more.
        picture = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
        if writer is None:
            writer, size = _opened(beside, fps, (picture.shape[1], picture.shape[0])), picture.shape
        if picture.shape != size:  # OpenCV would leave it out without a word
            raise UserError(f"{path}: the frames change their size, which a video cannot; video=png writes pictures")
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
        writer = cv2.VideoWriter(_name(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if writer.isOpened():
            return writer
    raise UserError(f"{path.name}: OpenCV has no codec for mp4 here; video=png writes numbered pictures instead")


def _name(path: Path) -> str:
    """The name as OpenCV takes it, which ends the process at one that is no UTF-8."""
    try:
        return os.fsencode(path).decode()
    except UnicodeDecodeError:
        raise UserError(f"{path}: OpenCV opens no video whose name is not UTF-8; rename it") from None
