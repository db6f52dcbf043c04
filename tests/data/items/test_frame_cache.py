import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from depthrepro.core.errors import UserError
from depthrepro.data.io.images import resize_rgb
from depthrepro.data.io.splits import FrameRef
from depthrepro.data.items import frame_cache
from depthrepro.data.items.frame_cache import FrameCache
from depthrepro.data.readers import stereo_folder
from depthrepro.data.readers.kitti_raw import KittiRaw
from depthrepro.data.stereo import read_pair
from tests.data.helpers import DRIVE, textured_pair, write_drive, write_folder, write_image

SMALL = (24, 48)


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "mine", [f"{i:02d}" for i in range(5)])


def train(root):
    return stereo_folder.build(str(root), test_every=5, val_every=5).train


@pytest.fixture
def writes(monkeypatch):
    """Names of the data sets whose frames were written."""
    names = []
    write = FrameCache._write

    def counted(self, files, shape, name):
        names.append(name)
        write(self, files, shape, name)

    monkeypatch.setattr(FrameCache, "_write", counted)
    return names


@pytest.mark.parametrize("size", [SMALL, (96, 192)])
def test_frames_are_the_resized_files(root, tmp_path, size):
    pairs = train(root)
    cache = FrameCache(pairs, size, tmp_path / "cache")
    assert len(cache) == len(pairs) == 3
    for i, record in enumerate(pairs.records):
        for stored, file in zip(cache.pair(i), read_pair(record), strict=True):
            np.testing.assert_array_equal(stored, resize_rgb(file, size))
            assert stored.dtype == np.uint8 and stored.flags.writeable and stored.flags.c_contiguous


def test_both_sides_of_a_pair_are_stored_once(tmp_path):
    write_drive(tmp_path / "kitti", [0, 1])
    refs = [FrameRef(DRIVE, side, frame) for side in "lr" for frame in (0, 1)]
    pairs = KittiRaw(tmp_path / "kitti", refs, "both sides")
    cache = FrameCache(pairs, SMALL, tmp_path / "cache")
    assert np.load(cache.folder / "left.npy", mmap_mode="r").shape == (2, *SMALL, 3)
    for i, record in enumerate(pairs.records):
        for stored, file in zip(cache.pair(i), read_pair(record), strict=True):
            # Resizing and mirroring commute but for rounding.
            np.testing.assert_allclose(stored.astype(int), resize_rgb(file, SMALL).astype(int), atol=1)


def test_second_use_reads_what_is_there(root, tmp_path, writes):
    for _ in range(2):
        FrameCache(train(root), SMALL, tmp_path / "cache")
    assert len(writes) == 1
    FrameCache(train(root), (12, 24), tmp_path / "cache")
    assert len(writes) == 2


@pytest.mark.parametrize("change", ["changed", "touched", "added", "removed"])
def test_any_change_of_the_files_builds_anew(root, tmp_path, writes, change):
    pairs = train(root)
    FrameCache(pairs, SMALL, tmp_path / "cache")
    record = pairs.records[-1]
    if change == "changed":
        write_image(record.left, textured_pair(99)[0])
    elif change == "touched":
        os.utime(record.right, ns=(5, 5))
    elif change == "added":
        write_folder(root, [f"{i:02d}" for i in range(5)] + ["05"])
    else:
        record.left.unlink()
        record.right.unlink()
    pairs = train(root)
    cache = FrameCache(pairs, SMALL, tmp_path / "cache")
    assert len(writes) == 2
    np.testing.assert_array_equal(cache.pair(len(cache) - 1)[0], resize_rgb(read_pair(pairs.records[-1])[0], SMALL))


def test_a_file_that_vanished_is_named(root, tmp_path):
    pairs = train(root)
    pairs.records[1].right.unlink()
    with pytest.raises(UserError, match="no such image any more"):
        FrameCache(pairs, SMALL, tmp_path / "cache")


def test_many_at_once_build_once(root, tmp_path, writes):
    pairs = train(root)
    with ThreadPoolExecutor(4) as pool:
        caches = list(pool.map(lambda _: FrameCache(pairs, SMALL, tmp_path / "cache"), range(4)))
    assert len(writes) == 1
    assert len({cache.pair(0)[0].tobytes() for cache in caches}) == 1


def test_leftovers_of_killed_builds_do_no_harm(root, tmp_path, writes):
    pairs = train(root)
    cache = FrameCache(pairs, SMALL, tmp_path / "cache")
    expected = cache.pair(0)[0]
    part = cache.folder.with_name(cache.folder.name + ".part")
    part.mkdir()
    (part / "left.npy").write_bytes(b"half")
    os.truncate(cache.folder / "left.npy", 1000)
    np.testing.assert_array_equal(FrameCache(pairs, SMALL, tmp_path / "cache").pair(0)[0], expected)
    assert len(writes) == 2 and not part.exists()


@pytest.mark.parametrize("name", ["left.npy", "right.npy", "left.npy.sha256"])
def test_damaged_bytes_of_the_right_size_are_not_trained_on(root, tmp_path, writes, name, capsys):
    pairs = train(root)
    cache = FrameCache(pairs, SMALL, tmp_path / "cache")
    expected = [frame.tobytes() for frame in cache.pair(1)]
    data = bytearray((cache.folder / name).read_bytes())
    data[-7] ^= 1
    (cache.folder / name).write_bytes(data)
    assert [frame.tobytes() for frame in FrameCache(pairs, SMALL, tmp_path / "cache").pair(1)] == expected
    assert len(writes) == 2 and f"{cache.folder} are damaged and are made anew" in capsys.readouterr().err


def test_corrupt_images_are_named_and_leave_no_cache(root, tmp_path, capfd):
    pairs = train(root)
    path = pairs.records[2].right
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match="corrupt") as error:
        FrameCache(pairs, SMALL, tmp_path / "cache")
    assert str(path) in str(error.value)
    assert [p.suffix for p in (tmp_path / "cache" / "frames").iterdir()] == [".lock"]
    capfd.readouterr()


def test_full_disk_is_refused_before_anything_is_written(root, tmp_path, monkeypatch):
    monkeypatch.setattr(frame_cache.shutil, "disk_usage", lambda _: frame_cache.shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(UserError, match=r"need 0\.0 GB, 0\.0 GB are free; .*set cache_dir"):
        FrameCache(train(root), SMALL, tmp_path / "cache")


def test_large_needs_are_said(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(frame_cache, "_SAY_BYTES", 1000)
    FrameCache(train(root), SMALL, tmp_path / "cache")
    assert "GB in" in capsys.readouterr().err


def test_unwritable_cache_is_a_user_error(root, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"cannot be written.*set cache_dir"):
        FrameCache(train(root), SMALL, tmp_path / "cache")


def test_pickled_cache_carries_no_frames(root, tmp_path):
    cache = FrameCache(train(root), (240, 480), tmp_path / "cache")
    frame = cache.pair(0)[0]
    sent = pickle.dumps(cache)
    assert len(sent) < 5000
    np.testing.assert_array_equal(pickle.loads(sent).pair(0)[0], frame)


def test_no_pairs_need_no_files(root, tmp_path):
    pairs = train(root)
    pairs.records = []
    assert len(FrameCache(pairs, SMALL, tmp_path / "cache")) == 0
