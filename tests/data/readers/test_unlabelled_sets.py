"""The official layouts of the unlabelled sets, and LMDB, which one of them comes in."""

from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.errors import UserError
from depthrepro.data.io.photos import decode_photo
from depthrepro.data.readers.lmdb_images import LmdbImages, lmdb_folders
from tests.data.image_files import encoded, ids, noisy, put, tar


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHREPRO_CACHE", str(tmp_path / "cache"))


def lmdb_set(root: Path, name: str = "bedroom_train_lmdb", extra: bytes | None = None) -> Path:
    lmdb = pytest.importorskip("lmdb", reason="writes the data")
    root.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(root / name), map_size=1 << 22) as environment, environment.begin(write=True) as writer:
        for index in range(3):
            writer.put(f"key{index}".encode(), encoded(40 * index, kind="WEBP"))
        if extra is not None:
            writer.put(b"key1a", extra)
    return root


def built(root: Path, **options) -> LmdbImages:
    data = lmdb_folders(str(root), **options)
    assert data is not None
    return data


def test_lmdb(tmp_path):
    root = lmdb_set(lmdb_set(tmp_path / "lsun"), "church_outdoor_train_lmdb")
    data = built(root)
    kinds = ("bedroom_train_lmdb", "church_outdoor_train_lmdb")
    assert ids(data) == [f"{kind}/key{i}" for kind in kinds for i in range(3)]
    assert data.encodings == {"webp": 6} and data.read_image(5).shape == (6, 9, 3)
    assert int(data.read_image(2)[0, 0, 0]) == pytest.approx(80, abs=8)
    assert int(pickle.loads(pickle.dumps(data)).read_image(1)[0, 0, 0]) == pytest.approx(40, abs=8)
    faults: list[BaseException] = []

    def read() -> None:
        try:
            for index in range(6):
                data.read_image(index)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_lmdb_that_is_damaged_or_missing(tmp_path, capsys):
    assert lmdb_folders(None) is None
    root = lmdb_set(tmp_path / "lsun", extra=b"nothing")
    with pytest.raises(UserError, match=r"bedroom_train_lmdb: key1a: .*allow_damaged=true"):
        built(root)
    data = built(root, allow_damaged=True)
    assert len(data) == 3 and int(data.read_image(2)[0, 0, 0]) == pytest.approx(80, abs=8)
    assert "1 of 4 images cannot be read" in capsys.readouterr().out
    put(root / "bedroom_train_lmdb" / "data.mdb", b"nothing" * 1000)
    with pytest.raises(UserError, match=r"bedroom_train_lmdb: cannot be read .*fetch it again"):
        built(root)
    with pytest.raises(UserError, match="is there; set root"):
        built(tmp_path / "lsun" / "bedroom_train_lmdb")


def test_lmdb_with_values_in_and_beside_the_tree(tmp_path):
    """Hundreds of keys make branches, values below a page's quarter lie in leaves; all as the library itself reads."""
    lmdb = pytest.importorskip("lmdb", reason="writes the data")
    values = {
        f"key{i:04d}".encode(): encoded(i % 250, (6 + i % 40, 9), kind="PNG" if i % 2 else "BMP") for i in range(700)
    }
    values |= {f"key{i:04d}".encode(): noisy("PNG", (40, 60 + i % 9)) for i in range(50, 700, 100)}
    (tmp_path / "lsun" / "a_lmdb").mkdir(parents=True)
    with lmdb.open(str(tmp_path / "lsun" / "a_lmdb"), map_size=1 << 24) as environment:
        for part in (0, 1):  # two transactions: the newer of the two meta pages counts
            with environment.begin(write=True) as writer:
                for number, (key, value) in enumerate(values.items()):
                    if number % 2 == part:
                        writer.put(key, value)
        with environment.begin(write=True) as writer:
            writer.delete(b"key0003")
            assert environment.stat()["depth"] > 1 and environment.stat()["overflow_pages"] > 0
    data = built(tmp_path / "lsun")
    assert ids(data) == [f"a_lmdb/{key.decode()}" for key in values if key != b"key0003"]
    assert [int(data.read_image(i)[0, 0, 0]) for i in (0, 3, 500)] == [0, 4, 1]
    assert np.array_equal(data.read_image(49), decode_photo(values[b"key0050"], ""))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_lmdb_is_a_line(tmp_path, share):
    """The library maps the file into memory: reading beyond its end is a SIGBUS."""
    root = lmdb_set(tmp_path / "lsun", extra=noisy("PNG"))
    path = root / "bedroom_train_lmdb" / "data.mdb"
    os.truncate(path, int(share * path.stat().st_size))
    with pytest.raises(UserError, match=r"bedroom_train_lmdb: .*fetch it again") as error:
        built(root)
    assert "\n" not in str(error.value)


def bdd100k(root: Path) -> None:
    put(root / "images" / "100k" / "train" / "0000f77c-6257be58.jpg", encoded())
    put(root / "labels" / "sem_seg" / "colormaps" / "train" / "0000f77c-6257be58.png", b"a mask, no photograph")


LAYOUTS = {
    "bdd100k": (bdd100k, "images/100k/train/0000f77c-6257be58.jpg"),
    "google_landmarks": (
        lambda root: put(root / "train" / "0" / "1" / "2" / "0123456789abcdef.jpg", encoded()),
        "train/0/1/2/0123456789abcdef.jpg",
    ),
    "imagenet21k": (
        lambda root: tar(root / "n01440764.tar", {"n01440764_18.JPEG": encoded()}),
        "n01440764/n01440764_18.JPEG",
    ),
    "lsun": (lmdb_set, "bedroom_train_lmdb/key0"),
    "objects365": (
        lambda root: put(root / "train" / "patch0" / "objects365_v1_00000001.jpg", encoded()),
        "train/patch0/objects365_v1_00000001.jpg",
    ),
    "open_images": (
        lambda root: put(root / "train" / "000002b66c9c498e.jpg", encoded()),
        "train/000002b66c9c498e.jpg",
    ),
    "photographs": (lambda root: put(root / "imagenet" / "n01440764.jpg", encoded()), "imagenet/n01440764.jpg"),
    "places365": (
        lambda root: put(root / "data_large" / "a" / "airfield" / "00000001.jpg", encoded()),
        "data_large/a/airfield/00000001.jpg",
    ),
    "sa1b": (
        lambda root: tar(root / "sa_000000.tar", {"./sa_1.jpg": encoded(), "./sa_1.json": b"{}"}),
        "sa_000000/sa_1.jpg",
    ),
}


def test_every_unlabelled_set_has_a_layout():
    named = {path.stem for path in Path(CONFIG_DIR, "unlabelled").glob("*.yaml")}
    assert named == {*LAYOUTS, "kitti2012", "miniplaces"}  # the two are read by readers of their own


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_configuration_reads_the_official_layout(name, tmp_path, monkeypatch):
    make, first = LAYOUTS[name]
    node = OmegaConf.create(
        {"cache_dir": str(tmp_path / "own"), "set": OmegaConf.load(Path(CONFIG_DIR) / "unlabelled" / f"{name}.yaml")}
    )
    monkeypatch.delenv(name.upper(), raising=False)
    assert instantiate(node.set) is None
    make(tmp_path / "set")
    monkeypatch.setenv(name.upper(), str(tmp_path / "set"))
    data = instantiate(node.set)
    assert ids(data)[0] == first and data.read_image(0).shape == (6, 9, 3) and data.name == name
    assert pickle.loads(pickle.dumps(data)).fingerprint == data.fingerprint
    assert (tmp_path / "own" / "image_index").is_dir() and not (tmp_path / "cache").exists()
