"""The common part of predicting a folder and a video: the network, the options, and the range of the colours."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Kind
from depthrepro.predict.camera import NO_CAMERA, Camera, Intrinsics
from depthrepro.predict.colour import ColourScale, colour_table, robust_range, sample
from depthrepro.predict.point_cloud import check_cloud
from depthrepro.predict.prediction import ImagePrediction, OutputOptions
from depthrepro.predict.predictor import Predictor
from depthrepro.predict.settings import Settings
from depthrepro.predict.store import RangeRecord, RawStore, digest

Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = min(4, max(2, (os.cpu_count() or 2) // 2))  # threads that decode and encode pictures
SAMPLED_MAPS = 256  # maps that a range is made from, evenly spread over the folder or clip
NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


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


@dataclass(frozen=True)
class Job:
    """Settings, network and everything that follows from the two before the first image is read.

    Raises:
        UserError: If the settings do not fit the network.
    """

    settings: Settings
    predictor: Predictor

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is computed."""
        colour_table(self.settings.colormap)
        conversion = self.conversion
        if "ply" in self.settings.save:
            check_cloud(conversion.result, conversion.camera)
        if isinstance(self.settings.range, tuple):
            ColourScale(conversion.result, *self.settings.range)

    @cached_property
    def conversion(self) -> Conversion:
        """From the network's numbers to those that are written."""
        return Conversion.of(self.settings, self.predictor.kind)

    @property
    def coloured(self) -> bool:
        """Whether any picture needs a range of colours."""
        return bool({"color", "side_by_side"} & set(self.settings.save))

    @cached_property
    def identity(self) -> str:
        """Changes with everything that the numbers depend on beside the image."""
        s, network = self.settings, self.predictor.network
        camera = [s.intrinsics, s.intrinsics_size, s.fov, s.baseline_m]
        return digest(network.sha256, network.level, network.transform.as_dict(), s.scale, s.shift, camera)

    @cached_property
    def store(self) -> RawStore:
        """Raw outputs that wait to be written."""
        network = self.predictor.network
        return RawStore(self.settings.output, digest(network.sha256, network.level, network.transform.as_dict()))

    def record(self, scope: str) -> RangeRecord:
        """Where the shared range is recorded; `scope` tells folders and clips apart."""
        return RangeRecord(self.settings.output, digest(self.identity, scope))

    def options(self, value_range: tuple[float, float] | None) -> OutputOptions:
        """Options of the files, with colours in `value_range`."""
        s = self.settings
        return OutputOptions(s.save, value_range, s.colormap, s.legend, self.conversion.camera, s.edges, s.max_depth_m)

    def recipe(self, stamp: str, value_range: tuple[float, float] | None) -> str:
        """Changes with everything that the files of one image depend on."""
        s = self.settings
        look = [s.colormap, s.legend, value_range, s.range == "image"] if self.coloured else []
        return digest(self.identity, stamp, sorted(s.save), look, [s.edges, s.max_depth_m] if "ply" in s.save else [])

    def range_of(self, keys: Iterable[str]) -> tuple[float, float]:
        """The range of the maps in the store, as they are written.

        Raises:
            UserError: If there is no finite value.
        """
        samples = []
        for key in keys:
            found = self.store.load(key)
            if found is not None:
                raw, size = found
                blank = ImagePrediction(key, self.predictor.kind, {"": raw}, NO_PIXELS, raw.shape[:2])
                try:
                    samples.append(sample(self.conversion(blank, size).values))
                except UserError:  # of this image alone; it is told when the image is written
                    continue
        return robust_range(samples)

    def finish(self, raw: NDArray[np.float32], image: NDArray[np.uint8], name: str) -> ImagePrediction:
        """The prediction that is written, from a raw output and its image."""
        return self.conversion(self.predictor.finish(raw, image, name), (image.shape[0], image.shape[1]))


def in_background(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int = WORKERS
) -> Iterator[tuple[Item, Result | UserError]]:
    """Results in order, computed by a few threads a little ahead of the reader; a person's mistake is a result too."""

    def guarded(item: Item) -> Result | UserError:
        try:
            return work(item)
        except UserError as error:
            return error

    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[tuple[Item, Future[Result | UserError]]] = deque()
        try:
            for item in items:
                ahead.append((item, pool.submit(guarded, item)))
                if len(ahead) > workers:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:
                future.cancel()


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` items, evenly spread."""
    if len(items) <= count:
        return list(items)
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]
