"""Images with depth or disparity in files beside them: the form of most labelled data sets, and of your own.

A folder of your own needs a list, `manifest.csv`, with the columns `image`, `depth` and, where there are any, `mask`:
paths relative to the list, one image a line.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.protocol import GroundTruth
from depthrepro.core.reading import reading
from depthrepro.data.base import LabelledDataset
from depthrepro.data.io.codecs import Codec, read_map
from depthrepro.data.io.images import check_aspect
from depthrepro.data.readers.checks import optional_root
from depthrepro.data.readers.probed_images import DepthFiles, DepthItem


class Stores(Enum):
    """Meaning of the numbers of a data set.

    Attributes:
        depth: Metres along the optical axis, after `scale`.
        disparity: Disparity or inverse depth up to scale and shift, large where near.
    """

    depth = "depth"
    disparity = "disparity"


class Sky(Enum):
    """Meaning of a pixel without a value.

    Attributes:
        unknown: Not known; it is left out of losses and scores.
        zero: Sky: its inverse depth is 0, which a network can learn; it is left out of scores.
    """

    unknown = "unknown"
    zero = "zero"


class DepthFolder(DepthFiles, LabelledDataset):
    """Images whose depth or disparity lies in files; it can be learnt from, and scored against if it is depth.

    Args:
        name: Data set and part for people.
        items: The files, in order.
        codec: Format of the depth files.
        stores: What they hold.
        scale: Stored number times this = metres; disparities need none.
        key: Name of the data set within an HDF5 file.
        sky: What pixels without a value are: those at or below 0 or not finite.
        max_depth_m: Deeper values count as no value; None = all count.
        invalid: Stored numbers that stand for no value, beside those at or below 0 or not finite; such as [65535].
        synthetic: Whether the images are synthetic.

    Raises:
        UserError: If a file is missing or an image is damaged.
    """

    def __init__(
        self,
        name: str,
        items: Sequence[DepthItem],
        *,
        codec: Codec | str,
        stores: Stores | str = Stores.depth,
        scale: float = 1.0,
        key: str | None = None,
        sky: Sky | str = Sky.unknown,
        max_depth_m: float | None = None,
        invalid: Sequence[float] = (),
        synthetic: bool = False,
    ) -> None:
        try:
            self.codec, self.stores, self.sky = Codec(codec), Stores(stores), Sky(sky)
        except ValueError as error:
            raise UserError(f"{name}: {error}") from None
        super().__init__(name, items)
        self.synthetic, self.expected = synthetic, len(items)
        self.scale, self.key, self.max_depth_m, self.invalid = scale, key, max_depth_m, tuple(invalid)
        meaning = f"{self.codec.value} {self.stores.value} {scale:.9g} {key} {self.sky.value} {max_depth_m}"
        meaning += f" invalid {self.invalid}" if invalid else ""
        lines = (f"{item.id}|{sizes}\n" for item, sizes in zip(items, self.file_bytes, strict=True))
        self.fingerprint = hashlib.sha256("".join([meaning, *lines]).encode()).hexdigest()

    def read_label(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Inverse depth in [0, 1] of image `index`, and where it is known; see `LabelledDataset`."""
        values, valid, hidden = self._read(index)
        inverse = values if self.stores is Stores.disparity else 1 / np.where(valid, values, 1.0)
        inverse = np.where(valid, inverse, 0.0)
        sky = ~valid & ~hidden if self.sky is Sky.zero else np.zeros_like(valid)
        known = valid | sky
        if not known.any():
            return np.zeros(values.shape, np.float32), known
        low, high = float(inverse[known].min()), float(inverse[known].max())
        scaled = (inverse - low) / max(high - low, 1e-12)
        return np.where(known, scaled, 0.0).astype(np.float32), known

    def depth_gt(self, index: int, ground_truth: GroundTruth) -> np.ndarray:
        """Depth in metres of image `index`, 0 = none.

        Raises:
            UserError: If the data set has no depth in metres, or another ground truth is asked for.
        """
        if not self.has_depth(index, ground_truth):
            how_to_fix = "it holds disparities without a scale" if self.stores is Stores.disparity else "choose 'dense'"
            raise UserError(f"{self.name} has no ground truth '{ground_truth.value}': {how_to_fix}")
        values, valid, _ = self._read(index)
        return np.where(valid, values, 0.0).astype(np.float32)

    def has_depth(self, index: int, ground_truth: GroundTruth) -> bool:
        """Whether `ground_truth` is the dense depth and the data set stores depth."""
        return ground_truth is GroundTruth.dense and self.stores is Stores.depth

    def _read(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(values with their scale, where they are valid, where the mask hides them)."""
        item = self.items[index]
        stored = read_map(item.depth, self.codec, key=self.key, invalid=self.invalid, data=self.name)
        values = stored * np.float32(self.scale)
        check_aspect(item.depth, values, self.records[index].size)
        if self.sky is Sky.zero and not (values > 0).any():
            raise UserError(f"{item.depth}: no pixel has a depth, which is no sky but a damaged file; fetch it again")
        hidden = np.zeros(values.shape, dtype=bool)
        if item.mask is not None:
            hidden = read_map(item.mask, Codec.png8) == 0
            if hidden.shape != values.shape:
                raise UserError(f"{item.mask}: {hidden.shape} pixels, but {item.depth} has {values.shape}")
        valid = np.isfinite(values) & (values > 0) & ~hidden
        if self.max_depth_m is not None and self.stores is Stores.depth:
            valid &= values <= self.max_depth_m
        return np.where(np.isfinite(values), values, 0.0), valid, hidden


@optional_root
def depth_folder(
    root: Path, manifest: str = "manifest.csv", *, codec: Codec | str = Codec.png16, **options: Any
) -> DepthFolder:
    """Images of a folder that its list names.

    Args:
        root: The folder; None or "" gives no data set.
        manifest: The list within it.
        codec: Format of the depth files.
        **options: The other arguments of `DepthFolder`; `name` is the folder's by default.

    Raises:
        UserError: If the folder, the list or a file is missing, or the list has a faulty line.
    """
    name = options.pop("name", None) or root.name
    return DepthFolder(name, read_depth_manifest(root / manifest), codec=codec, **options)


def read_depth_manifest(path: Path) -> list[DepthItem]:
    """The files that a list names.

    Raises:
        UserError: If the list is missing, empty or has a faulty line; the message names the line.
    """
    form = "it needs the columns image,depth[,mask], one image a line"
    with reading(path, "the list", missing=f"no such list; {form}", fix=form):
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    items: dict[str, DepthItem] = {}
    for number, row in enumerate(rows, start=2):
        if not row.get("image") or not row.get("depth"):
            raise UserError(f"{path}, line {number}: needs the columns image and depth")
        mask = path.parent / row["mask"] if row.get("mask") else None
        id_ = Path(row["image"]).with_suffix("").as_posix()
        if id_ in items:
            raise UserError(f"{path}, line {number}: {id_} stands in the list twice")
        items[id_] = DepthItem(id_, path.parent / row["image"], path.parent / row["depth"], mask)
    if not items:
        raise UserError(f"{path}: the list names no image")
    return list(items.values())
