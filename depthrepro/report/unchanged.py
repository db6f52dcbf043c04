"""Whether a report lies there already: made from what lies here now, and none of its files touched since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from depthrepro.core.files import sha256, write_json

MEMORY = ".report.json"
_READ = {".yaml", ".json", ".jsonl", ".csv", ".gz", ".npz", ".png"}  # kinds of files that a report is made from
_LIBRARIES = ("jinja2", "matplotlib", "numpy", "pandas", "scipy")


def made_of(settings: str, places: Iterable[Path]) -> str:
    """Digest of all that a report depends on: settings, code, and the files at or in `places` by size and time."""
    package = Path(__file__).parents[1]
    code = [path for room in ("core", "config", "report") for path in sorted((package / room).rglob("*.*"))]
    parts = [settings, *map(version, _LIBRARIES), *(sha256(path) for path in code if path.suffix != ".pyc")]
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in _READ and path.is_file():
                stat = path.stat()
                parts.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def said_before(out: Path, key: str) -> str | None:
    """What the program said when it wrote this very report into `out`; None where the report must be made."""
    try:
        known = json.loads((out / MEMORY).read_text(encoding="utf-8"))
        whole = known["of"] == key and known["files"] == _contents(out, known["files"])
        return str(known["said"]) if whole else None
    except (OSError, ValueError, TypeError, KeyError):  # whatever it is, the report is made again
        return None


def remember(out: Path, key: str, said: str, files: Sequence[Path]) -> None:
    """Note that `files` are the report made of `key`."""
    names = [path.relative_to(out).as_posix() for path in files]
    write_json(out / MEMORY, {"of": key, "said": said, "files": _contents(out, names)})


def _contents(out: Path, names: Iterable[str]) -> dict[str, str]:
    """Digest of each file, and of every picture beside them: one that is no part of the report must go."""
    paths = {out / name for name in names}
    paths |= {picture for folder in {path.parent for path in paths} for picture in folder.glob("*.png")}
    return {path.relative_to(out).as_posix(): sha256(path) for path in sorted(paths)}
