"""Videos: a frame in, a frame out, one range of colours, and a result that opens."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.predict import video as video_module
from depthrepro.predict import video_files
from depthrepro.predict.predictor import Predictor
from depthrepro.predict.video_files import read_frames
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
