"""Which numbers are written: the network's own, or metres where what was typed leads to metres."""

from __future__ import annotations

from dataclasses import dataclass

from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Kind
from depthrepro.predict.camera import Camera, Intrinsics
from depthrepro.predict.prediction import NO_CAMERA, Prediction
from depthrepro.predict.settings import Settings


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

    def __call__(self, prediction: Prediction, size: tuple[int, int]) -> Prediction:
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
