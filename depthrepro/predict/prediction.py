"""Predictions of photographs: numbers that know what they mean, the way from them to metres, and their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Floats, Kind, Prediction, to_depth
from depthrepro.predict.camera import Camera, Intrinsics
from depthrepro.predict.settings import Settings

NO_METRES = (
    "this network predicts inverse depth up to an unknown scale and shift, so there are no metres; ways out: give both "
    "(scale=S shift=T, with 1 / depth = S * value + T), or use a network with a metric head"
)
NO_CAMERA = (
    "this network predicts stereo disparity as a share of the image's width; for metres give the camera "
    "(intrinsics=fx,fy,cx,cy in pixels, or fov=DEGREES) and baseline_m=B of the pairs that it was trained on"
)


@dataclass(frozen=True)
class ImagePrediction(Prediction):
    """Depth of one image, in the image's own size, in the one output of `levels`.

    Attributes:
        image: The image, RGB uint8 (H, W, 3).
        input_size: (height, width) of the network's input.
        network: The checkpoint's name and digest, the network's class and arguments, and its output.
        made_from: How metres were made from another kind; {} if the numbers are the network's own.
    """

    image: NDArray[np.uint8]
    input_size: tuple[int, int]
    network: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> NDArray[np.float32]:
        """(H, W) float32, in the unit of `kind`; depth is inf where disparity or inverse depth is not positive."""
        (values,) = self.levels.values()
        return values

    @property
    def name(self) -> str:
        """The image's name, for messages and for the file beside the results."""
        return self.id

    def to_depth(
        self,
        scale: float | None = None,
        shift: float | None = None,
        *,
        focal_px: float | None = None,
        baseline_m: float | None = None,
    ) -> ImagePrediction:
        """The same image in metres along the optical axis.

        Args:
            scale: Of relative inverse depth: 1 / depth = scale * value + shift, in 1/m.
            shift: Likewise.
            focal_px: Of predicted disparity: horizontal focal length in pixels of this image.
            baseline_m: Of predicted disparity: distance in metres of the stereo pairs that the network was trained on.

        Returns:
            A prediction of kind `depth`; inf where disparity or inverse depth is not positive (infinitely far).

        Raises:
            UserError: If what is needed is not given, is not positive, or does not apply to this kind.
        """
        given = {"scale": scale, "shift": shift, "focal_px": focal_px, "baseline_m": baseline_m}
        needed = {Kind.affine_inv_depth: ("scale", "shift"), Kind.disp_frac: ("focal_px", "baseline_m")}
        wanted = needed.get(self.kind, ())
        if any(given[key] is None for key in wanted):
            raise UserError(f"{self.name}: {NO_METRES if 'scale' in wanted else NO_CAMERA}")
        too_much = [key for key, value in given.items() if value is not None and key not in wanted]
        if too_much:
            raise UserError(f"{self.name}: {too_much[0]} does not apply to a prediction in {self.unit}")
        if any(not given[key] > 0 for key in wanted if key != "shift"):  # type: ignore[operator]
            raise UserError(f"{self.name}: {' and '.join(k for k in wanted if k != 'shift')} must be positive")
        if self.kind is Kind.depth:
            return self
        made_from = {"kind": self.kind.value, "unit": self.unit, **{key: given[key] for key in wanted}}
        levels = {name: self._depth(values, given) for name, values in self.levels.items()}
        return dataclasses.replace(self, levels=levels, kind=Kind.depth, made_from=made_from)

    def _depth(self, values: Floats, given: Mapping[str, Any]) -> NDArray[np.float32]:
        if self.kind is Kind.affine_inv_depth:
            inverse = given["scale"] * values.astype(np.float64) + given["shift"]
            return to_depth(inverse, Kind.inv_depth).astype(np.float32)
        stereo_m = given["focal_px"] / values.shape[1] * given["baseline_m"] if self.kind is Kind.disp_frac else None
        return to_depth(values, self.kind, stereo_m).astype(np.float32)

    def save(
        self,
        stem: str | Path,
        formats: Sequence[str] = ("png16", "color"),
        *,
        value_range: tuple[float, float] | None = None,
        colormap: str = "inferno",
        legend: bool = True,
        camera: Camera | None = None,
        edges: float = 0.1,
        max_depth_m: float = 100.0,
    ) -> dict[str, Path]:
        """Write the prediction, and beside it a JSON file that says what the numbers are.

        Args:
            stem: Path without an ending: "out/street" gives out/street_depth16.png, out/street_color.png and so on.
            formats: Some of png16, npy, color, side_by_side and ply.
            value_range: (least, largest) value of the colours; None = the 2nd and 98th percentile of this image.
            colormap: Name of a matplotlib colour map.
            legend: Whether colour pictures get a bar with numbers.
            camera: For ply.
            edges: For ply: see `point_cloud.depth_edges`; 0 keeps everything.
            max_depth_m: For ply: what is farther is left out.

        Returns:
            Format → file.

        Raises:
            UserError: If a format is unknown, the prediction has no metres for a point cloud, or a file cannot be
                written.
        """
        from depthrepro.predict.writers import OutputOptions, write_outputs

        options = OutputOptions(
            formats=tuple(formats),
            value_range=value_range,
            colormap=colormap,
            legend=legend,
            camera=camera or Camera(),
            edges=edges,
            max_depth_m=max_depth_m,
        )
        return write_outputs(self, Path(stem), options)


@dataclass(frozen=True)
class Conversion:
    """From a network's predictions to those that are written.

    Attributes:
        kind: Of the network.
        camera: Of the images.
        scale: Of relative inverse depth, with `shift`; None = unknown.
        shift: Likewise.

    Raises:
        UserError: If something was typed that this kind cannot use, or half of what it needs.
    """

    kind: Kind
    camera: Camera
    scale: float | None = None
    shift: float | None = None

    def __post_init__(self) -> None:
        """Check that nothing typed is left without effect."""
        if self.scale is not None and self.kind is not Kind.affine_inv_depth:
            raise UserError(f"scale= and shift= are for relative depth; this network predicts {self.kind.unit}")
        if self.camera.baseline_m is not None and self.kind is not Kind.disp_frac:
            raise UserError(f"baseline_m= is for predicted disparity; this network predicts {self.kind.unit}")
        if self.camera.baseline_m is not None and not self.camera.known:
            raise UserError(f"baseline_m= alone gives no metres: {NO_CAMERA}")

    @classmethod
    def of(cls, settings: Settings, kind: Kind) -> Conversion:
        """The conversion that was typed."""
        intrinsics = None if settings.intrinsics is None else Intrinsics(*settings.intrinsics)
        camera = Camera(intrinsics, settings.intrinsics_size, settings.fov, settings.baseline_m)
        return cls(kind, camera, settings.scale, settings.shift)

    @property
    def result(self) -> Kind:
        """Kind of what is written."""
        metres = self.scale is not None or self.camera.baseline_m is not None
        return Kind.depth if metres else self.kind

    def __call__(self, prediction: ImagePrediction, size: tuple[int, int]) -> ImagePrediction:
        """The prediction that is written.

        Args:
            prediction: The network's, at any size.
            size: (height, width) of the image, to which the camera belongs.

        Raises:
            UserError: If the camera cannot be that of the image.
        """
        if self.result is self.kind:
            return prediction
        if self.kind is Kind.affine_inv_depth:
            return prediction.to_depth(self.scale, self.shift)
        camera = self.camera.at(size, prediction.name)
        assert camera is not None
        focal_px = camera.fx * prediction.values.shape[1] / size[1]
        return prediction.to_depth(focal_px=focal_px, baseline_m=self.camera.baseline_m)
