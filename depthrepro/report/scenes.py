"""Scenes: which test images show the same place, and so say less together than as many images of different places."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

NEIGHBOURS = 10  # NYU Depth V2's labelled images follow each other room by room; its numbers do not name the room
_DRIVE = re.compile(r"\d{4}_\d\d_\d\d_drive_\d+")  # KITTI raw, and the synthetic streets in its layout
_PLACE = re.compile(r"(.*/\d{5})\d{3}")  # synthetic places: scene and view in one number


def scene(item: str, data: str) -> str:
    """Label of the scene that an image shows.

    A synthetic image's id names its scene, KITTI raw's its drive; NYU Depth V2's images go by blocks of `NEIGHBOURS`
    numbers. Elsewhere nothing is known, and each image is a scene of its own.

    Args:
        item: The image's id in the per-image scores.
        data: The data set's name.
    """
    if drive := _DRIVE.search(item):
        return drive.group()
    if data.endswith("(synthetic)"):
        place = _PLACE.fullmatch(item)
        return place.group(1) if place else item.rpartition("/")[0] or item
    if data.startswith("NYU Depth V2") and (number := re.search(r"\d+", item)):
        return f"block {int(number.group()) // NEIGHBOURS}"
    return item


def scenes(ids: Iterable[str], data: str) -> np.ndarray:
    """`scene` of each id."""
    return np.array([scene(item, data) for item in ids], dtype=object)
