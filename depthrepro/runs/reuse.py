"""Equal configurations are trained once: the base row of one table is often the base row of another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from depthrepro.core.run_dir import RunDir, find_runs
from depthrepro.runs.summary import due_tests, is_done
from depthrepro.tracking.state import read_tags

# Written once, then only replaced as a whole: two names for one file are safe. The rest is copied.
_LINKED = ("checkpoints", "predictions", "panel")
_COPIED = ("metrics.jsonl", "per_image.csv", "per_range.csv", "confusion.csv", "figures", "tests")


def find_equivalent(run: RunDir, root: Path, config_hash: str) -> RunDir | None:
    """A finished run under `root`/runs of the same configuration and seed, and another directory; None without one."""
    for path in find_runs(root / "runs"):
        equivalent = RunDir(path)
        if path != run.path and is_done(equivalent, config_hash):
            return equivalent
    return None


def choose_equivalent(cfg: DictConfig, run: RunDir, config_hash: str) -> RunDir | None:
    """The equivalent run that `run` is to take over: none if it has begun on its own, or if the settings forbid it."""
    if cfg.force or not cfg.reuse or run.last.exists():
        return None
    return find_equivalent(run, Path(cfg.root).expanduser().resolve(), config_hash)


def equivalent_has_all(cfg: DictConfig, run: RunDir, config_hash: str) -> bool:
    """Whether an equivalent run that `run` is to take over has every result that it would have."""
    equivalent = choose_equivalent(cfg, run, config_hash)
    return equivalent is not None and not due_tests(equivalent, cfg.tests)


def take_over(equivalent: RunDir, run: RunDir) -> None:
    """Give `run` the training's files of `equivalent`; the record (configuration, summary, status) stays its own."""
    for name in (*_LINKED, *_COPIED):
        source, target = equivalent.path / name, run.path / name
        if source.is_dir():
            shutil.copytree(
                source, target, dirs_exist_ok=True, copy_function=_link if name in _LINKED else shutil.copy2
            )
        elif source.exists():
            shutil.copy2(source, target)


def equivalent_tags(equivalent: RunDir) -> dict[str, Any]:
    """Tags of `equivalent` in the tracker; {} if it was not tracked."""
    return read_tags(equivalent.path)


def _link(source: str, target: str) -> None:
    """One more name for the file, or a copy where the file system has no such thing."""
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
