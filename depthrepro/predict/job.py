"""The common part of predicting a folder and a video: the network, the options, and the range of the colours."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from depthrepro.config.cli import tracebacks_wanted
from depthrepro.core.errors import UserError
from depthrepro.inference.predictions import Kind
from depthrepro.predict.camera import NO_CAMERA, Camera, Intrinsics
from depthrepro.predict.colour import ColourScale, colour_table, robust_range, sample
from depthrepro.predict.inputs import Source
from depthrepro.predict.point_cloud import check_cloud
from depthrepro.predict.prediction import ImagePrediction
from depthrepro.predict.predictor import Predictor
from depthrepro.predict.settings import Settings
from depthrepro.predict.store import RawStore, digest, read_sidecar

Result = TypeVar("Result")
WORKERS = min(4, max(2, (os.cpu_count() or 2) // 2))  # threads that decode and encode pictures
SAMPLED_MAPS = 256  # maps that a range is made from, evenly spread over the folder or clip
NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True)
class Job:
    """Settings, network and everything that follows from the two before the first image is read.

    Raises:
        UserError: If something was typed that this network cannot use, or half of what it needs.
    """

    settings: Settings
    predictor: Predictor

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is computed, and what would have no effect."""
        s, network = self.settings, self.predictor.kind
        if s.scale is not None and network is not Kind.affine_inv_depth:
            raise UserError(f"scale= and shift= are for relative depth; this network predicts {network.unit}")
        if s.baseline_m is not None and network is not Kind.disp_frac:
            raise UserError(f"baseline_m= is for predicted disparity; this network predicts {network.unit}")
        if s.baseline_m is not None and not self.camera.known:
            raise UserError(f"baseline_m= alone gives no metres: {NO_CAMERA}")
        colour_table(s.colormap)
        if "ply" in s.save:
            check_cloud(self.kind, self.camera)
        if self.typed_range:
            ColourScale(self.kind, *self.typed_range)

    @cached_property
    def camera(self) -> Camera:
        """The camera that was typed, as far as it was."""
        s = self.settings
        intrinsics = None if s.intrinsics is None else Intrinsics(*s.intrinsics)
        return Camera(intrinsics, s.intrinsics_size, s.fov, s.baseline_m)

    @property
    def kind(self) -> Kind:
        """Kind of what is written."""
        metres = self.settings.scale is not None or self.settings.baseline_m is not None
        return Kind.depth if metres else self.predictor.kind

    @property
    def coloured(self) -> bool:
        """Whether any picture needs a range of colours."""
        return bool({"color", "side_by_side"} & set(self.settings.save))

    @property
    def typed_range(self) -> tuple[float, float] | None:
        """The range of colours, where numbers were typed."""
        return self.settings.range if isinstance(self.settings.range, tuple) else None

    @cached_property
    def identity(self) -> str:
        """Changes with everything that the numbers depend on beside the image."""
        s, network = self.settings, self.predictor.network
        camera = [s.intrinsics, s.intrinsics_size, s.fov, s.baseline_m]
        return digest(network.identity, s.scale, s.shift, camera)

    @cached_property
    def store(self) -> RawStore:
        """Raw outputs that wait to be written."""
        return RawStore(self.settings.output, digest(self.predictor.network.identity))

    def recipe(self, stamp: str, value_range: tuple[float, float] | None) -> str:
        """Changes with everything that the files of one image depend on."""
        s = self.settings
        look = [s.colormap, s.legend, value_range, s.range == "image"] if self.coloured else []
        return digest(self.identity, stamp, sorted(s.save), look, [s.edges, s.max_depth_m] if "ply" in s.save else [])

    def is_complete(self, stem: Path, recipe: str) -> bool:
        """Whether every file of one image or video is there and was made by `recipe`."""
        about = read_sidecar(stem)
        files = about.get("files")
        if self.settings.overwrite or about.get("recipe") != recipe or not isinstance(files, dict):
            return False
        return all((stem.parent / str(name)).exists() for name in files.values())

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
                    samples.append(sample(self._converted(blank, size).values))
                except UserError:  # of this image alone; it is told when the image is written
                    continue
        return robust_range(samples)

    def say_range(self, value_range: tuple[float, float], where: str) -> None:
        """Tell the range of colours."""
        print(f"range      {value_range[0]:.4g} to {value_range[1]:.4g} {self.kind.unit}, for every {where}")

    def finish(self, raw: NDArray[np.float32], image: NDArray[np.uint8], name: str) -> ImagePrediction:
        """The prediction that is written, from a raw output and its image.

        Raises:
            UserError: If the output is not finite, or the camera cannot be that of the image.
        """
        return self._converted(self.predictor.finish(raw, image, name), (image.shape[0], image.shape[1]))

    def options(self, value_range: tuple[float, float] | None) -> dict[str, Any]:
        """Arguments of `ImagePrediction.save` as they were typed, with colours in `value_range`."""
        s = self.settings
        look = {"value_range": value_range, "colormap": s.colormap, "legend": s.legend}
        return look | {"camera": self.camera, "edges": s.edges, "max_depth_m": s.max_depth_m}

    def _converted(self, prediction: ImagePrediction, size: tuple[int, int]) -> ImagePrediction:
        """The network's prediction, at any size, in the kind that is written; the camera is that of `size`."""
        if self.kind is self.predictor.kind:
            return prediction
        if self.settings.scale is not None:
            return prediction.to_depth(self.settings.scale, self.settings.shift)
        camera = self.camera.at(size, prediction.name)
        assert camera is not None
        focal_px = camera.fx * prediction.values.shape[1] / size[1]
        return prediction.to_depth(focal_px=focal_px, baseline_m=self.settings.baseline_m)


def fault(source: Source, error: Exception) -> UserError:
    """What is wrong with one image, whatever was raised, in a line that names it.

    Raises:
        Exception: `error` itself if it is unforeseen and tracebacks are wanted.
    """
    text = str(error)
    if not isinstance(error, UserError):
        if tracebacks_wanted():
            raise error
        text = f"{type(error).__name__}: {text[:200]}; DEPTHREPRO_TRACEBACK=1 shows where it is raised"
    return UserError(text if source.path.name in text else f"{source.path}: {text}")


def in_background(
    work: Callable[[Source], Result], sources: Sequence[Source]
) -> Iterator[tuple[Source, Result | UserError]]:
    """Results in order, computed by a few threads a little ahead of the reader; an image's fault is a result too."""

    def guarded(source: Source) -> Result | UserError:
        try:
            return work(source)
        except Exception as error:
            return fault(source, error)

    with ThreadPoolExecutor(WORKERS) as pool:
        ahead: deque[tuple[Source, Future[Result | UserError]]] = deque()
        try:
            for source in sources:
                ahead.append((source, pool.submit(guarded, source)))
                if len(ahead) > WORKERS:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:
                future.cancel()


def evenly(items: Sequence[Result], count: int) -> list[Result]:
    """At most `count` items, evenly spread."""
    if len(items) <= count:
        return list(items)
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]
