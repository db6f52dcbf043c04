"""Pseudo-labels: what is written, how exactly, and that no kind of end loses or changes one."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from depthrepro.core.depth_kind import Kind
from depthrepro.core.errors import UserError
from depthrepro.data.base import ImageDataset, ImageRecord
from depthrepro.data.input_transform import InputTransform
from depthrepro.data.readers.pseudo_labels import PseudoLabelled, label_path, read_label, write_label
from depthrepro.inference import labelling
from depthrepro.inference.labelling import label_images

TRANSFORM = InputTransform(8, 8, multiple=4, keep_aspect=True)


class Noise(ImageDataset):
    """Images of two sizes, made from their index."""

    def __init__(self, count: int = 21) -> None:
        self.name, self.fingerprint, self.encodings = "noise", f"noise{count}", {"memory": count}
        self.records = [ImageRecord(f"noise/{i}", (16, 16 if i % 3 else 24)) for i in range(count)]

    def read_image(self, index: int) -> np.ndarray:
        size = self.records[index].size
        return np.random.default_rng(index).integers(0, 256, (*size, 3), dtype=np.uint8)


class Teacher(nn.Module):
    """A convolution; slow on purpose if a test wants to interrupt it."""

    kind = Kind.affine_inv_depth

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.pause = nn.Conv2d(3, 1, 3, padding=1), pause

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        time.sleep(self.pause)
        return {"affine_inv_depth": self.layer(image).exp()}


def hashes(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.suffix != ".lock"
    }


def label(folder: Path, **options) -> int:
    return label_images(Teacher(), TRANSFORM, Noise(), folder, progress=False, **options)


def test_labels_are_the_teachers_maps_to_within_half_a_step(tmp_path):
    assert label(tmp_path) == 21
    data = PseudoLabelled(Noise(), tmp_path)
    for index in range(21):
        values = data.read_image(index)
        batch = torch.from_numpy(TRANSFORM.resize(values)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            depth = Teacher()(batch)["affine_inv_depth"][0, 0].numpy()
        found, known = data.read_label(index)
        expected = (depth - depth.min()) / (depth.max() - depth.min())
        assert known.all() and found.shape == depth.shape
        assert np.abs(found - expected).max() <= 0.51 / 65535 + 1e-6


def test_the_file_says_what_it_holds(tmp_path):
    write_label(tmp_path / "a.png", np.array([[1.0, 2.0], [3.0, 5.0]], np.float32))
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "I;16"
        assert image.text == {"kind": "affine_inv_depth", "near_is": "large", "low": "1.0", "high": "5.0"}
    assert read_label(tmp_path / "a.png") == pytest.approx(np.array([[0, 0.25], [0.5, 1]]), abs=1e-5)


def test_constant_maps_are_kept_and_infinite_ones_refused(tmp_path):
    write_label(tmp_path / "flat.png", np.ones((2, 2), np.float32))
    assert (read_label(tmp_path / "flat.png") == 0).all()
    with pytest.raises(ValueError, match="not finite"):
        write_label(tmp_path / "bad.png", np.array([[np.inf, 1.0]]))
    assert not (tmp_path / "bad.png").exists()


def test_a_teacher_that_fails_names_the_image(tmp_path):
    teacher = Teacher()
    nn.init.constant_(teacher.layer.bias, float("nan"))
    with pytest.raises(UserError, match="noise/0: the teacher's prediction is not finite"):
        label_images(teacher, TRANSFORM, Noise(), tmp_path, progress=False)


def test_shards_together_give_the_same_files_as_one(tmp_path):
    label(tmp_path / "one")
    counts = [label(tmp_path / "three", shard=(number, 3)) for number in (2, 0, 1)]
    assert sorted(counts) == [5, 8, 8], "chunks of 8 are dealt out in turn"
    assert hashes(tmp_path / "three") == hashes(tmp_path / "one")


def test_missing_labels_are_written_again_and_nothing_else(tmp_path):
    label(tmp_path)
    before = hashes(tmp_path)
    label_path(tmp_path, 3).unlink()
    (tmp_path / "manifest.json").unlink()
    kept = label_path(tmp_path, 20).stat().st_mtime_ns
    assert label(tmp_path) == 8, "the chunk of the lost one"
    assert hashes(tmp_path) == before
    assert label_path(tmp_path, 20).stat().st_mtime_ns == kept


def test_what_a_power_cut_left_is_made_again_before_the_folder_is_sealed(tmp_path):
    """Labels are not waited for one by one: those of zeros, cut off, or with a part lost are found at the end."""
    label(tmp_path)
    before = hashes(tmp_path)
    (tmp_path / "manifest.json").unlink()
    whole = label_path(tmp_path, 9).read_bytes()
    for index, data in {2: b"", 9: whole[:60] + bytes(len(whole) - 60), 12: whole[:-12]}.items():
        label_path(tmp_path, index).write_bytes(data)
    with pytest.raises(UserError, match=r"00000002\.png: 3 labels were damaged and are deleted; run the same command"):
        label(tmp_path)
    assert label(tmp_path) == 16, "their two chunks"
    assert hashes(tmp_path) == before


def test_what_killed_processes_left_goes_but_not_what_another_shard_is_writing(tmp_path):
    label_path(tmp_path, 0).parent.mkdir()
    left, others = (label_path(tmp_path, i).with_name(f".{i:08d}.png.1.tmp") for i in (1, 9))
    left.touch()
    others.touch()
    label(tmp_path, shard=(0, 2))
    assert not left.exists() and others.exists()


def test_incomplete_damaged_and_foreign_labels_are_refused(tmp_path):
    label(tmp_path)
    with pytest.raises(UserError, match="of other images"):
        PseudoLabelled(Noise(20), tmp_path)
    label_path(tmp_path, 5).write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"00000005\.png.*delete it"):
        PseudoLabelled(Noise(), tmp_path).read_label(5)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: the manifest cannot be read"):
        PseudoLabelled(Noise(), tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"no complete pseudo-labels.*depthrepro\.pseudo_label"):
        PseudoLabelled(Noise(), tmp_path)


def test_the_disk_it_needs_is_said_before_the_first_label(tmp_path, monkeypatch, capsys):
    label(tmp_path / "a")
    assert "21 to write, at most 0.0 MB of" in capsys.readouterr().out
    monkeypatch.setattr(labelling.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100})())
    with pytest.raises(UserError, match="free some, or set data.pseudo_labels"):  # noqa: RUF043
        label(tmp_path / "b")
    assert not list((tmp_path / "b").rglob("*.png"))


def test_shards_outside_the_count_are_told(tmp_path):
    with pytest.raises(UserError, match="from 0 to 1"):
        label(tmp_path, shard=(2, 2))


def test_killed_twice_it_still_gives_the_same_files(tmp_path):
    """SIGKILL, at moments drawn anew each time, in a process of its own."""
    label(tmp_path / "whole")
    code = (
        "from pathlib import Path; from tests.inference.test_labelling import *; "
        f"label_images(Teacher(0.08), TRANSFORM, Noise(), Path({str(tmp_path / 'killed')!r}), progress=False)"
    )
    root = Path(__file__).parents[2]
    for wanted in (3, 13):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=root)
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "killed").rglob("*.png"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(float(np.random.default_rng().uniform(0, 0.05)))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it must not have finished before"
        assert not (tmp_path / "killed" / "manifest.json").exists()
    label(tmp_path / "killed")
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    assert len(json.loads((tmp_path / "killed" / "manifest.json").read_text())["files"]) == 21


def test_a_label_that_is_not_the_sealed_one_is_refused(tmp_path):
    label(tmp_path)
    data = PseudoLabelled(Noise(), tmp_path)
    shutil.copy(label_path(tmp_path, 4), label_path(tmp_path, 5))  # a readable label, of another image
    data.read_label(4)
    with pytest.raises(UserError, match=r"00000005\.png: not the pseudo-label that manifest\.json names; delete it"):
        data.read_label(5)
    for content in ("[1, 2]", '{"images": 1, "files": []}', "null"):
        (tmp_path / "manifest.json").write_text(content)
        with pytest.raises(UserError, match=r"manifest\.json: the manifest cannot be read .*; delete it"):
            PseudoLabelled(Noise(), tmp_path)
