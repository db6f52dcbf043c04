"""Prediction of many image files: resumable, one range of colours for all, and no image lost to another's fault."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar
from depthrepro.inference.predictions import Kind
from depthrepro.predict.inputs import Inputs, Source, read_image
from depthrepro.predict.job import SAMPLED_MAPS, Job, evenly, in_background
from depthrepro.predict.prediction import write_outputs
from depthrepro.predict.store import output_files, read_sidecar

CHUNK = 16  # images, or four batches, that are predicted before they are written: the bar moves that often


class FolderJob:
    """Predict the images of a folder, a pattern or a single file.

    Raw outputs are kept while the range of the colours is not known, which takes every image, or 256 spread over a
    larger folder; then the files are written, each image's JSON last. The same call again goes on from there.

    Args:
        job: Settings and network.
        inputs: The images.

    Attributes:
        failed: Name of an image → what is wrong with it.
    """

    def __init__(self, job: Job, inputs: Inputs) -> None:
        self.job, self.inputs, self.output = job, inputs, job.settings.output
        self.failed: dict[str, str] = {}

    def run(self) -> int:
        """Do what is left to do; 1 if an image failed, else 0."""
        record = self.job.record("folder")
        if self.job.settings.overwrite:
            self.job.store.clear()
        shared = self._range_before(record.read())
        todo = [source for source in self.inputs.images if not self._complete(source, shared)]
        self._introduce(len(todo))
        if todo and shared is None and self._wants_shared_range:
            shared = self._find_range(todo)
            if shared is not None:
                record.write(shared)
        chunk = max(CHUNK, 4 * self.job.settings.batch_size)
        with progress_bar(None, "writing", "image", total=len(todo), shown=bool(todo)) as bar:
            for start in range(0, len(todo), chunk):
                for _ in self._write(todo[start : start + chunk], shared):
                    bar.update()
        self.job.store.clear()
        return self._conclude(len(todo), shared)

    @property
    def _wants_shared_range(self) -> bool:
        return self.job.coloured and self.job.settings.range == "auto"

    def _range_before(self, recorded: tuple[float, float] | None) -> tuple[float, float] | None:
        """The range that is known without a prediction: as typed, or as earlier pictures of this folder have it."""
        typed = self.job.settings.range
        if isinstance(typed, tuple):
            return typed
        return recorded if self._wants_shared_range and not self.job.settings.overwrite else None

    def _complete(self, source: Source, shared: tuple[float, float] | None) -> bool:
        """Whether every file is there and was made from this image in this way."""
        settings = self.job.settings
        stem = self.output / source.name
        about = None if settings.overwrite else read_sidecar(stem)
        if about is None or (shared is None and self._wants_shared_range):
            return False
        try:
            wanted = self.job.recipe(source.stamp(), shared)
        except UserError:
            return False
        return about.get("recipe") == wanted and all(f.is_file() for f in output_files(stem, settings.save).values())

    def _introduce(self, todo: int) -> None:
        images = self.inputs.images
        others = self.inputs.ignored
        notes = f", {others} other file{'s' * (others > 1)} ignored" if others else ""
        if todo < len(images):
            notes += f", {len(images) - todo} complete already (overwrite=true predicts them again)"
        print(f"images     {len(images)}{notes}", flush=True)

    def _find_range(self, todo: Sequence[Source]) -> tuple[float, float] | None:
        """One range for all pictures; None if no image could be predicted."""
        chosen = evenly(todo, SAMPLED_MAPS)
        with progress_bar(None, "predicting", "image", total=len(chosen)) as bar:
            for _ in self._predict(chosen):
                bar.update()
        keys = [self._key(source) for source in chosen]
        try:
            return self.job.range_of(key for key in keys if key is not None)
        except UserError:
            return None  # every image failed, and the end tells why

    def _key(self, source: Source) -> str | None:
        """Key of an image's raw output; None for an image that failed."""
        if source.name in self.failed:
            return None
        try:
            return f"{source.path.resolve()}|{source.stamp()}"
        except UserError as error:
            self.failed[source.name] = str(error)
            return None

    def _predict(self, sources: Sequence[Source]) -> Iterator[Source]:
        """Bring the images' raw outputs into the store; yields each image when it is done or has failed."""
        waiting: list[Source] = []
        for source in sources:
            key = self._key(source)
            if key is None or self.job.store.has(key):
                yield source
            else:
                waiting.append(source)
        for (source, size, key), raw in self.job.predictor.maps(self._read(waiting), self.job.settings.batch_size):
            self.job.store.save(key, raw, size)
            yield source
        yield from (source for source in waiting if source.name in self.failed)

    def _read(self, sources: Sequence[Source]) -> Iterator[tuple[tuple[Source, tuple[int, int], str], Any]]:
        """The network's inputs, with what belongs to them; images that cannot be read are noted and left out."""

        def prepare(source: Source) -> tuple[NDArray[np.uint8], tuple[int, int]]:
            image = read_image(source.path)
            return self.job.predictor.prepare(image), (image.shape[0], image.shape[1])

        for source, result in in_background(prepare, sources):
            key = self._key(source)
            if isinstance(result, UserError):
                self.failed[source.name] = str(result)
            elif key is not None:
                yield (source, result[1], key), result[0]

    def _write(self, sources: Sequence[Source], shared: tuple[float, float] | None) -> Iterator[Source]:
        """Predict what is not predicted yet, and write the files."""
        list(self._predict(sources))
        options = self.job.options(shared)
        # Without the photograph in a file there is no need to decode it again.
        shows_image = bool({"side_by_side", "ply"} & set(self.job.settings.save))

        def write(source: Source) -> None:
            key = self._key(source)
            found = None if key is None else self.job.store.load(key)
            if found is None or key is None:
                raise UserError(
                    self.failed.get(source.name, f"{source.path}: changed while it was predicted; try again")
                )
            raw, size = found
            image = read_image(source.path) if shows_image else np.broadcast_to(np.uint8(0), (*size, 3))
            prediction = self.job.finish(raw, image, source.path.name)
            extra = {"recipe": self.job.recipe(source.stamp(), shared)}
            write_outputs(prediction, self.output / source.name, options, extra)
            self.job.store.drop(key)

        for source, result in in_background(write, sources):
            if isinstance(result, UserError):
                self.failed[source.name] = str(result)
            yield source

    def _conclude(self, todo: int, shared: tuple[float, float] | None) -> int:
        settings = self.job.settings
        if not todo:
            print(f"complete   {settings.output}")
            return 0
        if self._wants_shared_range and shared is not None:
            print(f"range      {shared[0]:.4g} to {shared[1]:.4g} {self.job.conversion.result.unit}, for every picture")
        if self.job.conversion.result is Kind.affine_inv_depth:
            print("           relative depth: no metres, and the numbers of two images cannot be compared")
        done = todo - len(self.failed)
        print(f"written    {done} of {todo} images to {settings.output} ({', '.join(settings.save)})", flush=True)
        if not self.failed:
            return 0
        print(f"error: {len(self.failed)} of {len(self.inputs.images)} images failed:", file=sys.stderr)
        for message in self.failed.values():
            print(f"  {message}", file=sys.stderr)
        return 1
