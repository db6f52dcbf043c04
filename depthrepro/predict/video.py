"""Prediction of a video, frame by frame: one range of colours for the clip, the result as a video or as pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from depthrepro.core.errors import UserError
from depthrepro.core.files import write_json
from depthrepro.core.progress import progress_bar
from depthrepro.predict.colour import ColourScale, Picture, pictures, write_picture
from depthrepro.predict.job import SAMPLED_MAPS, Job, evenly
from depthrepro.predict.prediction import ImagePrediction, describe
from depthrepro.predict.settings import VIDEO_FORMATS
from depthrepro.predict.store import sidecar_path
from depthrepro.predict.video_files import Clip, pace, read_frames, video_writer

NOTE = "each frame is predicted on its own: nothing makes neighbouring frames agree, so depth may flicker"
PICTURES = ("color", "side_by_side")


class VideoJob:
    """Predict a video.

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
        self._times: list[float] = []

    def run(self) -> int:
        """Do what is left to do; 0 when the video is written."""
        clip = self.clip
        frames = f"{clip.frames} frames" if clip.frames else "frames"
        print(f"video      {clip.path.name}, {frames} of {clip.size[1]}x{clip.size[0]} at {clip.fps:g}/s")
        print(f"note       {NOTE}", flush=True)
        recipe = self.job.recipe(f"{clip.stamp} {self.settings.video}", self.job.typed_range)
        if self.job.is_complete(self.stem, recipe):
            print(f"complete   {self.settings.output} (overwrite=true predicts it again)")
            return 0
        self._check_disk()
        count = self._predict()
        paced = pace(self._times[:count], self.clip.fps)
        if paced and self.settings.video == "mp4":
            print(f"note       the frames' times vary: at {paced[0]:g} pictures a second each is shown at its own time")
        self._fps, self._repeats = paced or (self.clip.fps, [1] * count)
        scale = self._scale(count) if self.job.coloured else None
        prediction = self._write(count, scale)
        self._write_sidecar(prediction, count, scale, recipe)
        self.job.store.clear()
        print(f"written    {count} frames to {self.settings.output} ({', '.join(self.settings.save)})", flush=True)
        return 0

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
        return f"{self.clip.path.resolve()}|{self.clip.stamp}|{index}"

    def _predict(self) -> int:
        """Bring every frame's raw output into the store; the number of frames."""
        store, total = self.job.store, self.clip.frames
        if self.settings.overwrite:
            store.clear()
        done = {index for index in range(total) if store.has(self._key(index))}
        frames, name = read_frames(self.clip.path, done, self._times), str(self.clip.path)
        inputs = ((index, self.job.predictor.prepare(frame, name)) for index, frame in frames)
        count = max(done, default=-1) + 1
        with progress_bar(None, "predicting", "frame", total=total or None, initial=len(done)) as bar:
            for index, raw in self.job.predictor.maps(inputs, self.settings.batch_size):
                if isinstance(raw, Exception):
                    raise raw
                store.save(self._key(index), raw, self.clip.size)
                count = max(count, index + 1)
                bar.update()
        if total and count < total:
            print(f"note       the file announces {total} frames, {count} can be decoded")
        return count

    def _scale(self, count: int) -> ColourScale:
        chosen = evenly(range(count), SAMPLED_MAPS)
        found = self.job.typed_range or self.job.range_of(self._key(index) for index in chosen)
        self.job.say_range(found, "frame")
        return ColourScale(self.job.kind, *found, self.settings.colormap)

    def _write(self, count: int, scale: ColourScale | None) -> ImagePrediction:
        """Write every frame; returns the last one's prediction."""
        shown = [name for name in self.settings.save if name in PICTURES]
        numbers = [name for name in self.settings.save if name not in PICTURES]
        prediction = None
        with ExitStack() as stack:
            sinks = {name: stack.enter_context(self._sink(name)) for name in shown}
            bar = stack.enter_context(progress_bar(None, "writing", "frame", total=count))
            for index, frame in read_frames(self.clip.path):
                found = self.job.store.load(self._key(index))
                if found is None:
                    raise UserError(f"{self.clip.path}: changed while it was predicted; type the same command again")
                prediction = self.job.finish(found[0], frame, f"{self.clip.path.name} frame {index}")
                if scale is not None:
                    painted = pictures(prediction.values, prediction.image, scale, shown, self.settings.legend)
                    for name, picture in painted.items():
                        sinks[name](index, picture)
                if numbers:
                    prediction.save(self.stem / f"{index:06d}", numbers)
                bar.update()
        assert prediction is not None
        return prediction

    @contextmanager
    def _sink(self, name: str) -> Iterator[Callable[[int, Picture], None]]:
        """A function that takes (frame's number, picture) and puts it where it belongs."""
        target = self._target(name)
        if self.settings.video == "png":
            target.mkdir(parents=True, exist_ok=True)
            yield lambda index, picture: write_picture(target / f"{index:06d}.png", picture)
            return
        with video_writer(target, self._fps) as write:

            def repeated(index: int, picture: Picture) -> None:
                for _ in range(self._repeats[index]):
                    write(picture)

            yield repeated

    def _target(self, name: str) -> Path:
        """A video, a folder of pictures, or a folder of numbers."""
        if name not in PICTURES:
            return self.stem
        ending = "" if self.settings.video == "png" else ".mp4"
        return self.stem.with_name(f"{self.stem.name}_{name}{ending}")

    def _write_sidecar(self, prediction: ImagePrediction, count: int, scale: ColourScale | None, recipe: str) -> None:
        about = {
            **describe(prediction),
            "image": None,
            "video": self.clip.path.name,
            "frames": count,
            "fps": self.clip.fps,
            "times_s": [round(time, 6) for time in self._times[:count]],
            "color": {"range": (scale.low, scale.high), "colormap": scale.colormap} if scale else None,
            "note": NOTE,
            "files": {name: self._target(name).name for name in self.settings.save},
            "recipe": recipe,
        }
        write_json(sidecar_path(self.stem), about)
