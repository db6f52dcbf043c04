"""Rendering a world into a folder: in parallel, resumable, locked, and checked against a manifest."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from depthrepro.core.errors import UserError
from depthrepro.core.files import write_atomic
from depthrepro.core.progress import progress_bar
from depthrepro.worlds.units import Entry, entry, is_rendered, part_file, render_unit
from depthrepro.worlds.workers import run_workers
from depthrepro.worlds.world import Unit, World

_LOCK_WAIT_S = 3600.0


def ensure_world(
    world: World, cache_dir: Path | str, workers: int | None = None, progress: bool = True, verify: bool = False
) -> Path:
    """The folder of a world; what is missing is rendered first.

    Args:
        world: The world.
        cache_dir: Folder that holds the worlds.
        workers: Processes that render; by default one for each processor.
        progress: Whether a bar is shown on standard error while something is rendered.
        verify: Whether every file is read and compared with the manifest's hashes; its size is compared in any case.

    Returns:
        The world's root, with its `README.txt` and `manifest.json`.

    Raises:
        UserError: If the folder cannot be written, or a file differs from the manifest.
    """
    if workers is not None and workers < 1:
        raise UserError(f"{world.name}: workers must be at least 1, got {workers}")
    root = Path(cache_dir) / world.folder_name
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(root) + ".lock", timeout=_LOCK_WAIT_S)
    except OSError as error:
        raise UserError(f"{world.name}: cannot write to {root}: {error.strerror}; set DEPTHREPRO_CACHE") from error
    if verify or not _is_complete(root):
        try:
            with lock:
                _render_missing(world, root, workers, progress)
        except Timeout as error:
            message = f"{world.name}: another process has held {root}.lock for an hour; end it and retry"
            raise UserError(message) from error
    check(world, root, full=verify)
    return root


def _is_complete(root: Path) -> bool:
    """Whether the manifest and its files are there."""
    return (root / "manifest.json").is_file() and all((root / name).is_file() for name in _manifest_files(root))


def _render_missing(world: World, root: Path, workers: int | None, progress: bool) -> None:
    """Render the units that are absent, then write the small files and the manifest."""
    units = world.units()
    todo = [unit for unit in units if not is_rendered(root, unit)]
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
                run_workers(world, root, todo, count, lambda unit: bar.update(unit.items))
    if todo or not (root / "manifest.json").is_file():
        _write_manifest(world, root, units)


def _write_manifest(world: World, root: Path, units: Sequence[Unit]) -> None:
    """Write the small files, and the manifest over everything."""
    texts = world.texts()
    for name, text in texts.items():
        write_atomic(root / name, text)
    files = {name: entry(root / name) for name in texts}
    for unit in units:
        files.update(json.loads(part_file(root, unit).read_text(encoding="utf-8")))
    manifest = {
        "world": world.name,
        "version": world.version,
        "config": dataclasses.asdict(world.config),
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "files": dict(sorted(files.items())),
    }
    write_atomic(root / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _manifest_files(root: Path) -> dict[str, Entry]:
    """The manifest's files by their paths below the root."""
    path = root / "manifest.json"
    try:
        files: dict[str, Entry] = dict(json.loads(path.read_text(encoding="utf-8"))["files"])
    except Exception as error:  # whatever a damaged one leads to
        raise UserError(f"{path}: unreadable manifest; delete this file and run again") from error
    return files


def check(world: World, root: Path, *, full: bool) -> None:
    """Compare a world's folder with its manifest.

    Args:
        world: The world.
        root: Its folder.
        full: Whether the hashes of all files are compared; else of those that are no PNG.

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
        # A PNG has checksums of its own, which its decoder compares.
        if (full or file.suffix != ".png") and entry(file)["sha256"] != expected["sha256"]:
            raise UserError(f"{file}: differs from the manifest's hash; {how_to_fix}")
