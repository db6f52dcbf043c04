"""Drawing: figures side by side in processes, and none a second time from the same numbers."""

from __future__ import annotations

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
from depthrepro.core.files import write_json
from depthrepro.report.blocks import Block
from depthrepro.report.figures.style import save

Draw = Callable[[], Figure | None]
MEMORY = ".figures.json"


class Painter:
    """Draws figures while this process goes on.

    Args:
        many: Whether there are so many that starting processes pays.
        memory: Folder that remembers, in `.figures.json`, what its figures were drawn from: one whose numbers and
            whose drawing code are the same is left as it is. None = everything is drawn.
    """

    def __init__(self, *, many: bool = False, memory: Path | None = None) -> None:
        self._pool = ProcessPoolExecutor(min(os.cpu_count() or 1, 8), get_context("spawn")) if many else None
        self._memory = memory
        self._known = _read(memory / MEMORY) if memory else {}
        self._keys: dict[Path, str] = {}

    def start(self, draw: Draw, path: Path) -> Future[Path | None]:
        """Begin to draw to a PNG file; the result is its path, or None where there is nothing to show."""
        if self._memory is not None:
            name = path.relative_to(self._memory).as_posix()
            known, self._keys[path] = self._known.pop(name, {}), f"{self._code} {fingerprint(draw)}"
            if known.get("of") == self._keys[path] and path.exists() == known.get("drawn"):
                return done(path if known["drawn"] else None)
        return self._pool.submit(_write, draw, path) if self._pool is not None else done(_write(draw, path))

    def close(self) -> None:
        """End the processes; what has not begun is not drawn."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def remember(self) -> None:
        """Note what the figures of this report were drawn from; call it when all are there."""
        if self._memory is not None and self._keys:
            now = {path.relative_to(self._memory).as_posix(): (path, key) for path, key in self._keys.items()}
            kept = {name: known for name, known in self._known.items() if (self._memory / name).exists()}
            entries = {name: {"of": key, "drawn": path.exists()} for name, (path, key) in now.items()}
            write_json(self._memory / MEMORY, dict(sorted((kept | entries).items())))

    @cached_property
    def _code(self) -> str:
        """The code that draws: a changed line of it, or another matplotlib, may change every figure."""
        sources = [*sorted(Path(__file__).parents[1].rglob("*.py")), Path(metric_names.__file__)]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
        return f"{mpl.__version__} {digest.hexdigest()[:16]}"


def fingerprint(value: Any) -> str:
    """Hash of everything that a figure is drawn from; a file counts by its size and time."""
    if isinstance(value, partial):
        parts = [value.func.__qualname__, *map(fingerprint, value.args), fingerprint(value.keywords)]
    elif isinstance(value, Block):
        parts = [repr(value.keys), repr(value.lines), fingerprint(value.runs)]
    elif isinstance(value, pd.DataFrame):
        parts = [" ".join(map(str, value.columns)), value.to_csv(index=False)]
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


def done(result: Path | None) -> Future[Path | None]:
    """What `Painter.start` returns of a figure that is there already."""
    future: Future[Path | None] = Future()
    future.set_result(result)
    return future


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): dict(known) for name, known in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # nothing is lost: the figures are drawn again
        return {}
