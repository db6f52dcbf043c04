"""Pseudo-labels on disk: one 16-bit PNG per image, its scale inside, and a manifest of hashes over all of them."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from depthrepro.core.errors import UserError
from depthrepro.core.files import all_to_disk, replacing, write_json
from depthrepro.core.reading import reading
from depthrepro.data.base import ImageDataset, LabelledDataset

LEVELS = 65535
MANIFEST = "manifest.json"
_PER_FOLDER = 1000


def label_path(folder: Path, index: int) -> Path:
    """File of item `index`; a thousand to a folder."""
    return folder / f"{index // _PER_FOLDER:05d}" / _file_name(index)


def _file_name(index: int) -> str:
    return f"{index:08d}.png"


def present(folder: Path, count: int) -> np.ndarray:
    """Which of `count` items have a label, bool (count,); each folder is listed once, not asked for every file."""
    there = np.zeros(count, dtype=bool)
    for first in range(0, count, _PER_FOLDER):
        here = label_path(folder, first).parent
        names = set(os.listdir(here)) if here.is_dir() else set()
        items = range(first, min(first + _PER_FOLDER, count))
        there[first : items.stop] = [_file_name(i) in names for i in items]
    return there


def write_label(path: Path, values: np.ndarray) -> None:
    """Write inverse depth up to scale and shift, (h, w), as a 16-bit PNG whose text names the range.

    The darkest step stands for the map's least value, the brightest for its largest: the error is at most half a step,
    1/131070 of the range, which scale and shift do not change.

    Raises:
        ValueError: If the values are not finite.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("the teacher's prediction is not finite")
    steps = np.rint((values.astype(np.float64) - low) / max(high - low, 1e-12) * LEVELS)
    text = PngImagePlugin.PngInfo()
    for key, value in {"kind": "affine_inv_depth", "near_is": "large", "low": repr(low), "high": repr(high)}.items():
        text.add_text(key, value)
    with replacing(path, sync=False) as beside:  # checked and synced when the folder is sealed
        Image.fromarray(steps.astype(np.uint16)).save(beside, format="PNG", pnginfo=text, compress_level=1)


def read_label(path: Path, digest: str | None = None) -> np.ndarray:
    """A label in [0, 1], float32 (h, w), large where near.

    Args:
        path: Its file.
        digest: The file's SHA-256 as its manifest has it; None = not compared.

    Raises:
        UserError: If the file is missing, damaged, or another one than was sealed.
    """
    fix = f"delete it and {MANIFEST} and run python -m depthrepro.pseudo_label"
    with reading(path, "the pseudo-label", missing=f"no such pseudo-label; {fix}", fix=fix):
        data = path.read_bytes()
        if digest is not None and hashlib.sha256(data).hexdigest() != digest:
            raise UserError(f"{path}: not the pseudo-label that {MANIFEST} names; {fix}")
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is None or values.dtype != np.uint16 or values.ndim != 2:
            raise UserError(f"{path}: a damaged pseudo-label; {fix}")
    return values.astype(np.float32) / LEVELS


class PseudoLabelled(LabelledDataset):
    """Unlabelled images with the labels of a teacher.

    Args:
        images: The images.
        folder: What `python -m depthrepro.pseudo_label` wrote for them.

    Raises:
        UserError: If the labels are absent, incomplete, or of other images.
    """

    def __init__(self, images: ImageDataset, folder: Path) -> None:
        self.images, self.folder, self.manifest = images, folder, read_manifest(folder)
        if self.manifest["images"] != images.fingerprint or len(self.manifest["files"]) != len(images):
            raise UserError(
                f"{folder}: these labels are of other images than {images.name} has now; "
                "make them anew with the command that trains the student, as python -m depthrepro.pseudo_label"
            )
        self.name, self.records, self.encodings = images.name, images.records, images.encodings
        self.fingerprint = hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()

    def read_image(self, index: int) -> np.ndarray:
        """Image `index`."""
        return self.images.read_image(index)

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The teacher's map in [0, 1]; known everywhere."""
        path = label_path(self.folder, index)
        values = read_label(path, self.manifest["files"].get(path.relative_to(self.folder).as_posix(), ""))
        return values, np.ones(values.shape, dtype=bool)


def write_manifest(folder: Path, images: ImageDataset, about: dict[str, Any]) -> None:
    """Seal a complete folder: the hash of every label, when all of them are whole and on the disk.

    Args:
        folder: The labels.
        images: What they are of.
        about: What else is to be known: the teacher's hash, the network's input.

    Raises:
        UserError: If a label is missing, or damaged, by a power cut say; the damaged ones are deleted.
    """
    files, damaged = {}, []
    for index in range(len(images)):
        path = label_path(folder, index)
        with reading(path, "the pseudo-label", missing="missing; run the same command again"):
            data = path.read_bytes()
        if not _is_whole(data):
            path.unlink()
            damaged.append(path)
        files[f"{path.parent.name}/{path.name}"] = hashlib.sha256(data).hexdigest()
    if damaged:
        raise UserError(f"{damaged[0]}: {len(damaged)} labels were damaged and are deleted; run the same command again")
    all_to_disk()
    write_json(folder / MANIFEST, {**about, "images": images.fingerprint, "files": files})


def _is_whole(png: bytes) -> bool:
    """Whether every chunk of a PNG file is there, with the sum of its bytes behind it."""
    at = 8
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        if zlib.crc32(png[at + 4 : end]) != int.from_bytes(png[end : end + 4], "big"):
            return False
        if png[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """Content of the manifest that `write_manifest` wrote.

    Raises:
        UserError: If it is missing or damaged.
    """
    missing = (
        "no complete pseudo-labels; make them first: type the command that trains the student with "
        "depthrepro.pseudo_label in place of depthrepro.train"
    )
    file = folder / MANIFEST
    with reading(file, "the manifest", missing=missing, fix="delete it and make the labels again"):
        found = dict(json.loads(file.read_text(encoding="utf-8")))
        if not isinstance(found["images"], str) or not isinstance(found["files"], dict):
            raise ValueError("no manifest of pseudo-labels")
    return found
