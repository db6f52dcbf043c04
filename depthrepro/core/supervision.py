"""Kinds of training data, by which data, losses and augmentations fit together."""

from __future__ import annotations

from enum import Enum


class Supervision(Enum):
    """Kind of training data; its value is for people."""

    stereo = "stereo pairs"
    relative = "images with relative depth"
    metric = "images with depth in metres"
    classes = "images with classes"
