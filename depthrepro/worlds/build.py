"""Rendering a world into a folder: in parallel, resumable, locked, and checked against a manifest.

A unit is rendered into a temporary folder, its files are moved to their places, and then its hashes are written to
`parts/`; so a unit counts as rendered only when all of it is there, whatever stops the work.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from depthrepro.core.errors import UserError
from depthrepro.core.progress import progress_bar
from depthrepro.worlds.kitti_writer import write_text
from depthrepro.worlds.pool import run_workers
from depthrepro.worlds.world import Unit, World

_LOCK_WAIT_S = 3600.0

Entry = dict[str, Any]  # {"size": bytes, "sha256": hex digest}


def build(world: World, root: Path, *, workers: int | None, progress: bool, verify: bool) -> None:
    """Bring the folder `root` to the state that the world describes; see `ensure_world`."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(root) + ".lock", timeout=_LOCK_WAIT_S)
    except OSError as error:
        raise UserError(f"{world.name}: cannot write to {root}: {error.strerror}; set DEPTHREPRO_CACHE") from error
    if not verify and _is_complete(world, root):
        return
    try:
        with lock:
            _render_missing(world, root, workers, progress)
            check(world, root, full=verify)
    except Timeout as error:
        raise UserError(f"{world.name}: another process has held {root}.lock for an hour; end it and retry") from error


def _is_complete(world: World, root: Path) -> bool:
    """Whether the manifest and its files are there; raises if one has another size."""
    if not (root / "manifest.json").is_file():
        return False
    if not all((root / name).is_file() for name in _manifest_files(root)):
        return False
    check(world, root, full=False)
    return True


def _part(root: Path, unit: Unit) -> Path:
    """Where a unit's hashes lie."""
    return root / "parts" / f"{unit.name}.json"


def _is_rendered(root: Path, unit: Unit) -> bool:
    """Whether a unit's hashes and all of its files are there."""
    part = _part(root, unit)
    return part.is_file() and all((root / name).is_file() for name in json.loads(part.read_text(encoding="utf-8")))


def _render_missing(world: World, root: Path, workers: int | None, progress: bool) -> None:
    """Render the units that are absent, then write the small files and the manifest."""
    units = world.units()
    todo = [unit for unit in units if not _is_rendered(root, unit)]
    for stale in root.glob(".render-*"):
        shutil.rmtree(stale)
    if todo:
        count = min(workers or os.cpu_count() or 1, len(todo))
        total = sum(unit.items for unit in todo)
        with progress_bar(None, f"rendering {world.name}", world.noun, shown=progress, total=total) as bar:
            if count == 1:
                for unit in todo:
                    render_unit(world, root, unit)
                    bar.update(unit.items)
            else:
                for index in run_workers(world, root, [unit.index for unit in todo], count):
                    bar.update(units[index].items)
    if todo or not (root / "manifest.json").is_file():
        _write_manifest(world, root, units)


def render_unit(world: World, root: Path, unit: Unit) -> None:
    """Render one unit and put its files in their places."""
    work = root / f".render-{unit.name}-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    world.render(unit, work)
    files = {path.relative_to(work).as_posix(): entry(path) for path in _files(work)}
    for name in files:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (work / name).replace(target)
    shutil.rmtree(work)
    write_text(_part(root, unit), json.dumps(files))


def _files(folder: Path) -> Iterable[Path]:
    """All files below a folder, in a fixed order."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def entry(path: Path) -> Entry:
    """Size and hash of a file."""
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _write_manifest(world: World, root: Path, units: Iterable[Unit]) -> None:
    """Write the small files, and the manifest over everything."""
    files = {path.relative_to(root).as_posix(): entry(path) for path in world.write_small_files(root)}
    for unit in units:
        files.update(json.loads(_part(root, unit).read_text(encoding="utf-8")))
    manifest = {
        "world": world.name,
        "version": world.version,
        "config": dataclasses.asdict(world.config),
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "files": dict(sorted(files.items())),
    }
    write_text(root / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _manifest_files(root: Path) -> dict[str, Entry]:
    """The manifest's files by their paths below the root."""
    path = root / "manifest.json"
    try:
        files: dict[str, Entry] = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: unreadable manifest; delete this file and run again") from error
    return files


def check(world: World, root: Path, *, full: bool) -> None:
    """Compare a world's folder with its manifest.

    Args:
        world: The world.
        root: Its folder.
        full: Whether hashes are compared, not only sizes.

    Raises:
        UserError: At the first file that is missing or differs.
    """
    for name, expected in _manifest_files(root).items():
        file = root / name
        how_to_fix = f"delete {world.remade_by_deleting(root, name)} and run again to make it anew"
        size = file.stat().st_size if file.is_file() else -1
        if size != expected["size"]:
            fault = "is missing" if size < 0 else f"has {size} bytes, not {expected['size']}"
            raise UserError(f"{file}: {fault}; {how_to_fix}")
        if full and entry(file)["sha256"] != expected["sha256"]:
            raise UserError(f"{file}: differs from the manifest's hash; {how_to_fix}")
