"""Folders with faults in them: each fault is a line, and no image is lost to another's."""

import json
import os
import struct
import sys

import pytest
from PIL import Image

from depthrepro.core.errors import UserError
from depthrepro.predict import __main__ as program
from depthrepro.predict import folder as folder_module
from depthrepro.predict.prediction import ImagePrediction
from depthrepro.predict.predictor import Predictor
from tests.predict.helpers import about, predict, save_photo


def test_intrinsics_that_fit_one_image_only(metric, photos, tmp_path, capsys):
    """Two images lie and one stands: the standing one is refused, with a way out; the others are written."""
    typed = ["save=ply", "intrinsics=50,50,29.5,19.5", "intrinsics_size=60,40"]
    assert predict(photos, metric, tmp_path / "out", *typed) == 1
    assert "1.png: 40x60 pixels have another aspect than intrinsics_size=60,40" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").glob("*.ply")) == ["0.ply", "2.ply"]


def test_a_folder_where_nothing_can_be_read(garg, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_text("no image")
    assert predict(tmp_path / "in", garg, tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "1 of 1 images failed" in told.err and "written    0 of 1" in told.out


def test_no_image_is_lost_to_anothers_fault(garg, photos, tmp_path, monkeypatch, capsys):
    """Odd tags, odd names, one pixel, no file at all, a step that fails: each a line, and the rest is predicted."""
    Image.new("RGB", (1, 1)).save(photos / "pixel.gif")
    odd_name = os.fsdecode(b"caf\xe9")
    for name in ("tag", "memory", "write", odd_name, "two\nlines"):
        save_photo(photos / f"{name}.png", 40, 60)
    (photos / "two\nlines.png").write_bytes(b"no image")
    os.mkfifo(photos / "pipe.png")
    faults = {"tag.png": struct.error("short format"), "memory.png": MemoryError()}
    read, save = folder_module.read_photo, ImagePrediction.save

    def read_or_fail(path):
        if path.name in faults:
            raise faults[path.name]
        return read(path)

    def save_or_fail(prediction, stem, *rest, **options):
        if stem.name == "write":
            raise ValueError("x1 must be greater\nthan x0")
        return save(prediction, stem, *rest, **options)

    monkeypatch.setattr(folder_module, "read_photo", read_or_fail)
    monkeypatch.setattr(ImagePrediction, "save", save_or_fail)
    out = tmp_path / "out"
    assert predict(photos, garg, out, "save=npy,color,png16,side_by_side") == 1
    told = capsys.readouterr()
    assert "written    5 of 10 images" in told.out and "5 of 10 images failed:" in told.err
    lines = told.err.split("images failed:\n")[1].splitlines()
    assert len(lines) == 5 and all(line.startswith(f"  {photos}/") for line in lines)
    for words in (
        "tag.png: error: short",
        "memory.png: MemoryError",
        r"greater\nthan x0",
        "pipe.png: is",
        r"two\nlines",
    ):
        assert sum(words in line for line in lines) == 1, words
    assert {path.stem for path in out.glob("*.json")} == {"0", "1", "2", "pixel", odd_name}
    assert about(out, odd_name)["image"] == f"{odd_name}.png"
    monkeypatch.undo()
    assert predict(photos, garg, out, "save=npy,color,png16,side_by_side") == 1  # what is still no image
    assert "written    3 of 5 images" in capsys.readouterr().out and about(out, "write")


def test_an_image_that_the_network_fails_on_fails_alone(garg, photos, tmp_path, monkeypatch, capsys):
    forward = Predictor.forward

    def fail_on_black(self, images):
        if any(not image.any() for image in images):
            raise RuntimeError("a kernel")
        return forward(self, images)

    monkeypatch.setattr(Predictor, "forward", fail_on_black)
    Image.new("RGB", (60, 40)).save(photos / "black.png")
    assert predict(photos, garg, tmp_path / "out", "save=npy") == 1
    assert "black.png: RuntimeError: a kernel; DEPTHREPRO_TRACEBACK=1 shows where" in capsys.readouterr().err
    assert len(list((tmp_path / "out").glob("*.npy"))) == 3
    monkeypatch.setenv("DEPTHREPRO_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="a kernel"):
        predict(photos, garg, tmp_path / "out", "save=npy")


@pytest.mark.parametrize("name", ["0.json", ".depthrepro/range.json"])
def test_files_beside_the_results_that_were_changed_are_made_again(garg, photos, tmp_path, name):
    predict(photos, garg, tmp_path / "out", "save=color")
    beside = tmp_path / "out" / name
    whole = json.loads(beside.read_text())
    for key in whole.keys() & {"files", "range", "identity", "recipe"}:
        for wrong in (None, [3]):
            beside.write_text(json.dumps(whole | {key: wrong}))
            assert predict(photos, garg, tmp_path / "out", "save=color") == 0
            assert json.loads(beside.read_text()) == whole


def test_the_program_leaves_with_its_code(garg, tmp_path, monkeypatch):
    save_photo(tmp_path / "a.png", 40, 60)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["predict", "input=a.png", f"checkpoint={garg}", "device=cpu", "save=side_by_side"]
    )
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 0
    with Image.open(tmp_path / "a_depth" / "a_side_by_side.jpg") as picture:
        assert picture.width == 2 * 60 + 2 and picture.height > 40


def test_an_output_that_cannot_be_written_is_named(garg, photos, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / ".depthrepro").touch()
    with pytest.raises(UserError, match=r"taken/\.depthrepro/raw: cannot be written .* see output="):
        predict(photos, garg, tmp_path / "taken")
    with pytest.raises(UserError, match=r"^output=.*depthrepro: a file is in the way; name a folder$"):
        predict(photos, garg, tmp_path / "taken" / ".depthrepro")
    (tmp_path / "out" / "1.npy").mkdir(parents=True)  # a folder where a file should go
    assert predict(photos, garg, tmp_path / "out", "save=npy") == 1
    assert (tmp_path / "out" / "0.npy").is_file() and (tmp_path / "out" / "2.npy").is_file()
    assert not (tmp_path / "out" / "1.json").exists()
