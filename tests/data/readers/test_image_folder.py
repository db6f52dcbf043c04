"""Images without labels in folders: ids, sizes, the index, damage."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from depthrepro.core.errors import UserError
from depthrepro.data.io.photo_probe import probe_photo
from depthrepro.data.readers import image_folder as folder_module
from depthrepro.data.readers import image_index
from depthrepro.data.readers.image_folder import ImageFiles, image_folder
from depthrepro.data.readers.image_records import JoinedNames, Names
from tests.data.image_files import encoded, ids, noisy, put


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHREPRO_CACHE", str(tmp_path / "cache"))


def images(root: Path, count: int = 3) -> Path:
    for index in range(count):
        put(root / f"{index}.jpg", encoded(40 * index))
    return root


def built(root: Path, **options) -> ImageFiles:
    data = image_folder(str(root), **options)
    assert data is not None
    return data


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Names of the images that are probed."""
    names: list[str] = []
    monkeypatch.setattr(folder_module, "probe_photo", lambda path: names.append(path.name) or probe_photo(path))
    return names


def test_folders_are_searched(tmp_path):
    root = tmp_path / "set"
    put(root / "b" / "2.PNG", encoded(80, (4, 8), "PNG", mode="RGBA"))
    put(root / "b" / "1.jpg", encoded(40, (6, 9), mode="L"))
    put(root / "b" / "1.bmp", encoded(40, (7, 7), "BMP"))
    put(root / "a.webp", encoded(120, (5, 5), "WEBP"))
    put(root / ".hidden" / "x.jpg", encoded())
    put(root / "notes.txt", b"no image")
    data = built(root)
    assert ids(data) == ["a.webp", "b/1.bmp", "b/1.jpg", "b/2.PNG"]
    assert [record.size for record in data.records] == [(5, 5), (7, 7), (6, 9), (4, 8)]
    assert all(data.read_image(i).shape == (*data.records[i].size, 3) for i in range(4))
    assert data.read_image(2)[0, 0].tolist() == [40, 40, 40]  # grey
    # Half transparent (80, 10, 20) on white: (255 + value) / 2, rounded.
    assert np.abs(data.read_image(3)[0, 0].astype(int) - [167, 132, 137]).max() <= 1
    assert data.encodings == {"bmp": 1, "jpeg": 1, "png": 1, "webp": 1}
    assert ids(built(root, under="b")) == ["b/1.bmp", "b/1.jpg", "b/2.PNG"]
    with pytest.raises(UserError, match=r"has no folder c \(there: \.hidden, b\); set root or under"):
        built(root, under="c")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_sizes_are_upright(tmp_path, kind, orientation):
    put(tmp_path / "set" / f"a.{kind.lower()[:4]}".replace("jpeg", "jpg"), encoded(40, (6, 9), kind, orientation))
    data = built(tmp_path / "set")
    assert data.records[0].size == ((9, 6) if orientation > 4 else (6, 9)) == data.read_image(0).shape[:2]


