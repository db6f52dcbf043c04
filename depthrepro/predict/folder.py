"""Prediction of many image files: resumable, one range of colours for all, and no image lost to another's fault."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar
from depthrepro.data.io.photos import read_photo
from depthrepro.inference.predictions import Kind
from depthrepro.predict.inputs import Inputs, Source
from depthrepro.predict.job import SAMPLED_MAPS, Job, evenly, fault, in_background
from depthrepro.predict.store import read_range, write_range

CHUNK = 16  # images, or four batches, that are predicted before they are written: the bar moves that often


class FolderJob:
    """Predict the images of a folder, a pattern or a single file.

    Raw outputs are kept while the range of the colours is not known, which takes every image, or 256 spread over a
    larger folder; then the files are written, each image's JSON last. The same call again goes on from there.

    Attributes:
        failed: Name of an image → what is wrong with it.

    No exception of one image's, foreseen or not, ends the others: each is named at the end, and the code is 1.
    """

    def __init__(self, job: Job, inputs: Inputs) -> None:
        self.job, self.settings, self.inputs = job, job.settings, inputs
        self.failed: dict[str, str] = {}
        self._shares_range = job.coloured and self.settings.range == "auto"

    def run(self) -> int:
        """Do what is left to do; 1 if an image failed, else 0."""
        if self.settings.overwrite:
            self.job.store.clear()
        shared = self._range_before()
        is_missing = shared is None and self._shares_range  # so that no picture can be complete
        todo = [source for source in self.inputs.images if is_missing or not self._is_complete(source, shared)]
        self._introduce(len(todo))
        if todo and is_missing:
            shared = self._find_range(todo)
        chunk = max(CHUNK, 4 * self.settings.batch_size)
        with progress_bar(None, "writing", "image", total=len(todo), shown=bool(todo)) as bar:
            for start in range(0, len(todo), chunk):
                for _ in self._write(todo[start : start + chunk], shared):
                    bar.update()
        self.job.store.clear()
        return self._conclude(len(todo), shared)

    def _range_before(self) -> tuple[float, float] | None:
        """The range that is known without a prediction: as typed, or as earlier pictures of this folder have it."""
        if self._shares_range and not self.settings.overwrite:
            return read_range(self.settings.output, self.job.identity)
        return self.job.typed_range

    def _is_complete(self, source: Source, shared: tuple[float, float] | None) -> bool:
        return self.job.is_complete(self.settings.output / source.name, self.job.recipe(source.stamp, shared))

    def _introduce(self, todo: int) -> None:
        images = self.inputs.images
        others = self.inputs.ignored
        notes = f", {others} other file{'s' * (others > 1)} ignored" if others else ""
        if todo < len(images):
            notes += f", {len(images) - todo} complete already (overwrite=true predicts them again)"
        print(f"images     {len(images)}{notes}", flush=True)

    def _find_range(self, todo: Sequence[Source]) -> tuple[float, float] | None:
        """One range for all pictures, recorded; None if no image could be predicted."""
        chosen = evenly(todo, SAMPLED_MAPS)
        for _ in progress_bar(self._predict(chosen), "predicting", "image", total=len(chosen)):
            pass
        try:
            shared = self.job.range_of(source.key for source in chosen)
        except UserError:
            return None  # every image failed, and the end tells why
        write_range(self.settings.output, self.job.identity, shared)
        return shared

    def _predict(self, sources: Sequence[Source]) -> Iterator[Source]:
        """Bring the images' raw outputs into the store; yields each image when it is done or has failed."""
        store = self.job.store
        waiting = [source for source in sources if source.name not in self.failed and not store.has(source.key)]
        yield from (source for source in sources if source not in waiting)
        for (source, size), raw in self.job.predictor.maps(self._read(waiting), self.settings.batch_size):
            if isinstance(raw, Exception):
                self.failed[source.name] = str(fault(source, raw))
                continue
            store.save(source.key, raw, size)
            yield source
        yield from (source for source in waiting if source.name in self.failed)

    def _read(self, sources: Sequence[Source]) -> Iterator[tuple[tuple[Source, tuple[int, int]], Any]]:
        """The network's inputs, with what belongs to them; images that cannot be read are noted and left out."""

        def prepare(source: Source) -> tuple[NDArray[np.uint8], tuple[int, int]]:
            image = read_photo(source.path)
            return self.job.predictor.prepare(image, str(source.path)), (image.shape[0], image.shape[1])

        for source, result in in_background(prepare, sources):
            if isinstance(result, UserError):
                self.failed[source.name] = str(result)
            else:
                yield (source, result[1]), result[0]

    def _write(self, sources: Sequence[Source], shared: tuple[float, float] | None) -> Iterator[Source]:
        """Predict what is not predicted yet, and write the files."""
        list(self._predict(sources))
        options = self.job.options(shared)
        # Without the photograph in a file there is no need to decode it again.
        shows_image = bool({"side_by_side", "ply"} & set(self.settings.save))

        def write(source: Source) -> None:
            if source.name in self.failed:
                return
            found = self.job.store.load(source.key)
            if found is None:
                raise UserError(f"{source.path}: its prediction was lost before it was written; try again")
            raw, size = found
            image = read_photo(source.path) if shows_image else np.broadcast_to(np.uint8(0), (*size, 3))
            prediction = self.job.finish(raw, image, source.path.name)
            extra = {"recipe": self.job.recipe(source.stamp, shared)}
            prediction.save(self.settings.output / source.name, self.settings.save, **options, extra=extra)
            self.job.store.drop(source.key)

        for source, result in in_background(write, sources):
            if isinstance(result, UserError):
                self.failed[source.name] = str(result)
            yield source

    def _conclude(self, todo: int, shared: tuple[float, float] | None) -> int:
        failed = [*self.inputs.unreadable, *self.failed.values()]
        if not todo and not failed:
            print(f"complete   {self.settings.output}")
            return 0
        if self._shares_range and shared is not None:
            self.job.say_range(shared, "picture")
        if self.job.kind is Kind.affine_inv_depth:
            print("           relative depth: no metres, and the numbers of two images cannot be compared")
        done, formats = todo - len(self.failed), ", ".join(self.settings.save)
        print(f"written    {done} of {done + len(failed)} images to {self.settings.output} ({formats})", flush=True)
        if failed:
            total = len(self.inputs.images) + len(self.inputs.unreadable)
            print(f"error: {len(failed)} of {total} images failed:", file=sys.stderr)
            for message in failed:  # a file's name can hold line ends and what moves the cursor
                print("  " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message), file=sys.stderr)
        return 1 if failed else 0
