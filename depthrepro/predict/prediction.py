"""Predictions of photographs: numbers that know what they mean, the way from them to metres, and their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.core.files import replacing, write_json
from depthrepro.inference.predictions import Floats, Kind, Prediction, to_depth
from depthrepro.predict.camera import NO_CAMERA, NO_METRES, Camera
from depthrepro.predict.colour import ColourScale, pictures, robust_range, sample, write_picture
from depthrepro.predict.png16 import write_png16
from depthrepro.predict.point_cloud import back_project, check_cloud, depth_edges
from depthrepro.predict.settings import FORMATS
from depthrepro.predict.store import output_files, sidecar_path


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
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Path]:
        """Write the prediction, and last a JSON file that says what the numbers are: where it is, everything is.

        Args:
            stem: Path without an ending: "out/street" gives out/street_depth16.png, out/street_color.png and so on.
            formats: Some of png16, npy, color, side_by_side and ply.
            value_range: (least, largest) value of the colours; None = the 2nd and 98th percentile of this image.
            colormap: Name of a matplotlib colour map.
            legend: Whether colour pictures get a bar with numbers.
            camera: For ply.
            edges: For ply: see `point_cloud.depth_edges`; 0 keeps everything.
            max_depth_m: For ply: what is farther is left out.
            extra: Further entries of the JSON file.

        Returns:
            Format → file.

        Raises:
            UserError: If a format is unknown, the prediction has no metres for a point cloud, or a file cannot be
                written.
        """
        for name in formats:
            if name not in FORMATS:
                raise UserError(f"save={name}{did_you_mean(name, FORMATS)}")
        stem = Path(stem)
        files = output_files(stem, formats)
        about = describe(self)
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            sidecar_path(stem).unlink(missing_ok=True)
            if "npy" in files:
                with replacing(files["npy"]) as beside, beside.open("wb") as file:
                    np.save(file, self.values)
            if "png16" in files:
                about["png16"] = write_png16(files["png16"], self.values, self.kind)
            if "color" in files or "side_by_side" in files:
                about["color"] = self._save_pictures(files, value_range, colormap, legend)
            if "ply" in files:
                about["ply"] = self._save_cloud(files["ply"], camera or Camera(), edges, max_depth_m)
            about["files"] = {name: path.name for name, path in files.items()}
            write_json(sidecar_path(stem), {**about, **(extra or {})})
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"{stem}: the results cannot be written ({reason}); give another name or folder") from None
        return files

    def _save_pictures(
        self, files: Mapping[str, Path], value_range: tuple[float, float] | None, colormap: str, legend: bool
    ) -> dict[str, Any]:
        scale = ColourScale(self.kind, *(value_range or robust_range([sample(self.values)])), colormap)
        for name, picture in pictures(self.values, self.image, scale, tuple(files), legend).items():
            write_picture(files[name], picture)
        return {
            "range": [scale.low, scale.high],
            "range_is": "fixed" if value_range else "of this image",
            "colormap": colormap,
            "legend_below": legend,
        }

    def _save_cloud(self, path: Path, camera: Camera, edges: float, max_depth_m: float) -> dict[str, Any]:
        check_cloud(self.kind, camera)
        depth = self.to_depth().values
        size = (depth.shape[0], depth.shape[1])
        intrinsics = camera.at(size, self.name)
        assert intrinsics is not None
        rows, columns = (max(1, round(own / fed)) for own, fed in zip(size, self.input_size, strict=True))
        near = np.isfinite(depth) & (depth > 0) & (depth <= max_depth_m)
        keep = near & ~depth_edges(depth, edges, (rows, columns))
        with replacing(path) as beside:
            beside.write_bytes(back_project(depth, self.image, intrinsics, keep).export(file_type="ply"))
        return {
            "points": int(keep.sum()),
            "farther_than_max_depth": int(depth.size - near.sum()),
            "at_depth_edges": int(near.sum() - keep.sum()),
            "max_depth_m": max_depth_m,
            "edges": edges,
            "intrinsics": dataclasses.asdict(intrinsics),
            "axes": "x right, y down, z forward",
        }


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
