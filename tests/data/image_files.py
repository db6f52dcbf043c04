"""Tiny encoded images, folders and tar files of them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from depthrepro.data.base import ImageDataset


def encoded(shade: int = 0, size=(6, 9), kind="JPEG", orientation: int | None = None, mode="RGB") -> bytes:
    """An image of one colour: red = `shade`."""
    image = Image.new(mode, (size[1], size[0]), shade if mode == "L" else (shade, 10, 20, 128)[: len(mode)])
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, kind, **({"exif": exif} if orientation else {}))
    return stream.getvalue()


def noisy(kind: str, size=(200, 300), **options) -> bytes:
    """An image that takes more bytes than are read of its beginning."""
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tar(path: Path, members: dict[str, bytes] | Iterable[tuple[str, bytes]], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def ids(data: ImageDataset | None) -> list[str]:
    assert data is not None
    return [record.id for record in data.records]
