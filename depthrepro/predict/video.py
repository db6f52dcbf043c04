"""Prediction of a video, frame by frame: one range of colours for the clip, the result as a video or as pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from depthrepro.core.errors import UserError
from depthrepro.core.files import write_json
from depthrepro.core.progress import progress_bar
from depthrepro.predict.colour import ColourScale, pictures, write_picture
from depthrepro.predict.job import SAMPLED_MAPS, Job, evenly
from depthrepro.predict.prediction import ImagePrediction, OutputOptions, describe, write_outputs
from depthrepro.predict.settings import VIDEO_FORMATS
from depthrepro.predict.store import read_sidecar, sidecar_path
from depthrepro.predict.video_files import Clip, read_frames, video_writer

NOTE = "each frame is predicted on its own: nothing makes neighbouring frames agree, so depth may flicker"


class VideoJob:
    """Predict a video.

    Args:
        job: Settings and network.
        path: The video.

    Raises:
        UserError: If a format is asked for that a video cannot have, or the video cannot be decoded.
    """

    def __init__(self, job: Job, path: Path) -> None:
        self.job, self.settings = job, job.settings
        for name in self.settings.save:
            if name not in VIDEO_FORMATS:
                raise UserError(f"save={name}: not for a video; write its frames as images and predict these")
        if self.settings.range == "image":
            raise UserError("range=image makes a video flicker: use auto, or two numbers")
        self.clip = Clip.open(path)
        self.stem = self.settings.output / path.stem

    def run(self) -> int:
        """Do what is left to do; 0 when the video is written."""
        clip = self.clip
        frames = f"{clip.frames} frames" if clip.frames else "frames"
        print(f"video      {clip.path.name}, {frames} of {clip.size[1]}x{clip.size[0]} at {clip.fps:g}/s")
        print(f"note       {NOTE}", flush=True)
        recipe = self.job.recipe(f"{clip.stamp()} {self.settings.video}", self._typed_range())
        if self._complete(recipe):
            print(f"complete   {self.settings.output} (overwrite=true predicts it again)")
            return 0
        self._check_disk()
        count = self._predict()
        value_range = self._range(count) if self.job.coloured else None
        prediction = self._write(count, value_range)
        self._sidecar(prediction, count, value_range, recipe)
        self.job.store.clear()
        print(f"written    {count} frames to {self.settings.output} ({', '.join(self.settings.save)})", flush=True)
        return 0

    def _typed_range(self) -> tuple[float, float] | None:
        return self.settings.range if isinstance(self.settings.range, tuple) else None

    def _complete(self, recipe: str) -> bool:
        about = None if self.settings.overwrite else read_sidecar(self.stem)
        if about is None or about.get("recipe") != recipe:
            return False
        return all((self.settings.output / name).exists() for name in about["files"].values())

    def _check_disk(self) -> None:
        """Raw outputs of all frames wait on disk until the range is known."""
        self.settings.output.mkdir(parents=True, exist_ok=True)
        height, width = self.job.predictor.network.transform.size_for(self.clip.size)
        needed, free = 4 * height * width * self.clip.frames, shutil.disk_usage(self.settings.output).free
        if needed > free:
            raise UserError(
                f"output={self.settings.output}: {self.clip.frames} frames need {needed / 1e9:.1f} GB while they are "
                f"predicted, {free / 1e9:.1f} GB are free; free some, or name another disk"
            )

    def _key(self, index: int) -> str:
        return f"{self.clip.path.resolve()}|{self.clip.stamp()}|{index}"

    def _predict(self) -> int:
        """Bring every frame's raw output into the store; the number of frames."""
        store, total = self.job.store, self.clip.frames
        if self.settings.overwrite:
            store.clear()
        done = {index for index in range(total) if store.has(self._key(index))}
        inputs = ((index, self.job.predictor.prepare(frame)) for index, frame in read_frames(self.clip.path, done))
        count = max(done, default=-1) + 1
        with progress_bar(None, "predicting", "frame", total=total or None, initial=len(done)) as bar:
            for index, raw in self.job.predictor.maps(inputs, self.settings.batch_size):
                store.save(self._key(index), raw, self.clip.size)
                count = max(count, index + 1)
                bar.update()
        if total and count < total:
            print(f"note       the file announces {total} frames, {count} can be decoded")
        return count

    def _range(self, count: int) -> tuple[float, float]:
        typed = self._typed_range()
        found = typed or self.job.range_of(self._key(index) for index in evenly(range(count), SAMPLED_MAPS))
        print(f"range      {found[0]:.4g} to {found[1]:.4g} {self.job.conversion.result.unit}, for every frame")
        return found

    def _write(self, count: int, value_range: tuple[float, float] | None) -> ImagePrediction:
        """Write every frame; returns the last one's prediction."""
        numbers = tuple(name for name in self.settings.save if name in ("png16", "npy"))
        prediction = None
        with ExitStack() as stack:
            show = stack.enter_context(self._pictures(value_range)) if value_range else None
            bar = stack.enter_context(progress_bar(None, "writing", "frame", total=count))
            for index, frame in read_frames(self.clip.path):
                found = self.job.store.load(self._key(index))
                if found is None:
                    raise UserError(f"{self.clip.path}: changed while it was predicted; type the same command again")
                prediction = self.job.finish(found[0], frame, f"{self.clip.path.name} frame {index}")
                if show is not None:
                    show(index, prediction)
                if numbers:
                    write_outputs(prediction, self.stem / f"{index:06d}", OutputOptions(numbers))
                bar.update()
        assert prediction is not None
        return prediction

    @contextmanager
    def _pictures(self, value_range: tuple[float, float]) -> Iterator[Any]:
        """A function that takes (frame's number, prediction) and puts its pictures where they belong."""
        scale = ColourScale(self.job.conversion.result, *value_range, self.settings.colormap)
        wanted = tuple(name for name in self.settings.save if name in ("color", "side_by_side"))
        with ExitStack() as stack:
            sinks = {name: stack.enter_context(self._sink(name)) for name in wanted}

            def show(index: int, prediction: ImagePrediction) -> None:
                for name, picture in pictures(
                    prediction.values, prediction.image, scale, wanted, self.settings.legend
                ).items():
                    sinks[name](index, picture)

            yield show

    @contextmanager
    def _sink(self, name: str) -> Iterator[Any]:
        target = self._target(name)
        if self.settings.video == "png":
            target.mkdir(parents=True, exist_ok=True)
            yield lambda index, picture: write_picture(target / f"{index:06d}.png", picture)
            return
        with video_writer(target, self.clip.fps) as write:
            yield lambda index, picture: write(picture)

    def _target(self, name: str) -> Path:
        ending = "" if self.settings.video == "png" else ".mp4"
        return self.stem.with_name(f"{self.stem.name}_{name}{ending}")

    def _sidecar(
        self, prediction: ImagePrediction, count: int, value_range: tuple[float, float] | None, recipe: str
    ) -> None:
        shown = [name for name in self.settings.save if name in ("color", "side_by_side")]
        files = {name: self._target(name).name for name in shown}
        files |= {name: self.stem.name for name in self.settings.save if name not in shown}
        about = {
            **describe(prediction),
            "image": None,
            "video": self.clip.path.name,
            "frames": count,
            "fps": self.clip.fps,
            "color": {"range": value_range, "colormap": self.settings.colormap} if value_range else None,
            "note": NOTE,
            "files": files,
            "recipe": recipe,
        }
        write_json(sidecar_path(self.stem), about)
