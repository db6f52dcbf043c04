"""Files that are whole or absent, and caches whose bytes are checked before they are used."""

import os

import pytest

from depthrepro.core import files
from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.core.files import is_sealed, replacing, seal, write_json


@pytest.mark.parametrize(
    "write", [lambda path: write_json(path, {"a": 1}), lambda path: save_checkpoint(path, {"model": {}})]
)
def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch, write):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: (done.append(os.fstat(handle).st_size), fsync(handle)))
    monkeypatch.setattr(files.os, "replace", lambda *names: (done.append("renamed"), replace(*names)))
    write(tmp_path / "a")
    assert done == [(tmp_path / "a").stat().st_size, "renamed"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a") as beside:
        beside.write_text("new")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_a_seal_tells_any_other_content(tmp_path):
    path = tmp_path / "cache.npy"
    assert not is_sealed(path)
    path.write_bytes(bytes(1000))
    assert not is_sealed(path)
    seal(path)
    assert is_sealed(path)
    path.write_bytes(bytes(500) + b"\1" + bytes(499))
    assert not is_sealed(path)
    path.unlink()
    assert not is_sealed(path)
