"""Units on disk: one is rendered as a whole or not at all.

A unit is rendered into a temporary folder, its files are moved to their places, and then its hashes are written to
`parts/`; so a unit counts as rendered only when all of it is there, whatever stops the work.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from depthrepro.core.files import sha256, to_disk, write_atomic
from depthrepro.worlds.world import Unit, World

Entry = dict[str, Any]  # {"size": bytes, "sha256": hex digest}


def render_unit(world: World, root: Path, unit: Unit) -> None:
    """Render one unit and put its files in their places."""
    work = root / f".render-{unit.name}-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    world.render(unit, work)
    files = {path.relative_to(work).as_posix(): entry(path) for path in sorted(work.rglob("*")) if path.is_file()}
    for name in files:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        to_disk(work / name)
        (work / name).replace(target)
    shutil.rmtree(work)
    write_atomic(part_file(root, unit), json.dumps(files))


def is_rendered(root: Path, unit: Unit) -> bool:
    """Whether a unit's hashes and all of its files are there."""
    part = part_file(root, unit)
    return part.is_file() and all((root / name).is_file() for name in json.loads(part.read_text(encoding="utf-8")))


def part_file(root: Path, unit: Unit) -> Path:
    """File of a unit's hashes."""
    return root / "parts" / f"{unit.name}.json"


def entry(path: Path) -> Entry:
    """Size and hash of a file."""
    return {"size": path.stat().st_size, "sha256": sha256(path)}
