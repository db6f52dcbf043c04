"""Equal configurations are trained once: the base row of one table is often the base row of another."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from depthrepro.core.run_dir import RunDir, find_runs
from depthrepro.runs.summary import due_tests, is_done
from depthrepro.tracking.state import TAGS_FILE

# Written once, then only replaced as a whole: two names for one file are safe. The rest is copied.
_LINKED = ("checkpoints", "predictions", "panel")
_COPIED = ("metrics.jsonl", "per_image.csv", "per_range.csv", "confusion.csv", "figures", "tests")


def find_twin(run: RunDir, root: Path, config_hash: str) -> RunDir | None:
    """A finished run under `root`/runs of the same configuration and seed, and another directory; None without one."""
    for path in find_runs(root / "runs"):
        twin = RunDir(path)
        if path != run.path and is_done(twin, config_hash):
            return twin
    return None


def choose_twin(cfg: DictConfig, run: RunDir, config_hash: str) -> RunDir | None:
    """The twin that `run` is to take over: none if it has begun on its own, or if the settings forbid it."""
    if cfg.force or not cfg.reuse or run.last.exists():
        return None
    return find_twin(run, Path(cfg.root).expanduser().resolve(), config_hash)


def twin_has_all(cfg: DictConfig, run: RunDir, config_hash: str) -> bool:
    """Whether a twin that `run` is to take over has every result that it would have."""
    twin = choose_twin(cfg, run, config_hash)
    return twin is not None and not due_tests(twin, cfg.tests)


def take_over(twin: RunDir, run: RunDir) -> None:
    """Give `run` the training's files of `twin`; the record (configuration, summary, status) stays its own."""
    for name in (*_LINKED, *_COPIED):
        source, target = twin.path / name, run.path / name
        if source.is_dir():
            shutil.copytree(
                source, target, dirs_exist_ok=True, copy_function=_link if name in _LINKED else shutil.copy2
            )
        elif source.exists():
            shutil.copy2(source, target)


def twin_tags(twin: RunDir) -> dict[str, Any]:
    """What the tracker knows `twin` by; {} if it was not tracked."""
    file = twin.path / TAGS_FILE
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _link(source: str, target: str) -> None:
    """One more name for the file, or a copy where the file system has no such thing."""
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
