"""Predictions: named maps of one image with the meaning of their numbers, their files, and the way to metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.arrays import read_npz
from depthrepro.core.depth_kind import Kind
from depthrepro.core.files import replacing
from depthrepro.core.reading import reading

Floats = NDArray[np.floating]
_META = ("id", "kind", "unit", "near_is")


@dataclass(frozen=True)
class Prediction:
    """The outputs of one model for one image.

    Attributes:
        id: The image's id in its data set, or the name of its file.
        kind: What the numbers mean.
        levels: Name of an output → its map, (h, w) float32; sizes may differ.
    """

    id: str
    kind: Kind
    levels: Mapping[str, Floats]

    @property
    def unit(self) -> str:
        """Unit of the numbers, for people."""
        return self.kind.unit

    @property
    def near_is(self) -> str:
        """Whether near things have `small` or `large` numbers."""
        return self.kind.near_is


def prediction_path(folder: Path, item_id: str) -> Path:
    """File of one image's prediction; the id's "/" become "__" (so does a backslash: ids never make folders)."""
    return folder / f"{item_id.replace('/', '__').replace(chr(92), '__')}.npz"


def save_prediction(path: Path, prediction: Prediction) -> None:
    """Write one prediction as .npz: an array per level, beside `id`, `kind`, `unit` and `near_is`.

    Raises:
        ValueError: If a level is not (h, w) or bears the name of one of the four.
    """
    arrays: dict[str, NDArray] = {}
    for name, values in prediction.levels.items():
        if name in _META or values.ndim != 2:
            raise ValueError(f"level {name!r} of {prediction.id}: expected (h, w) and another name, got {values.shape}")
        arrays[name] = np.asarray(values, dtype=np.float32)
    meta = (prediction.id, prediction.kind.value, prediction.unit, prediction.near_is)
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays, **{k: np.array(v) for k, v in zip(_META, meta, strict=True)})


def load_prediction(path: Path) -> Prediction:
    """Read what `save_prediction` wrote.

    Raises:
        UserError: If the file is missing, damaged or something else.
    """
    missing = "no such prediction; the run's own command, typed again, writes it"
    with reading(path, "the prediction", missing=missing, fix="delete it and evaluate the run again"):
        arrays = read_npz(path)
        kind, item_id = Kind(str(arrays["kind"])), str(arrays["id"])
    return Prediction(item_id, kind, {k: v for k, v in arrays.items() if k not in _META})


def to_depth(values: Floats, kind: Kind, stereo_m: float | None = None) -> Floats:
    """Depth of a prediction, whatever its size.

    Args:
        values: Prediction, any shape.
        kind: What its numbers mean.
        stereo_m: Of predicted disparity: focal length as a share of the image's width, which no resizing changes, times
            the baseline in metres; depth = stereo_m / disp_frac.

    Returns:
        Depth in metres, float64, like `values`; inf where disparity or inverse depth is not positive (infinitely far).

    Raises:
        ValueError: If the prediction is relative, or a disparity without `stereo_m`, so that it has no metres.
    """
    if kind is Kind.affine_inv_depth:
        raise ValueError("inverse depth up to scale and shift has no metres")
    if kind is Kind.depth:
        return values.astype(np.float64)
    inverse = to_inv_depth(values, kind, stereo_m)
    return np.divide(1.0, inverse, out=np.full_like(inverse, np.inf), where=inverse > 0)


def to_inv_depth(values: Floats, kind: Kind, stereo_m: float | None = None) -> Floats:
    """Inverse depth of a prediction in 1/m, float64; up to scale and shift if the prediction is. See `to_depth`.

    Raises:
        ValueError: If a predicted depth is not positive, or a disparity comes without `stereo_m`.
    """
    values = values.astype(np.float64)
    if kind is Kind.depth:
        if not (values > 0).all():
            raise ValueError("predicted depth is not positive everywhere: it has no inverse to fit")
        return 1.0 / values
    if kind is Kind.disp_frac:
        if stereo_m is None:
            raise ValueError("a predicted disparity needs the focal length and baseline of a stereo pair")
        return values / stereo_m
    return values
