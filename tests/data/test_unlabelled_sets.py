"""Images without labels in folders, tar files and LMDB: ids, sizes, the index, damage, and the official layouts."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image

from depthrepro.config import CONFIG_DIR
from depthrepro.data import image_folder as folder_module
from depthrepro.data.base import ImageDataset
from depthrepro.data.image_folder import image_folder
from depthrepro.data.packed_images import lmdb_folders, tar_shards
from depthrepro.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHREPRO_CACHE", str(tmp_path / "cache"))


def encoded(index: int = 0, size=(6, 9), kind="JPEG", orientation: int | None = None, mode="RGB") -> bytes:
    shade = (40 * index) % 250
    image = Image.new(mode, (size[1], size[0]), shade if mode == "L" else (shade, 10, 20, 128)[: len(mode)])
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, kind, **({"exif": exif} if orientation else {}))
    return stream.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tar(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def ids(data: ImageDataset | None) -> list[str]:
    assert data is not None
    return [record.id for record in data.records]


def test_folders_are_searched_and_sizes_are_upright(tmp_path):
    root = tmp_path / "set"
    put(root / "b" / "2.PNG", encoded(2, (4, 8), "PNG", mode="RGBA"))
    put(root / "b" / "1.jpg", encoded(1, (6, 9), orientation=6))
    put(root / "a.webp", encoded(3, (5, 5), "WEBP"))
    put(root / ".hidden" / "x.jpg", encoded())
    put(root / "notes.txt", b"no image")
    data = image_folder(str(root))
    assert ids(data) == ["a.webp", "b/1.jpg", "b/2.PNG"] and data is not None
    assert [record.size for record in data.records] == [(5, 5), (9, 6), (4, 8)]
    assert all(data.read_image(i).shape == (*data.records[i].size, 3) for i in range(3))
    assert data.encodings == {"webp": 1, "jpeg": 1, "png": 1}
    assert ids(image_folder(str(root), under="b")) == ["b/1.jpg", "b/2.PNG"]


def test_the_index_is_kept_and_no_image_is_opened_again(tmp_path, monkeypatch):
    root = tmp_path / "set"
    for index in range(3):
        put(root / f"{index}.jpg", encoded(index))
    first = image_folder(str(root))
    monkeypatch.setattr(folder_module, "probe_photo", lambda path: pytest.fail(f"{path} is opened"))
    second = image_folder(str(root))
    assert first is not None and second is not None and first.fingerprint == second.fingerprint
    (next((tmp_path / "cache" / "image_index").glob("*.npz"))).write_bytes(b"damaged")
    monkeypatch.undo()
    monkeypatch.setenv("DEPTHREPRO_CACHE", str(tmp_path / "cache"))
    third = image_folder(str(root))
    assert third is not None and third.fingerprint == first.fingerprint


def test_the_fingerprint_is_the_same_elsewhere_and_follows_content(tmp_path):
    prints = []
    for name, size in (("x", (6, 9)), ("y", (6, 9)), ("z", (6, 10))):
        put(tmp_path / name / "a.jpg", encoded(1, size))
        data = image_folder(str(tmp_path / name))
        assert data is not None
        prints.append(data.fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_a_list_names_the_images(tmp_path):
    for index in range(3):
        put(tmp_path / f"{index}.jpg", encoded(index))
    put(tmp_path / "list.txt", b"2.jpg\n0.jpg\n")
    put(tmp_path / "list.csv", b"image,place\n1.jpg,x\n")
    assert ids(image_folder(str(tmp_path), listing="list.txt")) == ["2.jpg", "0.jpg"]
    assert ids(image_folder(str(tmp_path), listing="list.csv")) == ["1.jpg"]
    for content, words in ((b"", "one image a line"), (b"1.jpg\n1.jpg\n", "twice"), (b"9.jpg\n", "no such image")):
        put(tmp_path / "bad.txt", content)
        with pytest.raises(UserError, match=words):
            image_folder(str(tmp_path), listing="bad.txt")


def test_damaged_images_stop_or_are_counted(tmp_path, capsys):
    put(tmp_path / "set" / "a.jpg", encoded())
    put(tmp_path / "set" / "b.jpg", b"nothing")
    with pytest.raises(UserError, match=r"b\.jpg: no readable image.*allow_damaged"):
        image_folder(str(tmp_path / "set"))
    assert ids(image_folder(str(tmp_path / "set"), allow_damaged=True)) == ["a.jpg"]
    assert "1 of 2 images are left out, first:" in capsys.readouterr().out


def test_no_folder_an_empty_one_and_an_image_that_changed(tmp_path):
    assert image_folder(None) is None and tar_shards(None) is None and lmdb_folders("") is None
    (tmp_path / "set" / "sub").mkdir(parents=True)
    with pytest.raises(UserError, match="no image is there"):
        image_folder(str(tmp_path / "set"))
    for build in (tar_shards, lmdb_folders):
        with pytest.raises(UserError, match="is there; fetch"):
            build(str(tmp_path / "set"))
    path = put(tmp_path / "set" / "a.jpg", encoded())
    data = image_folder(str(tmp_path / "set"))
    put(path, encoded(size=(20, 20)))
    assert data is not None
    with pytest.raises(UserError, match="listed with"):
        data.read_image(0)


def test_tar_members_are_read_in_any_order(tmp_path):
    tar(tmp_path / "b.tar", {"x/7.jpg": encoded(3), "x/7.json": b"{}"})
    tar(
        tmp_path / "a.tar", {"1.jpg": encoded(1, (5, 7)), "2.jpg": encoded(2, (4, 6), orientation=8), "2.txt": b"hello"}
    )
    data = tar_shards(str(tmp_path))
    assert data is not None and ids(data) == ["a/1", "a/2", "b/x/7"]
    assert [record.size for record in data.records] == [(5, 7), (6, 4), (6, 9)]
    again = pickle.loads(pickle.dumps(data))
    for index in (2, 0, 1, 2):
        assert np.array_equal(again.read_image(index), data.read_image(index))
        assert abs(int(data.read_image(index)[0, 0, 0]) - 40 * (index + 1)) < 6


def test_the_places_in_a_tar_are_kept_until_it_changes(tmp_path, monkeypatch):
    path = tar(tmp_path / "a.tar", {"1.jpg": encoded(1)})
    tar_shards(str(tmp_path))
    real = tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda *a, **k: pytest.fail("listed again"))
    assert len(tar_shards(str(tmp_path)) or []) == 1
    monkeypatch.setattr(tarfile, "open", real)
    tar(path, {"1.jpg": encoded(1), "2.jpg": encoded(2)})
    assert len(tar_shards(str(tmp_path)) or []) == 2


def test_damaged_tars_and_members_are_named(tmp_path):
    tar(tmp_path / "a.tar", {"1.jpg": encoded(1), "2.jpg": b"nothing"})
    with pytest.raises(UserError, match=r"a\.tar: 2\.jpg: no readable image"):
        tar_shards(str(tmp_path))
    assert ids(tar_shards(str(tmp_path), allow_damaged=True)) == ["a/1"]
    put(tmp_path / "a.tar", b"not a tar file" * 100)
    with pytest.raises(UserError, match=r"a\.tar: no readable tar file"):
        tar_shards(str(tmp_path))
    tar(tmp_path / "a.tar", {"1.txt": b"hello"})
    with pytest.raises(UserError, match=r"a\.tar: holds no image"):
        tar_shards(str(tmp_path))


def lmdb_set(root: Path, name: str = "bedroom_train_lmdb") -> Path:
    lmdb = pytest.importorskip("lmdb", reason="an optional library: pip install lmdb")
    root.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(root / name), map_size=1 << 22) as environment, environment.begin(write=True) as writer:
        for index in range(3):
            writer.put(f"key{index}".encode(), encoded(index, kind="WEBP"))
    return root


def test_lmdb(tmp_path):
    data = lmdb_folders(str(lmdb_set(tmp_path / "lsun")))
    assert data is not None and ids(data) == [f"bedroom_train_lmdb/key{i}" for i in range(3)]
    assert data.read_image(2).shape == (6, 9, 3) and abs(int(data.read_image(2)[0, 0, 0]) - 80) < 8
    assert pickle.loads(pickle.dumps(data)).read_image(1).shape == (6, 9, 3)


LAYOUTS = {
    "bdd100k": lambda root: put(root / "bdd100k" / "images" / "100k" / "train" / "0000f77c.jpg", encoded()),
    "google_landmarks": lambda root: put(root / "train" / "0" / "0" / "a" / "00a1b2.jpg", encoded()),
    "imagenet21k": lambda root: tar(root / "n01440764.tar", {"n01440764_18.JPEG": encoded()}),
    "lsun": lmdb_set,
    "objects365": lambda root: put(root / "train" / "patch0" / "objects365_v1_00000001.jpg", encoded()),
    "open_images": lambda root: put(root / "train" / "000002b66c9c498e.jpg", encoded()),
    "places365": lambda root: put(root / "data_large" / "a" / "airfield" / "00000001.jpg", encoded()),
    "sa1b": lambda root: tar(root / "sa_000000.tar", {"./sa_1.jpg": encoded(), "./sa_1.json": b"{}"}),
}


@pytest.mark.parametrize("name", sorted(path.stem for path in Path(CONFIG_DIR, "unlabelled").glob("*.yaml")))
def test_the_configuration_reads_the_official_layout(name, tmp_path, monkeypatch):
    node = OmegaConf.create(
        {"cache_dir": None, "set": OmegaConf.load(Path(CONFIG_DIR) / "unlabelled" / f"{name}.yaml")}
    )
    monkeypatch.delenv(name.upper(), raising=False)
    assert instantiate(node.set) is None
    LAYOUTS[name](tmp_path / "set")
    monkeypatch.setenv(name.upper(), str(tmp_path / "set"))
    data = instantiate(node.set)
    assert len(data.records) >= 1 and data.read_image(0).shape == (6, 9, 3) and data.name == name
