"""Settings of `python -m depthrepro.predict`, checked before anything heavy is imported."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from depthrepro.config.settings import (
    choice,
    choices,
    help_text,
    number,
    numbers,
    setting,
    to_bool,
    to_count,
    to_output_folder,
    to_path,
)
from depthrepro.config.settings import parse as parse_settings
from depthrepro.core.errors import UserError

PRECISIONS = ("auto", "fp32", "bf16")
VIDEO_FORMATS = ("png16", "npy", "color", "side_by_side")
FORMATS = (*VIDEO_FORMATS, "ply")


def _range(key: str, value: str) -> str | tuple[float, float]:
    if value in ("auto", "image"):
        return value
    if "," not in value:
        raise UserError(f"{key}={value}: write auto, image or two numbers such as 2,80")
    low, high = sorted(numbers(key, value, 2))  # which of them is near depends on the kind, so the order is free
    if low == high:
        raise UserError(f"{key}={value}: the two numbers must differ")
    return low, high


def _intrinsics(key: str, value: str) -> tuple[float, ...]:
    found = numbers(key, value, 4)
    if min(found[:2]) <= 0:
        raise UserError(f"{key}={value}: fx and fy must be positive, in pixels of the image")
    return found


def _size(key: str, value: str) -> tuple[int, int]:
    width, height = numbers(key, value.replace("x", ","), 2)
    if min(width, height) < 1:
        raise UserError(f"{key}={value}: WIDTH,HEIGHT in pixels are needed")
    return int(height), int(width)


@dataclass(frozen=True)
class Settings:
    """The settings, typed; sizes are (height, width)."""

    input: str = setting("an image, a folder (with its subfolders), a pattern in quotes, or a video")
    checkpoint: Path = setting(
        "last.pt or best.pt of a run, a run directory, or published Depth Anything weights", read=to_path
    )
    output: Path = setting("folder for the results (default: <name of the input>_depth, here)", read=to_output_folder)
    save: tuple[str, ...] = setting(
        "some of png16,npy,color,side_by_side,ply; beside each image's files a .json says what the numbers are",
        ("color", "png16"),
        read=choices(*FORMATS),
    )
    range: str | tuple[float, float] = setting(
        "auto: one range of colours for the whole folder or clip; image: each image its own; or two numbers",
        "auto",
        read=_range,
    )
    colormap: str = setting("a matplotlib colour map; its last colour is nearest", "inferno")
    legend: bool = setting(
        "true: a bar with numbers below colour pictures; false: pictures of the image's size", True, read=to_bool
    )
    batch_size: int = setting("images of one size that are computed together", 4, read=to_count)
    device: str = setting("auto, cpu, cuda, cuda:<n>", "auto")
    precision: str = setting(
        "fp32; bf16: faster where it is native, with two to three digits; auto: bf16 there, else fp32",
        "auto",
        read=choice(*PRECISIONS),
    )
    level: str | None = setting("an output of a network with several (default: its finest)", None)
    overwrite: bool = setting(
        "true: predict again what is complete; otherwise the same command goes on where it stopped", False, read=to_bool
    )
    video: str = setting("mp4, or png: a numbered picture for each frame", "mp4", read=choice("mp4", "png"))
    scale: float | None = setting(
        "of relative depth, with shift: 1 / depth in metres = scale * value + shift",
        None,
        read=number(0, above=True),
        heading="Metres, and point clouds (x right, y down, z forward):",
    )
    shift: float | None = setting("see scale", None, read=number(-math.inf))
    intrinsics: tuple[float, ...] | None = setting("fx,fy,cx,cy in pixels of the image", None, read=_intrinsics)
    intrinsics_size: tuple[int, int] | None = setting(
        "WIDTH,HEIGHT that the intrinsics belong to; they then follow the image's size", None, read=_size
    )
    fov: float | None = setting(
        "horizontal field of view in degrees, instead of intrinsics", None, read=number(1, most=160)
    )
    baseline_m: float | None = setting(
        "of networks trained on stereo pairs, with the intrinsics of such a camera: their disparity in metres",
        None,
        read=number(0, above=True),
    )
    edges: float = setting(
        "for ply: leaves out pixels where inverse depth bends by more than this share; 0 = none", 0.1, read=number(0)
    )
    max_depth_m: float = setting(
        "for ply: leaves out what is farther; inf = nothing", 100.0, read=number(0, above=True, endless=True)
    )


USAGE = f"""Depth for your own images.

  python -m depthrepro.predict input=photos/ checkpoint=runs/garg_kitti/seed=0
  python -m depthrepro.predict input='trip/*.jpg' checkpoint=depth_anything_vits14.pth save=png16,npy,side_by_side
  python -m depthrepro.predict input=street.png checkpoint=... save=ply fov=65 scale=0.01 shift=0.02
  python -m depthrepro.predict input=clip.mp4 checkpoint=... save=side_by_side

{help_text(Settings)}
"""


def parse(arguments: Sequence[str]) -> Settings:
    """Read `key=value` arguments.

    Raises:
        UserError: If one is unknown, missing, or its value does not fit.
    """
    typed = dict(argument.partition("=")[::2] for argument in arguments)
    if "output" not in typed and typed.get("input"):
        arguments = [*arguments, f"output={default_output(typed['input'])}"]
    settings = parse_settings(Settings, arguments, "depthrepro.predict")
    if (settings.scale is None) != (settings.shift is None):
        raise UserError("scale= and shift= belong together: 1 / depth = scale * value + shift")
    if settings.intrinsics is not None and settings.fov is not None:
        raise UserError("intrinsics= and fov= say the same thing: give one of them")
    if settings.intrinsics_size is not None and settings.intrinsics is None:
        raise UserError("intrinsics_size= says which size intrinsics= belong to, which are missing")
    return settings


def default_output(text: str) -> Path:
    """`<name of the input>_depth` in the working directory; `depth` for a pattern."""
    path = Path(text).expanduser()
    name = path.resolve().name if os.path.isdir(path) else path.stem if os.path.isfile(path) else ""
    return Path(f"{name}_depth" if name else "depth")
