"""Videos: a frame in, a frame out, one range of colours, and a result that opens."""

import json
import os
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.predict import video as video_module
from depthrepro.predict import video_files
from depthrepro.predict.predictor import Predictor
from depthrepro.predict.video_files import pace, read_frames
from tests.predict.helpers import photograph
from tests.predict.test_folder import predict

FRAMES, SIZE = 6, (50, 70)


@pytest.fixture
def clip(tmp_path):
    """Six frames of 70x50 that grow brighter, 5 a second."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, SIZE[::-1])
    for i in range(FRAMES):
        writer.write((photograph(*SIZE, seed=1) * (0.4 + 0.1 * i)).astype(np.uint8))
    writer.release()
    return path


def frames_of(path) -> list[np.ndarray]:
    return [frame for _, frame in read_frames(path)]


def test_a_clip_becomes_a_clip(garg, clip, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict(clip, garg, out, "save=color,side_by_side,npy,png16") == 0
    assert "each frame is predicted on its own" in capsys.readouterr().out
    for name, width in (("color", 70), ("side_by_side", 142)):
        capture = cv2.VideoCapture(str(out / f"clip_{name}.mp4"))
        assert capture.get(cv2.CAP_PROP_FPS) == 5.0
        capture.release()
        shown = frames_of(out / f"clip_{name}.mp4")
        assert len(shown) == FRAMES and shown[0].shape[1] == width
        assert shown[0].shape[0] > 50 and shown[0].shape[0] % 2 == 0  # with the legend
    assert len(list((out / "clip").glob("*.npy"))) == len(list((out / "clip").glob("*_depth16.png"))) == FRAMES
    assert np.load(out / "clip" / "000003.npy").shape == SIZE
    about = json.loads((out / "clip.json").read_text())
    assert (about["frames"], about["fps"], about["kind"]) == (FRAMES, 5.0, "disp_frac")
    assert "on its own" in about["note"] and about["color"]["range"][0] < about["color"]["range"][1]
    assert not (out / ".depthrepro" / "raw").exists()


def test_one_range_for_the_clip(garg, clip, tmp_path):
    """The same depth has the same colour in every frame: pictures are painted with the range in the JSON file."""
    from depthrepro.inference.predictions import Kind
    from depthrepro.predict.colour import ColourScale

    out = tmp_path / "out"
    predict(clip, garg, out, "save=color,npy", "video=png", "legend=false")
    scale = ColourScale(Kind.disp_frac, *json.loads((out / "clip.json").read_text())["color"]["range"])
    for i in range(FRAMES):
        picture = cv2.cvtColor(cv2.imread(str(out / "clip_color" / f"{i:06d}.png")), cv2.COLOR_BGR2RGB)
        np.testing.assert_array_equal(picture, scale.paint(np.load(out / "clip" / f"{i:06d}.npy")))


def test_a_clip_goes_on_where_it_stopped(garg, clip, tmp_path, monkeypatch, capsys):
    out, computed = tmp_path / "out", []
    forward = Predictor.forward

    def stop_after_four(self, images):
        if sum(computed) >= 4:
            raise KeyboardInterrupt
        computed.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(Predictor, "forward", stop_after_four)
    with pytest.raises(KeyboardInterrupt):
        predict(clip, garg, out, "batch_size=2")
    assert not (out / "clip.json").exists()
    computed.clear()
    monkeypatch.setattr(Predictor, "forward", lambda self, i: computed.append(len(i)) or forward(self, i))
    assert predict(clip, garg, out, "batch_size=2") == 0
    assert computed == [2] and len(frames_of(out / "clip_color.mp4")) == FRAMES
    computed.clear()
    assert predict(clip, garg, out, "batch_size=2") == 0
    assert not computed and "complete" in capsys.readouterr().out


def set_times(path, tenths):
    """Let the frames of an mp4 of OpenCV's, 10 a second, last so many tenths of a second each."""
    data = bytearray(path.read_bytes().replace(b"edts", b"free"))  # the list of edits knows the old length
    at = data.index(b"stts") - 4
    length, tick = (struct.unpack_from(">I", data, at + place)[0] for place in (0, 20))
    table = b"".join(struct.pack(">II", 1, round(tick * share)) for share in tenths)
    data[at : at + length] = struct.pack(">I4sII", 16 + len(table), b"stts", 0, len(tenths)) + table
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        place = data.index(box) - 4
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + 16 + len(table) - length)
    path.write_bytes(data)


