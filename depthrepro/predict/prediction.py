"""Predictions of photographs: numbers that know what they mean, the way from them to metres, and their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.config.cli import did_you_mean
from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing, write_json
from depthrepro.inference.predictions import Floats, Kind, Prediction, to_depth
from depthrepro.predict.camera import NO_CAMERA, NO_METRES, Camera
from depthrepro.predict.colour import ColourScale, pictures, robust_range, sample, write_picture
from depthrepro.predict.png16 import write_png16
from depthrepro.predict.point_cloud import check_cloud, write_cloud
from depthrepro.predict.settings import FORMATS
from depthrepro.predict.store import output_files, sidecar_path


@dataclass(frozen=True)
class OutputOptions:
    """Formats and their options; see `ImagePrediction.save`."""

    formats: Sequence[str]
    value_range: tuple[float, float] | None = None
    colormap: str = "inferno"
    legend: bool = True
    camera: Camera = field(default_factory=Camera)
    edges: float = 0.1
    max_depth_m: float = 100.0

    def __post_init__(self) -> None:
        """Check the formats."""
        for name in self.formats:
            if name not in FORMATS:
                raise UserError(f"save={name}{did_you_mean(name, FORMATS)}")


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


def write_outputs(
    prediction: ImagePrediction, stem: Path, options: OutputOptions, extra: Mapping[str, Any] | None = None
) -> dict[str, Path]:
    """Write one prediction in every format, and the JSON file last: where it is, everything is.

    Args:
        prediction: One image's.
        stem: Path without an ending.
        options: Formats and their options.
        extra: Further entries of the JSON file.

    Returns:
        Format → file.

    Raises:
        UserError: If a point cloud is asked for that cannot be, or a file cannot be written.
    """
    files = output_files(stem, options.formats)
    about = describe(prediction)
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        sidecar_path(stem).unlink(missing_ok=True)
        if "npy" in files:
            with replacing(files["npy"]) as beside, beside.open("wb") as file:
                np.save(file, prediction.values)
        if "png16" in files:
            about["png16"] = write_png16(files["png16"], prediction.values, prediction.kind)
        if "color" in files or "side_by_side" in files:
            about["color"] = _write_pictures(prediction, files, options)
        if "ply" in files:
            about["ply"] = _write_cloud(prediction, files["ply"], options)
        about["files"] = {name: file.name for name, file in files.items()}
        write_json(sidecar_path(stem), {**about, **(extra or {})})
    except OSError as error:
        raise UserError(f"{stem}: the results cannot be written ({error.strerror or error})") from None
    return files


def describe(prediction: ImagePrediction) -> dict[str, Any]:
    """Meaning and origin of a prediction's numbers, for the JSON file."""
    made_from = prediction.made_from
    return {
        "image": prediction.name,
        "size": {"height": prediction.values.shape[0], "width": prediction.values.shape[1]},
        "kind": prediction.kind.value,
        "unit": prediction.unit,
        "near_is": prediction.near_is,
        "metric": prediction.kind is not Kind.affine_inv_depth,
        # Nothing is ever fitted to the image: scale and shift are the person's, or there are none.
        "alignment": "given" if "scale" in made_from else "none",
        "scale": made_from.get("scale"),
        "shift": made_from.get("shift"),
        "made_from": dict(made_from),
        "input": {"height": prediction.input_size[0], "width": prediction.input_size[1]},
        **prediction.network,
    }


def _write_pictures(prediction: ImagePrediction, files: Mapping[str, Path], options: OutputOptions) -> dict[str, Any]:
    values, image = prediction.values, prediction.image
    scale = ColourScale(prediction.kind, *(options.value_range or robust_range([sample(values)])), options.colormap)
    for name, picture in pictures(values, image, scale, tuple(files), options.legend).items():
        write_picture(files[name], picture)
    return {
        "range": [scale.low, scale.high],
        "range_is": "fixed" if options.value_range else "of this image",
        "colormap": scale.colormap,
        "legend_below": options.legend,
    }


def _write_cloud(prediction: ImagePrediction, path: Path, options: OutputOptions) -> dict[str, Any]:
    check_cloud(prediction.kind, options.camera)
    if prediction.kind is not Kind.depth:
        prediction = prediction.to_depth()
    depth = prediction.values
    size = (depth.shape[0], depth.shape[1])
    camera = options.camera.at(size, prediction.name)
    assert camera is not None
    rows, columns = (max(1, round(own / fed)) for own, fed in zip(size, prediction.input_size, strict=True))
    limits = {"edges": options.edges, "max_depth_m": options.max_depth_m}
    return write_cloud(path, depth, prediction.image, camera, reach=(rows, columns), **limits)