def test_a_png_may_name_its_orientation_after_the_pixels(tmp_path):
    data = encoded(40, (6, 9), "PNG")
    chunk = b"eXIf" + b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    late = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    assert probe_photo(put(tmp_path / "a.png", data[:-12] + late + data[-12:]))[:2] == (9, 6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_headers_longer_than_what_is_read_first(tmp_path, kind):
    profile = np.random.default_rng(0).integers(0, 256, 70_000, dtype=np.uint8).tobytes()
    path = put(tmp_path / "a", noisy(kind, icc_profile=profile))
    assert probe_photo(path) == (200, 300, kind.lower(), path.stat().st_size)


def test_what_follows_the_end_of_an_image_is_no_damage(tmp_path):
    for kind in ("JPEG", "PNG"):
        path = put(tmp_path / kind, noisy(kind) + b"written by a camera" * 20)
        assert probe_photo(path)[:2] == (200, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("size", [(20, 30), (200, 300)])
def test_truncated_images_are_found_when_they_are_listed(tmp_path, kind, size):
    data = noisy(kind, size)
    put(tmp_path / "set" / "a.jpg", data)
    assert len(built(tmp_path / "set")) == 1
    put(tmp_path / "set" / "b.jpg", data[: len(data) * 2 // 3])
    with pytest.raises(UserError, match=r"set: 1 of 2 images cannot be read, first: .*b\.jpg: .*allow_damaged=true"):
        built(tmp_path / "set")


def test_the_second_start_opens_no_image(tmp_path, opened):
    root = images(tmp_path / "set")
    first = built(root)
    assert sorted(opened) == ["0.jpg", "1.jpg", "2.jpg"]
    opened.clear()
    assert built(root).fingerprint == first.fingerprint and opened == []
    next((tmp_path / "cache" / "image_index").glob("*/*.npz")).write_bytes(b"damaged")
    assert built(root).fingerprint == first.fingerprint and len(opened) == 3
    images(root, 4)
    assert len(built(root)) == 4 and len(opened) == 7


def test_a_start_that_was_stopped_goes_on(tmp_path, monkeypatch, opened):
    monkeypatch.setattr(image_index, "_PART", 4)
    root = images(tmp_path / "set", 10)
    counting = folder_module.probe_photo

    def stop(path):
        if path.name == "6.jpg":
            raise KeyboardInterrupt
        return counting(path)

    monkeypatch.setattr(folder_module, "probe_photo", stop)
    with pytest.raises(KeyboardInterrupt):
        built(root)
    assert set(opened) >= {"0.jpg", "1.jpg", "2.jpg", "3.jpg"}
    opened.clear()
    monkeypatch.setattr(folder_module, "probe_photo", counting)
    data = built(root)
    assert sorted(opened) == [f"{i}.jpg" for i in range(4, 10)]
    assert ids(data) == [f"{i}.jpg" for i in range(10)]
    monkeypatch.setattr(image_index, "_PART", 1 << 16)
    assert data.fingerprint == built(root, cache_dir=str(tmp_path / "other")).fingerprint


def test_damaged_images_stop_or_are_counted_each_time(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(image_index, "_PART", 2)
    root = images(tmp_path / "set", 5)
    good = (root / "3.jpg").read_bytes()
    put(root / "3.jpg", b"nothing")
    for _ in range(2):
        with pytest.raises(UserError, match=r"first: .*3\.jpg: not an image.*allow_damaged=true"):
            built(root)
    for _ in range(2):
        data = built(root, allow_damaged=True)
        assert ids(data) == ["0.jpg", "1.jpg", "2.jpg", "4.jpg"]
        assert "set: 1 of 5 images cannot be read and are left out, first: " in capsys.readouterr().out
        assert int(data.read_image(3)[0, 0, 0]) == pytest.approx(160, abs=3)
    with pytest.raises(UserError, match=r"3\.jpg"):
        built(root)
    put(root / "3.jpg", good)  # fetched again
    assert len(built(root)) == 5 and capsys.readouterr().out == ""
    only = tmp_path / "only"
    put(only / "a.jpg", b"nothing")
    with pytest.raises(UserError, match="1 of 1 images cannot be read"):
        built(only, allow_damaged=True)


def test_the_fingerprint_follows_names_and_content_not_places_and_times(tmp_path):
    here = built(images(tmp_path / "x"))
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    for file in (tmp_path / "y").iterdir():
        os.utime(file, (1e9, 1e9))
    assert built(tmp_path / "y", cache_dir=str(tmp_path / "other")).fingerprint == here.fingerprint
    put(tmp_path / "z" / "a.jpg", encoded(40, (6, 9)))
    put(tmp_path / "w" / "a.jpg", encoded(40, (6, 10)))
    put(tmp_path / "v" / "b.jpg", encoded(40, (6, 9)))
    assert len({built(tmp_path / name).fingerprint for name in "zwv"}) == 3


def test_it_goes_to_loader_processes(tmp_path):
    data = built(images(tmp_path / "set"))
    again = pickle.loads(pickle.dumps(data))
    assert ids(again) == ids(data) and np.array_equal(again.read_image(1), data.read_image(1))


def test_a_list_names_the_images(tmp_path):
    images(tmp_path)
    put(tmp_path / "list.txt", b"./2.jpg\n0.jpg\n\n")
    put(tmp_path / "list.csv", b"image,place\n1.jpg,x\n")
    assert ids(built(tmp_path, listing="list.txt")) == ["2.jpg", "0.jpg"]
    assert ids(built(tmp_path, listing="list.csv")) == ["1.jpg"]
    cases = [(b"", "one image a line"), (b"1.jpg\n./1.jpg\n", "twice"), (b"9.jpg\n", "no such image")]
    for content, words in [*cases, (b"../1.jpg\n", "below it"), (b"/tmp/1.jpg\n", "below it")]:
        put(tmp_path / "bad.txt", content)
        with pytest.raises(UserError, match=words):
            built(tmp_path, listing="bad.txt")
    with pytest.raises(UserError, match=r"none\.txt: the list of images cannot be read"):
        built(tmp_path, listing="none.txt")


def test_links_are_followed_but_not_in_circles(tmp_path):
    root = images(tmp_path / "set", 1)
    put(tmp_path / "elsewhere" / "b.jpg", encoded())
    (root / "more").symlink_to(tmp_path / "elsewhere")
    (root / "deep").mkdir()
    (root / "deep" / "up").symlink_to(root)
    assert ids(built(root)) == ["0.jpg", "more/b.jpg"]


def test_names_that_are_no_utf8(tmp_path):
    root = images(tmp_path / "set", 1)
    try:
        Path(os.fsdecode(bytes(root) + b"/\xff.jpg")).write_bytes(encoded(200))
    except OSError:
        pytest.skip("the file system allows no such name")
    data = built(root)
    assert len(data) == 2 and int(data.read_image(1)[0, 0, 0]) == pytest.approx(200, abs=3)


def test_no_folder_an_empty_one_and_an_image_that_changed(tmp_path):
    assert image_folder(None) is None and image_folder("") is None
    with pytest.raises(UserError, match="no such folder"):
        built(tmp_path / "none")
    (tmp_path / "set" / "sub").mkdir(parents=True)
    with pytest.raises(UserError, match="no image is there"):
        built(tmp_path / "set")
    path = put(tmp_path / "set" / "a.jpg", encoded())
    data = built(tmp_path / "set")
    put(path, encoded(size=(20, 20)))
    with pytest.raises(UserError, match=r"listed with \(6, 9\); delete .*image_index.* to list anew"):
        data.read_image(0)
    path.unlink()
    with pytest.raises(UserError, match=r"a\.jpg: no such image"):
        data.read_image(0)


def test_a_cache_that_cannot_be_written(tmp_path):
    put(tmp_path / "file", b"")
    with pytest.raises(UserError, match=r"cannot be written.*DEPTHREPRO_CACHE"):
        built(images(tmp_path / "set"), cache_dir=str(tmp_path / "file"))


def test_one_process_lists_and_the_others_wait(tmp_path, capsys, opened):
    root = images(tmp_path / "set")
    first = built(root)
    shutil.rmtree(first._index)
    opened.clear()
    held, lock = threading.Event(), FileLock(first._index.with_name(f"{first._index.name}.lock"))

    def another() -> None:
        with lock:
            held.set()
            time.sleep(0.2)

    thread = threading.Thread(target=another)
    thread.start()
    held.wait()
    assert built(root).fingerprint == first.fingerprint and len(opened) == 3
    thread.join()
    assert "waiting for another process" in capsys.readouterr().err


def test_names_in_one_array():
    listed = ["a/1.jpg", "", "b/ü.jpg", "\udcff"]
    names = Names.of(iter(listed))
    assert list(names) == listed and names[-2] == "b/ü.jpg" and names[1:3] == listed[1:3]
    assert list(names.kept(np.array([True, False, True, False]))) == ["a/1.jpg", "b/ü.jpg"]
    assert names.kept(np.ones(4, dtype=bool)) is names and len(Names.of([])) == 0
    plain = Names.of(["a", "b"])
    assert plain.digest().hexdigest() == hashlib.sha256(b"a\nb").hexdigest()
    assert plain.digest("x").hexdigest() == hashlib.sha256(b"x\na\nb").hexdigest()
    with pytest.raises(IndexError):
        names[4]
    joined = JoinedNames(["s", "t", "u"], [plain, Names.of([]), Names.of(["c"])])
    assert list(joined) == ["s/a", "s/b", "u/c"] and joined.locate(2) == (2, 0) and joined[-1] == "u/c"
