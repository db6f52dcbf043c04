"""What is typed after `python -m depthrepro.predict`, checked before anything heavy is imported."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from depthrepro.config.cli import did_you_mean
from depthrepro.core.errors import UserError

FORMATS = ("png16", "npy", "color", "side_by_side", "ply")
VIDEO_FORMATS = ("png16", "npy", "color", "side_by_side")
VIDEO_CONTAINERS = ("mp4", "png")
USAGE = """Depth for your own images.

  python -m depthrepro.predict input=photos/ checkpoint=runs/garg_kitti/seed=0
  python -m depthrepro.predict input='trip/*.jpg' checkpoint=depth_anything_vits14.pth save=png16,npy,side_by_side
  python -m depthrepro.predict input=street.png checkpoint=... save=ply fov=65 scale=0.01 shift=0.02
  python -m depthrepro.predict input=clip.mp4 checkpoint=... save=side_by_side

input=         an image, a folder (with its subfolders), a pattern in quotes, or a video
checkpoint=    last.pt or best.pt of a run, a run directory, or published Depth Anything weights
output=        folder for the results (default: <name of the input>_depth, here)
save=          some of png16,npy,color,side_by_side,ply (default: color,png16); beside each image's files a .json says
               what the numbers are
range=         auto: one range of colours for the whole folder or clip; image: each image its own; or two numbers
colormap=      a matplotlib colour map (default: inferno; its last colour is nearest)
legend=        true: a bar with numbers below colour pictures; false: pictures of the image's size
batch_size=    images of one size that are computed together (default: 4)
device=        auto, cpu, cuda, cuda:<n>
level=         an output of a network with several (default: its finest)
overwrite=     true: predict again what is complete; otherwise the same command goes on where it stopped
video=         mp4, or png: a numbered picture for each frame

