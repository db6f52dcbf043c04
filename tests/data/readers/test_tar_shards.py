"""Images in tar files: any order, any process, the index, damage."""

from __future__ import annotations

import os
import pickle
import shutil
import tarfile

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from depthrepro.core.errors import UserError
from depthrepro.data.readers.image_folder import image_folder
from depthrepro.data.readers.tar_shards import TarShards, tar_shards
from tests.data.image_files import encoded, ids, noisy, put, tar


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHREPRO_CACHE", str(tmp_path / "cache"))


def built(root, **options) -> TarShards:
    data = tar_shards(str(root), **options)
    assert data is not None
    return data


@pytest.fixture
def listed(monkeypatch) -> list[str]:
    """Names of the tar files that are listed."""
    names: list[str] = []
    real = tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda path, *a, **k: names.append(path.name) or real(path, *a, **k))
    return names


def shades(data) -> list[int]:
    return [round(int(data.read_image(i)[0, 0, 0]) / 40) for i in range(len(data))]


def test_members_are_read_in_any_order(tmp_path):
    tar(tmp_path / "b.tar", {"x/7.jpg": encoded(120), "x/7.json": b"{}"})
    tar(
        tmp_path / "a.tar",
        {"./1.jpg": encoded(40, (5, 7)), "2.jpg": encoded(80, (4, 6), orientation=8), "2.txt": b"hi"},
    )
    data = built(tmp_path)
    assert ids(data) == ["a/1.jpg", "a/2.jpg", "b/x/7.jpg"] and data.name == tmp_path.name
    assert [record.size for record in data.records] == [(5, 7), (6, 4), (6, 9)]
    assert data.encodings == {"jpeg": 3}
    again = pickle.loads(pickle.dumps(data))
    for index in (2, 0, 1, 2):
        assert np.array_equal(again.read_image(index), data.read_image(index))
    assert shades(data) == [1, 2, 3]


class Items(Dataset):
    def __init__(self, images: TarShards) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.images.read_image(index))


def test_loader_processes_read_too(tmp_path):
    for shard in range(2):
        tar(tmp_path / f"{shard}.tar", {f"{i}.png": encoded(40 * shard + 10 * i, kind="PNG") for i in range(4)})
    data = built(tmp_path)
    data.read_image(0)  # nothing that is opened here may go along
    batches = list(DataLoader(Items(data), batch_size=2, num_workers=2))
    assert torch.cat(batches)[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 60, 70]


def test_ids_are_those_of_the_unpacked_files_and_unique(tmp_path):
    put(tmp_path / "folders" / "n1" / "n1_2.JPEG", encoded(40))
    tar(tmp_path / "tars" / "n1.tar", {"n1_2.JPEG": encoded(40)})
    assert ids(built(tmp_path / "tars")) == ids(image_folder(str(tmp_path / "folders"))) == ["n1/n1_2.JPEG"]
    members = [
        ("k.jpg", encoded(40)),
        ("k.png", encoded(80, kind="PNG")),
        ("._k.jpg", b"an equivalent run"),
        ("k.jpg", encoded(120)),
    ]
    tar(tmp_path / "same" / "deep" / "a.tar", members)
    tar(tmp_path / "same" / "a.tar", [("k.jpg", encoded(200))])
    data = built(tmp_path / "same", pattern="**/*.tar")
    # Of two members with one name the later holds, as when they are unpacked.
    assert ids(data) == ["a/k.jpg", "deep/a/k.png", "deep/a/k.jpg"] and shades(data) == [5, 2, 3]


def test_a_file_is_listed_again_only_if_it_changes(tmp_path, listed):
    for name in "ab":
        tar(tmp_path / f"{name}.tar", {"1.jpg": encoded(40)})
    listed.clear()
    first = built(tmp_path)
    assert sorted(listed) == ["a.tar", "b.tar"]
    listed.clear()
    assert built(tmp_path).fingerprint == first.fingerprint and listed == []
    tar(tmp_path / "b.tar", {"1.jpg": encoded(40), "2.jpg": encoded(80)})
    listed.clear()
    assert len(built(tmp_path)) == 3 and listed == ["b.tar"]


def test_the_fingerprint_follows_content_not_places_and_times(tmp_path):
    tar(tmp_path / "x" / "a.tar", {"1.jpg": encoded(40)})
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    os.utime(tmp_path / "y" / "a.tar", (1e9, 1e9))
    tar(tmp_path / "z" / "a.tar", {"1.jpg": encoded(40, (6, 10))})
    tar(tmp_path / "w" / "b.tar", {"1.jpg": encoded(40)})
    x, y, z, w = (built(tmp_path / name).fingerprint for name in "xyzw")
    assert x == y and len({x, z, w}) == 3


@pytest.mark.parametrize("fault", [b"nothing", noisy("JPEG")[:-3000]])
def test_damaged_members_stop_or_are_counted_each_time(tmp_path, capsys, fault):
    tar(tmp_path / "a.tar", {"1.jpg": encoded(40), "2.jpg": fault, "3.jpg": encoded(120)})
    tar(tmp_path / "b.tar", {"4.jpg": encoded(160)})
    for _ in range(2):
        with pytest.raises(UserError, match=r"first: .*a\.tar: 2\.jpg: .*allow_damaged=true"):
            built(tmp_path)
        data = built(tmp_path, allow_damaged=True)
        assert ids(data) == ["a/1.jpg", "a/3.jpg", "b/4.jpg"] and shades(data) == [1, 3, 4]
        assert "1 of 4 images cannot be read and are left out, first: " in capsys.readouterr().out


def test_damaged_tar_files_are_named(tmp_path):
    whole = tar(tmp_path / "whole.tar", {f"{i}.jpg": noisy("JPEG") for i in range(3)}).read_bytes()
    root = tmp_path / "set"
    cases = [
        (b"not a tar file" * 100, "cannot be read.*fetch it again"),
        (whole[: len(whole) // 2], "unexpected end"),
    ]
    for content, words in cases:
        put(root / "a.tar", content)
        with pytest.raises(UserError, match=rf"a\.tar: .*{words}"):
            built(root)
    tar(root / "a.tar", {"1.jpg": encoded()}, "w:gz")
    with pytest.raises(UserError, match=r"a\.tar: .*it is compressed, which allows no seeking: gunzip it"):
        built(root)
    tar(root / "a.tar", {"1.txt": b"hello"})
    with pytest.raises(UserError, match=r"a\.tar: holds no image"):
        built(root)


def test_no_folder_no_file_and_files_that_changed(tmp_path):
    assert tar_shards(None) is None and tar_shards("") is None
    (tmp_path / "set" / "sub").mkdir(parents=True)
    with pytest.raises(UserError, match=r"no \*\.tar is there; set root"):
        built(tmp_path / "set")
    path = tar(tmp_path / "set" / "a.tar", {"1.jpg": encoded(40)})
    data = built(tmp_path / "set")
    tar(path, {"1.jpg": encoded(40, (20, 20))})
    with pytest.raises(UserError, match=r"a\.tar: a/1\.jpg"):
        data.read_image(0)
    path.unlink()
    with pytest.raises(UserError, match=r"a\.tar: cannot be read"):
        data.read_image(0)