def test_each_frame_is_shown_at_its_own_time(garg, tmp_path, capsys):
    """A phone's video: frames last 1, 3, 0.5, 1, 2 and 1 tenths of a second."""
    path, out = tmp_path / "phone.mp4", tmp_path / "out"
    with video_files.video_writer(path, 10.0) as write:
        for i in range(FRAMES):
            write(np.full((*SIZE, 3), 20 + 30 * i, np.uint8))
    set_times(path, [1, 3, 0.5, 1, 2, 1])
    assert predict(path, garg, out, "save=side_by_side", "legend=false") == 0
    assert "frames' times vary: at 13.333 pictures a second" in capsys.readouterr().out
    starts = [0, 0.1, 0.4, 0.45, 0.55, 0.75]
    assert json.loads((out / "phone.json").read_text())["times_s"] == pytest.approx(starts)
    times: list[float] = []
    shown = [frame[10:40, 10:60].mean() for _, frame in read_frames(out / "phone_side_by_side.mp4", times=times)]
    for i, start in enumerate(starts):
        first = next(time for time, grey in zip(times, shown, strict=True) if abs(grey - (20 + 30 * i)) < 12)
        assert first == pytest.approx(start, abs=0.5 / 13.333 + 1e-3)


def test_a_pace_keeps_frames_and_length():
    assert pace([i / 29.97 + 0.01 * (i % 2) for i in range(100)], 29.97) is None  # trembles, less than half a frame
    assert pace([0.0] * 9, 25.0) is None and pace([], 25.0) is None  # a format without times
    assert pace([0.0, 0.1, 1e6], 10.0) is None  # a day of repeats: the times are damaged
    rate, repeats = pace([0.0, 0.1, 0.2, 1.0, 1.001, 1.1], 6 / 1.2)
    assert min(repeats) == 1 and sum(repeats) / rate == pytest.approx(1.3, abs=1 / rate)
    times = [0.0, 0.1, 0.2, 0.15, 0.9, 1.0]  # one goes back
    assert len(pace(times, 6.0)[1]) == 6


def test_a_name_that_is_no_utf8_is_named(garg, clip, tmp_path):
    odd = clip.rename(clip.with_name(os.fsdecode(b"caf\xe9.avi")))
    with pytest.raises(UserError, match="is not UTF-8; rename it"):
        predict(odd, garg, tmp_path / "out")


def test_frames_of_another_size_are_named(tmp_path):
    with (
        pytest.raises(UserError, match=r"a\.mp4: the frames change their size.*video=png"),
        video_files.video_writer(tmp_path / "a.mp4", 5.0) as write,
    ):
        for height in (40, 60):
            write(np.zeros((height, 60, 3), np.uint8))


def test_a_video_that_cannot_be_written_leaves_nothing(garg, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(video_files, "CODECS", ())
    with pytest.raises(UserError, match="no codec for mp4 here; video=png writes numbered pictures"):
        predict(clip, garg, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.mp4")) and not list((tmp_path / "out").glob(".clip*"))


@pytest.mark.parametrize(("typed", "message"), [("save=ply", "not for a video"), ("range=image", "flicker")])
def test_what_a_video_cannot_be(metric, clip, tmp_path, typed, message):
    with pytest.raises(UserError, match=message):
        predict(clip, metric, tmp_path / "out", typed, "fov=60")


def test_a_damaged_video_is_named(garg, tmp_path):
    (tmp_path / "torn.mp4").write_bytes(b"\0" * 500)
    with pytest.raises(UserError, match=r"torn\.mp4: cannot be decoded as a video"):
        predict(tmp_path / "torn.mp4", garg, tmp_path / "out")


def test_a_full_disk_is_told_before(garg, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(video_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match=r"6 frames need 0\.0 GB .* free some"):
        predict(clip, garg, tmp_path / "out")
