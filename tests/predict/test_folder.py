"""The program on folders: every image that can be predicted is, each with its meaning, and broken off work goes on."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.predict import folder as folder_module
from depthrepro.predict.png16 import read_png16
from depthrepro.predict.prediction import ImagePrediction
from depthrepro.predict.predictor import Predictor
from tests.predict.helpers import about, predict, save_photo


def fifty(folder: Path) -> dict[str, tuple[int, int]]:
    """50 photographs of mixed sizes and formats, one of them truncated; name → upright (height, width) of the good."""
    suffixes = [".jpg", ".png", ".webp", ".bmp", ".tif"]
    sizes = {}
    for i in range(50):
        size = (40 + 7 * (i % 4), 50 + 11 * (i % 3))
        name, mode, turned = f"photo{i:02d}", "RGB", 1
        suffix = suffixes[i % 5]
        if i == 7:
            suffix, mode = ".png", "L"
        elif i == 11:
            suffix, mode = ".png", "RGBA"
        elif i == 13:
            suffix, turned = ".jpg", 6
        elif i == 20:
            suffix = ".jpg"
        save_photo(folder / f"{name}{suffix}", *size, seed=i, mode=mode, orientation=turned)
        sizes[name] = size[::-1] if i == 13 else size
    whole = (folder / "photo20.jpg").read_bytes()
    (folder / "photo20.jpg").write_bytes(whole[: len(whole) // 2])
    del sizes["photo20"]
    return sizes


def test_fifty_photographs_one_of_them_truncated(garg, tmp_path, capsys):
    sizes = fifty(tmp_path / "photos")
    out = tmp_path / "out"
    assert predict(tmp_path / "photos", garg, out, "save=npy,png16,color", "legend=false") == 1
    told = capsys.readouterr()
    assert "1 of 50 images failed" in told.err and "photo20.jpg" in told.err and "written    49 of 50" in told.out
    assert len(told.err.strip().splitlines()[-2:]) == 2
    assert {path.stem for path in out.glob("*.json")} == set(sizes)
    ranges = set()
    for name, size in sizes.items():
        values = np.load(out / f"{name}.npy")
        assert values.shape == size and values.dtype == np.float32
        back, entries = read_png16(out / f"{name}_depth16.png")
        assert np.abs(back - values).max() <= float(entries["scale"])
        with Image.open(out / f"{name}_color.png") as picture:
            assert picture.size == size[::-1]
        ranges.add(tuple(about(out, name)["color"]["range"]))
    assert len(ranges) == 1  # one scale for the whole folder


def test_an_image_is_predicted_upright(garg, tmp_path):
    """A photograph stored lying with a tag gives what its upright pixels give."""
    save_photo(tmp_path / "in" / "turned.png", 40, 60, orientation=6)
    with Image.open(tmp_path / "in" / "turned.png") as stored:
        stored.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "in" / "upright.png")
    assert predict(tmp_path / "in", garg, tmp_path / "out", "save=npy") == 0
    turned, upright = (np.load(tmp_path / "out" / f"{name}.npy") for name in ("turned", "upright"))
    assert turned.shape == (60, 40) and turned.std() > 0
    np.testing.assert_allclose(turned, upright, rtol=1e-5)


def test_the_json_says_what_the_numbers_are(garg, photos, tmp_path):
    predict(photos, garg, tmp_path / "out", "fov=90", "baseline_m=0.5", "save=npy,png16,ply")
    found = about(tmp_path / "out", "1")
    assert (found["kind"], found["unit"], found["near_is"], found["metric"]) == ("depth", "m", "small", True)
    assert found["made_from"] == {
        "kind": "disp_frac",
        "unit": "disparity / image width",
        "focal_px": pytest.approx(20.0),
        "baseline_m": 0.5,
    }
    assert found["size"] == {"height": 60, "width": 40} and found["input"] == {"height": 40, "width": 64}
    assert found["png16"]["scale"] == 1 / 256 and found["alignment"] == "none"
    assert found["ply"]["intrinsics"] == pytest.approx({"fx": 20.0, "fy": 20.0, "cx": 19.5, "cy": 29.5})
    assert len(found["checkpoint"]["sha256"]) == 64 and found["model"]["c6_filters"] == 2
    assert found["image"] == "1.png" and "color" not in found
    points = trimesh.load(tmp_path / "out" / "1.ply").vertices
    assert len(points) == found["ply"]["points"]
    depth = np.load(tmp_path / "out" / "1.npy")
    assert set(points[:, 2]) <= set(depth.ravel())


def test_relative_depth_with_scale_and_shift(relative, photos, tmp_path, capsys):
    assert predict(photos, relative, tmp_path / "raw", "save=npy") == 0
    assert "relative depth: no metres" in capsys.readouterr().out
    predict(photos, relative, tmp_path / "out", "save=npy", "scale=0.1", "shift=0.2")
    raw, depth = (np.load(tmp_path / folder / "0.npy") for folder in ("raw", "out"))
    np.testing.assert_allclose(depth, 1 / (0.1 * raw + 0.2), rtol=1e-5)
    found = about(tmp_path / "out", "0")
    assert (found["alignment"], found["scale"], found["shift"], found["kind"]) == ("given", 0.1, 0.2, "depth")
    assert about(tmp_path / "raw", "0")["metric"] is False


@pytest.mark.parametrize(
    ("checkpoint", "typed", "message"),
    [
        ("relative", ["save=ply", "fov=60"], "ways out: give both (scale=S shift=T"),
        ("relative", ["baseline_m=0.5", "fov=60"], "baseline_m= is for predicted disparity"),
        ("garg", ["save=ply", "fov=60"], "baseline_m=B of the pairs"),
        ("garg", ["baseline_m=0.5"], "baseline_m= alone gives no metres"),
        ("metric", ["scale=1", "shift=0"], "scale= and shift= are for relative depth"),
        ("metric", ["save=ply"], "a point cloud needs the camera"),
        ("metric", ["range=-1,5"], "depth is in metres, more than 0"),
        ("garg", ["colormap=infreno"], "did you mean 'inferno'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_image(request, photos, tmp_path, checkpoint, typed, message):
    with pytest.raises(UserError) as caught:
        predict(photos, request.getfixturevalue(checkpoint), tmp_path / "out", *typed)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def count_predictions(monkeypatch) -> list[int]:
    sizes: list[int] = []
    forward = Predictor.forward
    monkeypatch.setattr(Predictor, "forward", lambda self, images: sizes.append(len(images)) or forward(self, images))
    return sizes


def test_what_is_complete_is_not_done_again(garg, photos, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    computed = count_predictions(monkeypatch)
    predict(photos, garg, out)
    assert sum(computed) == 3
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    computed.clear()
    assert predict(photos, garg, out) == 0
    assert not computed and before == {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert "3 complete already" in capsys.readouterr().out
    (out / "1_color.png").unlink()  # lost
    save_photo(photos / "2.png", 44, 44, seed=9)  # changed
    save_photo(photos / "3.png", 40, 60, seed=3)  # new
    predict(photos, garg, out)
    assert sum(computed) == 3 and np.asarray(Image.open(out / "2_color.png")).shape[1] == 44
    # What is added later has the colours of what is there.
    assert about(out, "3")["color"]["range"] == about(out, "0")["color"]["range"]
    computed.clear()
    predict(photos, garg, out, "overwrite=true")
    assert sum(computed) == 4


@pytest.mark.parametrize("change", ["colormap=turbo", "range=0.01,0.05", "save=npy", "level=L9"])
def test_other_wishes_are_done_again(garg, photos, tmp_path, monkeypatch, change):
    predict(photos, garg, tmp_path / "out")
    computed = count_predictions(monkeypatch)
    predict(photos, garg, tmp_path / "out", change)
    assert sum(computed) == 3


def test_an_interrupted_job_goes_on(garg, photos, tmp_path, monkeypatch):
    """Stopped while writing: nothing is predicted again, and the result is that of an unbroken job."""
    predict(photos, garg, tmp_path / "whole", "save=npy,color")
    out = tmp_path / "out"
    save = ImagePrediction.save

    def stop_at_the_second(prediction, stem, *rest, **options):
        if stem.name == "1":
            raise KeyboardInterrupt
        return save(prediction, stem, *rest, **options)

    monkeypatch.setattr(ImagePrediction, "save", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        predict(photos, garg, out, "save=npy,color")
    assert not (out / "1.json").exists()
    monkeypatch.setattr(ImagePrediction, "save", save)
    computed = count_predictions(monkeypatch)
    assert predict(photos, garg, out, "save=npy,color") == 0
    assert not computed
    for path in (tmp_path / "whole").iterdir():
        if path.is_file():
            assert (out / path.name).read_bytes() == path.read_bytes()
    assert not (out / ".depthrepro" / "raw").exists()


def test_a_range_of_ones_own(garg, photos, tmp_path):
    predict(photos, garg, tmp_path / "a", "range=0.09,0.01", "save=color")
    assert about(tmp_path / "a", "0")["color"]["range"] == [0.01, 0.09]
    predict(photos, garg, tmp_path / "b", "range=image", "save=color")
    ranges = {tuple(about(tmp_path / "b", str(i))["color"]["range"]) for i in range(3)}
    assert len(ranges) == 3


def test_larger_folders_take_the_range_from_a_part_and_give_the_same_numbers(garg, photos, tmp_path, monkeypatch):
    predict(photos, garg, tmp_path / "whole", "save=npy,color")
    monkeypatch.setattr(folder_module, "SAMPLED_MAPS", 1)
    monkeypatch.setattr(folder_module, "CHUNK", 1)
    computed = count_predictions(monkeypatch)
    save_photo(photos / "3.png", 40, 60, seed=3)
    save_photo(photos / "4.png", 40, 60, seed=4)  # the second chunk: batches of one, four at a time
    assert predict(photos, garg, tmp_path / "parts", "save=npy,color", "batch_size=1") == 0
    assert sum(computed) == 5  # none twice
    for name in "012":
        whole, parts = (np.load(tmp_path / folder / f"{name}.npy") for folder in ("whole", "parts"))
        np.testing.assert_allclose(whole, parts, rtol=1e-4)
    assert about(tmp_path / "parts", "0")["color"]["range"] != about(tmp_path / "whole", "0")["color"]["range"]