Metres, and point clouds (x right, y down, z forward):
scale= shift=  of relative depth: 1 / depth in metres = scale * value + shift
intrinsics=    fx,fy,cx,cy in pixels of the image; with intrinsics_size=WIDTH,HEIGHT they follow the image's size
fov=           horizontal field of view in degrees, instead of intrinsics
baseline_m=    of networks trained on stereo pairs, with the intrinsics of such a camera: their disparity in metres
edges=         for ply: leaves out pixels where inverse depth bends by more than this share (default: 0.1; 0 = none)
max_depth_m=   for ply: leaves out what is farther (default: 100; inf = nothing)
"""


@dataclass(frozen=True)
class Settings:
    """What was typed; the names are those of the command line, described in `USAGE`."""

    input: str
    checkpoint: Path
    output: Path
    save: tuple[str, ...] = ("color", "png16")
    range: str | tuple[float, float] = "auto"
    colormap: str = "inferno"
    legend: bool = True
    batch_size: int = 4
    device: str = "auto"
    level: str | None = None
    overwrite: bool = False
    video: str = "mp4"
    scale: float | None = None
    shift: float | None = None
    intrinsics: tuple[float, ...] | None = None
    intrinsics_size: tuple[int, int] | None = None
    fov: float | None = None
    baseline_m: float | None = None
    edges: float = 0.1
    max_depth_m: float = 100.0


def parse(arguments: Sequence[str]) -> Settings:
    """Read `key=value` arguments.

    Raises:
        UserError: If one is unknown, missing, or its value does not fit.
    """
    names = [field.name for field in fields(Settings)]
    values: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key not in names:
            raise UserError(f"unknown setting {key!r}{did_you_mean(key, names)}")
        if not equals or not value.strip():
            raise UserError(f"{key} has no value: write {key}=...")
        values[key] = _READERS[key](key, value)
    for key in ("input", "checkpoint"):
        if key not in values:
            raise UserError(f"{key}= is missing; python -m depthrepro.predict --help lists the settings")
    values.setdefault("output", default_output(values["input"]))
    return _consistent(Settings(**values))


def default_output(text: str) -> Path:
    """`<name of the input>_depth` in the working directory; `depth` for a pattern."""
    path = Path(text).expanduser()
    name = path.resolve().name if path.is_dir() else path.stem if path.is_file() else ""
    return Path(f"{name}_depth" if name else "depth")


def _consistent(settings: Settings) -> Settings:
    if (settings.scale is None) != (settings.shift is None):
        raise UserError("scale= and shift= belong together: 1 / depth = scale * value + shift")
    if settings.intrinsics is not None and settings.fov is not None:
        raise UserError("intrinsics= and fov= say the same thing: give one of them")
    if settings.intrinsics_size is not None and settings.intrinsics is None:
        raise UserError("intrinsics_size= says which size intrinsics= belong to, which are missing")
    return settings


def _words(key: str, value: str, legal: Sequence[str]) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in value.strip("[]() ").split(",") if word.strip()))
    for word in words:
        if word not in legal:
            raise UserError(f"{key}={word}{did_you_mean(word, legal)}")
    return words


def _choice(legal: Sequence[str]) -> Callable[[str, str], str]:
    def read(key: str, value: str) -> str:
        if value not in legal:
            raise UserError(f"{key}={value}{did_you_mean(value, legal)}")
        return value

    return read


def _numbers(key: str, value: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in value.strip("[]() ").split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise UserError(f"{key}={value}: {count} numbers with commas between them are needed")
    return numbers


def _number(least: float, open_end: bool = False, most: float = math.inf) -> Callable[[str, str], float]:
    def read(key: str, value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise UserError(f"{key}={value}: is no number") from None
        endless = math.isinf(number) and key != "max_depth_m"
        if not least <= number <= most or (open_end and number == least) or endless:
            above = f"more than {least:g}" if open_end else f"at least {least:g}"
            raise UserError(f"{key}={value}: must be {above}" + (f" and at most {most:g}" if most < math.inf else ""))
        return number

    return read


def _whole(key: str, value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise UserError(f"{key}={value}: a whole number of at least 1 is needed")
    return int(value)


def _truth(key: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise UserError(f"{key}={value}: write true or false")
    return value.lower() == "true"


def _range(key: str, value: str) -> str | tuple[float, float]:
    if value in ("auto", "image"):
        return value
    if "," not in value:
        raise UserError(f"{key}={value}: write auto, image or two numbers such as 2,80")
    low, high = sorted(_numbers(key, value, 2))  # which of them is near depends on the kind, so the order is free
    if low == high:
        raise UserError(f"{key}={value}: the two numbers must differ")
    return low, high


def _intrinsics(key: str, value: str) -> tuple[float, ...]:
    numbers = _numbers(key, value, 4)
    if min(numbers[:2]) <= 0:
        raise UserError(f"{key}={value}: fx and fy must be positive, in pixels of the image")
    return numbers


def _size(key: str, value: str) -> tuple[int, int]:
    width, height = _numbers(key, value.replace("x", ","), 2)
    if min(width, height) < 1:
        raise UserError(f"{key}={value}: WIDTH,HEIGHT in pixels are needed")
    return int(height), int(width)


def _path(key: str, value: str) -> Path:
    return Path(value).expanduser()


def _text(key: str, value: str) -> str:
    return value


_READERS: dict[str, Callable[[str, str], Any]] = {
    "input": _text,
    "checkpoint": _path,
    "output": _path,
    "save": lambda key, value: _words(key, value, FORMATS),
    "range": _range,
    "colormap": _text,
    "legend": _truth,
    "batch_size": _whole,
    "device": _text,
    "level": _text,
    "overwrite": _truth,
    "video": _choice(VIDEO_CONTAINERS),
    "scale": _number(0, open_end=True),
    "shift": _number(-math.inf),
    "intrinsics": _intrinsics,
    "intrinsics_size": _size,
    "fov": _number(1, most=160),
    "baseline_m": _number(0, open_end=True),
    "edges": _number(0),
    "max_depth_m": _number(0, open_end=True),
}
