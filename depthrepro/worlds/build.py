"""Rendering a world into a folder: in parallel, resumable, locked, and checked against a manifest.

A drive is rendered into a temporary folder and renamed, after its hashes were written to `parts/`; so a drive's folder
is either complete or absent, whatever stops the work.
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

from depthrepro.errors import UserError
from depthrepro.progress import progress_bar
from depthrepro.worlds.calibration import make_rig, write_calibration
from depthrepro.worlds.kitti_writer import split_text, write_frame, write_text
from depthrepro.worlds.pool import run_workers
from depthrepro.worlds.streets import SPLITS, WORLD_VERSION, Drive, DriveRenderer, StreetsConfig, list_drives

_LOCK_WAIT_S = 3600.0

Entry = dict[str, Any]  # {"size": bytes, "sha256": hex digest}


def build(config: StreetsConfig, root: Path, *, workers: int | None, progress: bool, verify: bool) -> None:
    """Bring the folder `root` to the state that `config` describes; see `ensure_streets`."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(root) + ".lock", timeout=_LOCK_WAIT_S)
    except OSError as error:
        raise UserError(f"streets: cannot write to {root}: {error.strerror}; set DEPTHREPRO_CACHE") from error
    if not verify and _is_complete(config, root):
        return
    try:
        with lock:
            _render_missing(config, root, workers, progress)
            check(root, full=verify)
    except Timeout as error:
        raise UserError(f"streets: another process has held {root}.lock for an hour; end it and run again") from error


def _is_complete(config: StreetsConfig, root: Path) -> bool:
    """Whether the manifest is there and every file has its size; raises if one is damaged."""
    missing = [d for d in list_drives(config) if not _folder(root, d).is_dir()]
    if missing or not (root / "manifest.json").is_file():
        return False
    check(root, full=False)
    return True


def _folder(root: Path, drive: Drive) -> Path:
    """Where a drive lies."""
    return root / drive.date / drive.name


def _part(root: Path, drive: Drive) -> Path:
    """Where a drive's hashes lie until the manifest is complete."""
    return root / "parts" / f"{drive.name}.json"


def _render_missing(config: StreetsConfig, root: Path, workers: int | None, progress: bool) -> None:
    """Render the drives that are absent, then write the small files and the manifest."""
    drives = list_drives(config)
    todo = [d for d in drives if not (_folder(root, d).is_dir() and _part(root, d).is_file())]
    for stale in root.glob(".render-*"):
        shutil.rmtree(stale)
    if todo:
        count = min(workers or os.cpu_count() or 1, len(todo))
        bar = progress_bar(None, "rendering streets", "pair", shown=progress, total=sum(d.frames for d in todo))
        with bar:
            if count == 1:
                for drive in todo:
                    bar.update(render_drive(config, root, drive))
            else:
                for index in run_workers(config, root, [d.index for d in todo], count):
                    bar.update(drives[index].frames)
    if todo or not (root / "manifest.json").is_file():
        _write_manifest(config, root, drives)


def render_drive(config: StreetsConfig, root: Path, drive: Drive) -> int:
    """Render one drive and return its number of frames."""
    work = root / f".render-{drive.name}-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    renderer = DriveRenderer(config, drive)
    for number in range(drive.frames):
        pair = renderer.frame(number)
        write_frame(work, number, pair.left, pair.right, pair.scan)
    target = _folder(root, drive)
    prefix = target.relative_to(root)
    files = {str((prefix / p.relative_to(work)).as_posix()): entry(p) for p in _files(work)}
    write_text(_part(root, drive), json.dumps(files))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)
    return drive.frames


def _files(folder: Path) -> Iterable[Path]:
    """All files below a folder, in a fixed order."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def entry(path: Path) -> Entry:
    """Size and hash of a file."""
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _write_manifest(config: StreetsConfig, root: Path, drives: list[Drive]) -> None:
    """Write calibration, split lists, the note, and the manifest over everything."""
    small: list[Path] = []
    for date in sorted({d.date for d in drives}):
        small += write_calibration(make_rig(date, config.width, config.height), root / date)
    for split in SPLITS:
        path = root / "splits" / f"{split}.csv"
        write_text(path, split_text([(d.name, d.frames) for d in drives if d.split == split]))
        small.append(path)
    write_text(root / "README.txt", _note(config))
    small.append(root / "README.txt")
    files = {p.relative_to(root).as_posix(): entry(p) for p in small}
    for drive in drives:
        files.update(json.loads(_part(root, drive).read_text(encoding="utf-8")))
    manifest = {
        "world": "streets",
        "version": WORLD_VERSION,
        "config": dataclasses.asdict(config),
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "files": dict(sorted(files.items())),
    }
    write_text(root / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _note(config: StreetsConfig) -> str:
    """The folder's own explanation."""
    settings = ", ".join(f"{k}={v}" for k, v in dataclasses.asdict(config).items())
    return (
        "Rendered data, not recordings: procedural streets of the depthrepro project, world `streets`, "
        f"version {WORLD_VERSION}.\n{settings}\n\n"
        "The layout is KITTI raw's: <date>/<drive>/image_02 (left), image_03 (right), velodyne_points, and the\n"
        "calibration of each date. The images are rectified. A scan holds the forward sector of one turn of a\n"
        "64-beam scanner (+2 to -24.8 degrees, 0.17 degrees a step, 2 cm of range noise, 100 m), the part that can\n"
        "fall into the images. splits/ lists the frames: drive, side (l = image_02), frame numbers. One drive is one\n"
        "scene, and no scene is in two splits. Numbers measured on these pictures say nothing about KITTI.\n"
    )


def check(root: Path, *, full: bool) -> None:
    """Compare a world with its manifest.

    Args:
        root: The world's folder.
        full: Whether hashes are compared, not only sizes.

    Raises:
        UserError: At the first file that is missing or differs.
    """
    path = root / "manifest.json"
    try:
        files: dict[str, Entry] = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: unreadable manifest; delete this file and run again") from error
    for name, expected in files.items():
        file = root / name
        drive = root / Path(*Path(name).parts[:2]) if len(Path(name).parts) > 2 else path
        way_out = f"delete {drive} and run again to make it anew"
        size = file.stat().st_size if file.is_file() else -1
        if size != expected["size"]:
            fault = "is missing" if size < 0 else f"has {size} bytes, not {expected['size']}"
            raise UserError(f"{file}: {fault}; {way_out}")
        if full and entry(file)["sha256"] != expected["sha256"]:
            raise UserError(f"{file}: differs from the manifest's hash; {way_out}")
