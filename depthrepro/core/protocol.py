"""The evaluation protocol: one typed object that says what a number in a table means."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from depthrepro.core.errors import UserError

# A setting that came later: left out of records while it is off, so that older ones stay equal.
_LATER = {"later": True}


class GroundTruth(Enum):
    """Where the ground-truth depth comes from."""

    raw_cam_z = "raw_cam_z"  # one lidar scan, depth along the camera's optical axis
    raw_lidar_x = "raw_lidar_x"  # one lidar scan, the lidar's forward coordinate (Eigen's code and its heirs)
    improved = "improved"  # KITTI's accumulated and cleaned depth maps (Uhrig et al. 2017)
    disparity = "disparity"  # a stereo benchmark's disparity map, turned into depth by the calibration
    dense = "dense"  # a dense depth map that comes with the data set


class Crop(Enum):
    """Part of the full-resolution ground truth that is scored; fractions of its height and width unless it says pixels.

    Attributes:
        none: All of it.
        garg: Garg et al.'s by the rule of the common code (Monodepth and its heirs), which published rows were scored
            with: eight-digit decimals times the size, cut to whole pixels.
        eigen: Eigen et al.'s by the same rule.
        garg_exact: The authors' mask, rows 151 to 366 and columns 44 to 1179 of 370 x 1224, as exact fractions. Another
            crop than `garg` only at heights in whole multiples of 370 and widths of 306: at 370 x 1224 `garg` lacks
            row 366 and has column 43 besides.
        eigen_exact: Rows 123 to 337 and the same columns, as exact fractions.
        nyu: Rows 45 to 470, columns 41 to 600 of 480 x 640, where the Kinect's depth was registered, as fractions.
        nyu_pixels: The same rows and columns of an image of any size, as ZoeDepth's evaluation has it.
    """

    none = "none"
    garg = "garg"
    eigen = "eigen"
    nyu = "nyu"
    garg_exact = "garg_exact"
    eigen_exact = "eigen_exact"
    nyu_pixels = "nyu_pixels"


class Alignment(Enum):
    """Fit to the ground truth, per image, before scoring."""

    none = "none"
    median = "median"
    lstsq_depth = "lstsq_depth"
    lstsq_inv_depth = "lstsq_inv_depth"


class Resize(Enum):
    """Interpolation of a prediction to the ground truth's size."""

    bilinear = "bilinear"
    nearest = "nearest"


_ENUMS: dict[str, type[Enum]] = {
    "ground_truth": GroundTruth,
    "crop": Crop,
    "alignment": Alignment,
    "resize": Resize,
}


@dataclass
class Protocol:
    """Everything that decides a metric besides the prediction.

    Attributes:
        split: Name of the test split, as the data set knows it.
        ground_truth: Source of the ground-truth depth.
        crop: Scored region of the full-resolution ground truth.
        min_depth_m: Ground truth below it is masked, predictions are raised to it. Metres.
        cap_m: Ground truth above it is masked, predictions are lowered to it. Metres.
        alignment: Per-image fit to the ground truth.
        resize: Interpolation of the prediction to the ground truth's size.
        flip_average: Whether a prediction is the mean of the image's and of its mirror image's, mirrored back. Belongs
            to the prediction: predictions that are saved cannot be scored with and without.

    A name such as "garg" does for a member of an enumeration.

    Raises:
        UserError: If a value is unknown, or the depth range is empty.
    """

    split: str = "test"
    ground_truth: GroundTruth = GroundTruth.raw_cam_z
    crop: Crop = Crop.garg
    min_depth_m: float = 1.0
    cap_m: float = 50.0
    alignment: Alignment = Alignment.none
    resize: Resize = Resize.bilinear
    flip_average: bool = field(default=False, metadata=_LATER)

    def __post_init__(self) -> None:
        """Turn names into members; check all values."""
        for key, enum in _ENUMS.items():
            try:
                setattr(self, key, enum(getattr(self, key)))
            except ValueError:
                known = ", ".join(member.value for member in enum)
                raise UserError(f"eval.{key}: unknown {getattr(self, key)!r}, choose from {known}") from None
        if not isinstance(self.flip_average, bool):
            raise UserError(f"eval.flip_average must be true or false, got {self.flip_average!r}")
        try:
            in_order = 0 < self.min_depth_m < self.cap_m
        except TypeError:
            in_order = False
        if not in_order:
            raise UserError(
                f"eval: need 0 < min_depth_m < cap_m, got min_depth_m={self.min_depth_m!r} and cap_m={self.cap_m!r}"
            )

    def describe(self) -> str:
        """One line for the foot of a table."""
        return (
            f"split {self.split}, ground truth {self.ground_truth.value}, crop {self.crop.value}, "
            f"depth {self.min_depth_m:g}–{self.cap_m:g} m, alignment {self.alignment.value}, "
            f"predictions resized {self.resize.value} to the ground truth"
            + (", averaged with the mirror image's prediction" if self.flip_average else "")
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `Protocol.from_dict` reads them back.

        A setting that came later is left out while it is off, so that older results keep their text.
        """
        values = {k: v.value if isinstance(v, Enum) else v for k, v in dataclasses.asdict(self).items()}
        return without_later(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Protocol:
        """Inverse of `as_dict`."""
        typed: dict[str, Any] = {k: _ENUMS[k](v) if k in _ENUMS else v for k, v in values.items()}
        return cls(**typed)


def without_later(values: Mapping[str, Any]) -> dict[str, Any]:
    """A protocol's values without the settings that came later and are off."""
    later = {f.name for f in dataclasses.fields(Protocol) if "later" in f.metadata}
    return {k: v for k, v in values.items() if k not in later or v}


@dataclass(frozen=True)
class Classification:
    """Everything that decides the accuracy of a classifier besides its prediction.

    Attributes:
        split: Part of the data set.
        size: (height, width) that whole images are resized to.
        classes: Number of classes.
    """

    split: str
    size: tuple[int, int]
    classes: int

    def describe(self) -> str:
        """One line for the foot of a table."""
        height, width = self.size
        return f"split {self.split}, {self.classes} classes, whole images resized to {height}x{width}, one view of each"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `read_protocol` reads them back."""
        return {"split": self.split, "size": list(self.size), "classes": self.classes}


def read_protocol(values: Mapping[str, Any]) -> Protocol | Classification:
    """The protocol of a summary.

    Raises:
        TypeError, ValueError: If a key or value is unknown.
    """
    if "classes" in values:
        return Classification(str(values["split"]), tuple(values["size"]), int(values["classes"]))
    return Protocol.from_dict(dict(values))
