from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.worlds import build
from depthrepro.worlds.build import ensure_world
from depthrepro.worlds.sets.streets import Streets, list_drives


@pytest.fixture
def copy(tiny_world: Path, tmp_path: Path) -> Path:
    """A copy of the world that a test may spoil."""
    return Path(shutil.copytree(tiny_world, tmp_path / tiny_world.name))


def a_picture(root: Path) -> Path:
    return next(root.rglob("image_03/data/*.png"))


def test_an_intact_world_is_returned_without_rendering(copy, tiny_config, monkeypatch):
    monkeypatch.setattr(build, "render_unit", None)  # rendering would fail
    assert ensure_world(Streets(tiny_config), copy.parent, workers=1, verify=True) == copy


def test_a_changed_byte_is_found_by_the_full_check(copy, tiny_config):
    path = a_picture(copy)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    ensure_world(Streets(tiny_config), copy.parent)  # the size is right: the quick check passes
    with pytest.raises(UserError, match=f"{path.name}: differs"):
        ensure_world(Streets(tiny_config), copy.parent, verify=True)


def test_a_truncated_file_is_found_at_once_and_the_fix_works(copy, tiny_config, tiny_world):
    path = a_picture(copy)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"has 100 bytes, not \d+; delete .*_sync and run again"):
        ensure_world(Streets(tiny_config), copy.parent)
    shutil.rmtree(path.parents[2])
    ensure_world(Streets(tiny_config), copy.parent, workers=1, progress=False, verify=True)
    assert path.read_bytes() == (tiny_world / path.relative_to(copy)).read_bytes()


def test_a_half_finished_build_goes_on_where_it_stopped(copy, tiny_config, tiny_world, monkeypatch):
    gone, kept = list_drives(tiny_config)[1:3]
    shutil.rmtree(copy / gone.date / gone.name)
    (copy / "manifest.json").unlink()
    stale = copy / f".render-{gone.name}-999999" / "image_02"
    stale.mkdir(parents=True)
    rendered = []
    original = build.render_unit
    monkeypatch.setattr(build, "render_unit", lambda c, r, d: rendered.append(d.index) or original(c, r, d))
    before = a_picture(copy / kept.date / kept.name).stat().st_mtime_ns
    ensure_world(Streets(tiny_config), copy.parent, workers=1, progress=False)
    assert rendered == [gone.index] and not stale.exists()
    assert a_picture(copy / kept.date / kept.name).stat().st_mtime_ns == before
    old, new = (json.loads((r / "manifest.json").read_text())["files"] for r in (tiny_world, copy))
    assert old == new


def test_a_drive_without_its_hashes_is_rendered_again(copy, tiny_config):
    drive = list_drives(tiny_config)[0]
    (copy / "parts" / f"{drive.name}.json").unlink()
    (copy / "manifest.json").unlink()
    ensure_world(Streets(tiny_config), copy.parent, workers=1, progress=False, verify=True)
    assert (copy / "parts" / f"{drive.name}.json").is_file()


def test_a_damaged_scan_of_the_right_size_is_found_at_once(copy, tiny_config):
    path = next(copy.rglob("*.bin"))
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(UserError, match=f"{path.name}: differs from the manifest's hash; delete "):
        ensure_world(Streets(tiny_config), copy.parent)


def test_an_unreadable_manifest_is_named(copy, tiny_config):
    (copy / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: unreadable manifest; delete this file"):
        ensure_world(Streets(tiny_config), copy.parent)
