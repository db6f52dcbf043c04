"""The camera of a photograph: focal length and principal point in pixels, and how they follow the image's size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from depthrepro.core.errors import UserError
from depthrepro.core.geometry import scale_K

_WIDEST_DEGREES = 160.0  # beyond, a pinhole camera is no camera any more
_ASPECT_TOLERANCE = 0.01
NO_METRES = (
    "this network predicts inverse depth up to an unknown scale and shift, so there are no metres; ways out: give both "
    "(scale=S shift=T, with 1 / depth = S * value + T), or use a network with a metric head"
)
NO_CAMERA = (
    "this network predicts stereo disparity as a share of the image's width; for metres give the camera "
    "(intrinsics=fx,fy,cx,cy in pixels, or fov=DEGREES) and baseline_m=B of the pairs that it was trained on"
)
NO_CLOUD_CAMERA = (
    "a point cloud needs the camera: intrinsics=fx,fy,cx,cy in pixels of the image, or fov=DEGREES (horizontal; about "
    "65 for a phone's main camera)"
)


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera in pixels of one image; pixel centres lie at integer coordinates.

    Attributes:
        fx: Horizontal focal length, > 0.
        fy: Vertical focal length, > 0.
        cx: Column of the principal point.
        cy: Row of the principal point.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def from_fov(cls, degrees: float, size: tuple[int, int]) -> Intrinsics:
        """Horizontal field of view; square pixels, principal point in the middle of `size` = (height, width)."""
        height, width = size
        focal = width / 2 / math.tan(math.radians(degrees) / 2)
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2)

    def resized(self, size: tuple[int, int], new_size: tuple[int, int]) -> Intrinsics:
        """The camera of the image resized from `size` to `new_size`, both (height, width)."""
        K = np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])
        K = scale_K(K, new_size[1] / size[1], new_size[0] / size[0])
        return Intrinsics(float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]))


@dataclass(frozen=True)
class Camera:
    """The camera of all images of a job, as far as it is known.

    Attributes:
        intrinsics: In pixels of an image of `size`; None = unknown, or given by `fov`.
        size: (height, width) that the intrinsics belong to; None = each image's own.
        fov: Horizontal field of view in degrees; None = unknown, or given by `intrinsics`.
        baseline_m: Distance in metres between the two cameras of the training pairs, for networks that predict
            disparity; None = unknown.
    """

    intrinsics: Intrinsics | None = None
    size: tuple[int, int] | None = None
    fov: float | None = None
    baseline_m: float | None = None

    @property
    def known(self) -> bool:
        """Whether `at` has an answer."""
        return self.intrinsics is not None or self.fov is not None

    def at(self, size: tuple[int, int], name: str) -> Intrinsics | None:
        """The intrinsics of an image of `size` = (height, width); None if nothing is known.

        Raises:
            UserError: If they cannot belong to an image of that size; the message begins with `name`.
        """
        if self.fov is not None:
            return Intrinsics.from_fov(self.fov, size)
        camera = self.intrinsics
        if camera is None:
            return None
        if self.size is not None and self.size != size:
            stretch = (size[1] / self.size[1]) / (size[0] / self.size[0])
            if abs(stretch - 1) > _ASPECT_TOLERANCE:
                raise UserError(
                    f"{name}: {size[1]}x{size[0]} pixels have another aspect than intrinsics_size={self.size[1]},"
                    f"{self.size[0]}: the image was cropped or turned; give its own intrinsics or fov=DEGREES"
                )
            camera = camera.resized(self.size, size)
        return _checked(camera, size, name)


def _checked(camera: Intrinsics, size: tuple[int, int], name: str) -> Intrinsics:
    """`camera`, unless it is in millimetres or belongs to an image of another size: the usual mistakes."""
    height, width = size
    degrees = 2 * math.degrees(math.atan(width / 2 / camera.fx))
    if degrees > _WIDEST_DEGREES:
        raise UserError(
            f"{name}: fx={camera.fx:g} sees {degrees:.0f} degrees of an image {width} pixels wide; intrinsics are in "
            "pixels of the image (millimetres * width / sensor width), or give fov=DEGREES"
        )
    if not (0.25 * width <= camera.cx <= 0.75 * width and 0.25 * height <= camera.cy <= 0.75 * height):
        raise UserError(
            f"{name}: the principal point ({camera.cx:g}, {camera.cy:g}) is far from the middle of {width}x{height} "
            "pixels; say which size the intrinsics belong to with intrinsics_size=WIDTH,HEIGHT"
        )
    return camera
