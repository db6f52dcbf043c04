"""The files of one prediction, and the JSON file beside them that says what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depthrepro.config.cli import did_you_mean
from depthrepro.core.errors import UserError
from depthrepro.core.files import replacing, write_json
from depthrepro.inference.predictions import Kind
from depthrepro.predict.camera import Camera
from depthrepro.predict.colour import ColourScale, robust_range, sample, side_by_side, with_legend
from depthrepro.predict.png16 import write_png16
from depthrepro.predict.point_cloud import back_project, depth_edges, write_ply
from depthrepro.predict.prediction import NO_CAMERA, NO_METRES, ImagePrediction
from depthrepro.predict.settings import FORMATS

ENDINGS = {
    "png16": "_depth16.png",
    "npy": ".npy",
    "color": "_color.png",
    "side_by_side": "_side_by_side.jpg",
    "ply": ".ply",
}
JPEG_QUALITY = 93
NO_CLOUD_CAMERA = (
    "a point cloud needs the camera: intrinsics=fx,fy,cx,cy in pixels of the image, or fov=DEGREES (horizontal; about "
    "65 for a phone's main camera)"
)


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


def check_cloud(kind: Kind, camera: Camera) -> None:
    """Refuse a point cloud that cannot be: of a prediction without metres, or without a camera.

    Raises:
        UserError: The message names how to fix it.
    """
    if kind in (Kind.affine_inv_depth, Kind.disp_frac):
        raise UserError(f"save=ply: {NO_METRES if kind is Kind.affine_inv_depth else NO_CAMERA}")
    if not camera.known:
        raise UserError(f"save=ply: {NO_CLOUD_CAMERA}")


def output_files(stem: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Format → file; the endings follow the whole name, which may contain dots."""
    return {name: stem.with_name(stem.name + ENDINGS[name]) for name in formats}


def sidecar_path(stem: Path) -> Path:
    """The JSON file beside the results."""
    return stem.with_name(stem.name + ".json")


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


def colour_scale(prediction: ImagePrediction, options: OutputOptions) -> ColourScale:
    """The scale that is asked for, or the image's own."""
    low, high = options.value_range or robust_range([sample(prediction.values)])
    return ColourScale(prediction.kind, low, high, options.colormap)


def pictures(
    prediction: ImagePrediction, scale: ColourScale, formats: Sequence[str], legend: bool
) -> dict[str, NDArray[np.uint8]]:
    """The colour pictures among `formats`, RGB uint8."""
    painted = scale.paint(prediction.values)
    shown = {"color": painted}
    if "side_by_side" in formats:
        shown["side_by_side"] = side_by_side(prediction.image, painted)
    return {
        name: with_legend(picture, scale) if legend else picture for name, picture in shown.items() if name in formats
    }


def _write_pictures(prediction: ImagePrediction, files: Mapping[str, Path], options: OutputOptions) -> dict[str, Any]:
    scale = colour_scale(prediction, options)
    for name, picture in pictures(prediction, scale, tuple(files), options.legend).items():
        write_picture(files[name], picture)
    return {
        "range": [scale.low, scale.high],
        "range_is": "fixed" if options.value_range else "of this image",
        "colormap": scale.colormap,
        "legend_below": options.legend,
    }


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write RGB uint8 (H, W, 3) as PNG or JPEG.

    Raises:
        OSError: If it cannot be encoded or written.
    """
    jpeg = path.suffix == ".jpg"
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if jpeg else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise OSError(f"a picture of {picture.shape[1]}x{picture.shape[0]} pixels cannot be a {path.suffix[1:]} file")
    with replacing(path) as beside:
        beside.write_bytes(data.tobytes())


def _write_cloud(prediction: ImagePrediction, path: Path, options: OutputOptions) -> dict[str, Any]:
    check_cloud(prediction.kind, options.camera)
    if prediction.kind is not Kind.depth:
        prediction = prediction.to_depth()
    size = (prediction.values.shape[0], prediction.values.shape[1])
    camera = options.camera.at(size, prediction.name)
    assert camera is not None
    reach = tuple(max(1, round(own / fed)) for own, fed in zip(size, prediction.input_size, strict=True))
    depth = prediction.values
    near = np.isfinite(depth) & (depth > 0) & (depth <= options.max_depth_m)
    keep = near & ~depth_edges(depth, options.edges, (reach[0], reach[1]))
    write_ply(path, back_project(depth, prediction.image, camera, keep))
    return {
        "points": int(keep.sum()),
        "farther_than_max_depth": int(depth.size - near.sum()),
        "at_depth_edges": int(near.sum() - keep.sum()),
        "max_depth_m": options.max_depth_m,
        "edges": options.edges,
        "intrinsics": camera.as_dict(),
        "axes": "x right, y down, z forward",
    }


def read_sidecar(stem: Path) -> dict[str, Any] | None:
    """The JSON file beside the results, None if it is missing or damaged."""
    try:
        value = json.loads(sidecar_path(stem).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
