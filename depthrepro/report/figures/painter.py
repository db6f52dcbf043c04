"""Drawing: figures side by side in processes, and none a second time from the same numbers."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from depthrepro.core import metric_names
from depthrepro.core.files import replacing, sha256, write_json
from depthrepro.report import blocks
from depthrepro.report.blocks import Block
from depthrepro.report.figures.style import save

Draw = Callable[[], Figure | None]
Drawn = Callable[[], Path | None]
MEMORY = ".figures.json"
WORTH_PROCESSES = 20  # figures: a process takes as long to start as it takes to draw six


class Painter:
    """Draws figures that are not there yet.

    Args:
        memory: Folder that remembers, in `.figures.json`, what its figures were drawn from: one whose numbers, whose
            drawing code and whose content are the same is left as it is. None = everything is drawn.
        committed: Folder of tables whose `<table>/plots` are remembered alike: a figure that is drawn from the same
            numbers there is copied.
    """

    def __init__(self, *, memory: Path | None = None, committed: Path | None = None) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._memory, self._committed = memory, committed
        self._known = _read(memory / MEMORY) if memory else {}
        self._kept = _read(committed / MEMORY) if committed else {}
        self._keys: dict[Path, str] = {}
        self._wanted: dict[Path, Draw] = {}
        self._begun: dict[Path, Future[Path | None]] = {}

    def start(self, draw: Draw, path: Path) -> Drawn:
        """Have a PNG file drawn; what it returns, called when all are started, gives its path, or None without data."""
        if self._memory is not None:
            known = self._known.pop(path.relative_to(self._memory).as_posix(), {})
            self._keys[path] = key = f"{self._code} {fingerprint(draw)}"
            if known.get("of") == key and known.get("drawn", "") == _content(path):
                return partial(_same, path if known["drawn"] else None)
            if self._committed is not None:
                source = self._committed / path.parent.name / "plots" / path.name
                kept = self._kept.get(source.relative_to(self._committed).as_posix(), {})
                if kept.get("of") == key and kept.get("drawn") and kept["drawn"] == _content(source):
                    return partial(copy, source, path)
        self._wanted[path] = draw
        return partial(self._draw, path)

    def _draw(self, path: Path) -> Path | None:
        if not self._begun and len(self._wanted) >= WORTH_PROCESSES:
            self._pool = ProcessPoolExecutor(min(os.cpu_count() or 1, 8), get_context("spawn"), _seldom_collect)
            self._begun = {path: self._pool.submit(_write, draw, path) for path, draw in self._wanted.items()}
        return self._begun[path].result() if self._begun else _write(self._wanted[path], path)

    def close(self) -> None:
        """End the processes; what has not begun is not drawn."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def remember(self) -> None:
        """Note what the figures of this report were drawn from; call it when all are there."""
        if self._memory is not None and self._keys:
            now = {path.relative_to(self._memory).as_posix(): (path, key) for path, key in self._keys.items()}
            kept = {name: known for name, known in self._known.items() if (self._memory / name).exists()}
            entries = {name: {"of": key, "drawn": _content(path)} for name, (path, key) in now.items()}
            write_json(self._memory / MEMORY, dict(sorted((kept | entries).items())))

    @cached_property
    def _code(self) -> str:
        """The code that draws: a changed line of it, or another matplotlib, may change every figure."""
        sources = [*sorted(Path(__file__).parent.glob("*.py")), Path(blocks.__file__), Path(metric_names.__file__)]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
        return f"{mpl.__version__} {digest.hexdigest()[:16]}"


def fingerprint(value: Any) -> str:
    """Hash of everything that a figure is drawn from; a file counts by its size and time."""
    if isinstance(value, partial):
        parts = [value.func.__qualname__, *map(fingerprint, value.args), fingerprint(value.keywords)]
    elif isinstance(value, Block):
        parts = [repr(value.keys), repr(value.lines), fingerprint(value.runs)]
    elif isinstance(value, pd.DataFrame):
        parts = [" ".join(map(str, value.columns)), repr([value[column].tolist() for column in value])]
    elif isinstance(value, dict):
        parts = [part for key, item in value.items() for part in (repr(key), fingerprint(item))]
    elif isinstance(value, Path):
        files = sorted(value.glob("panel/*.npz")) if value.is_dir() else [value]  # a run directory's pictures
        parts = [f"{file} {stat.st_size} {stat.st_mtime_ns}" for file in files for stat in [file.stat()]]
    else:
        parts = [repr(value)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _write(draw: Draw, path: Path) -> Path | None:
    figure = draw()
    return None if figure is None else save(figure, path)


def _seldom_collect() -> None:
    gc.set_threshold(100_000)  # of the objects that matplotlib makes, the collector looks at most for nothing


def copy(source: Path, path: Path) -> Path:
    """Copy a figure, unless it lies there already; returns its path."""
    if source.absolute() != path.absolute():
        with replacing(path) as beside:
            beside.write_bytes(source.read_bytes())
    return path


def _same(path: Path | None) -> Path | None:
    return path


def _content(path: Path) -> str | None:
    """Digest of a figure; None where there is none."""
    return sha256(path)[:16] if path.is_file() else None


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): dict(known) for name, known in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # nothing is lost: the figures are drawn again
        return {}
