"""Equal configurations are trained once: the base row of one table is often the base row of another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from depthrepro.config.composed import ComposedRun
from depthrepro.core.run_dir import RunDir, find_runs
from depthrepro.runs.summary import changed_data, changed_tests, due_tests, is_done

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


def choose_equivalent(job: ComposedRun) -> RunDir | None:
    """The equivalent run that `job` is to take over: none if it has begun on its own, or if its settings forbid it."""
    if job.cfg.force or not job.cfg.reuse or job.run.last.exists():
        return None
    found = find_equivalent(job.run, Path(job.cfg.root).expanduser().resolve(), job.hash)
    return None if found is None or changed_data(found, job.cfg) or changed_tests(found, job.cfg) else found


def equivalent_has_all(job: ComposedRun) -> bool:
    """Whether an equivalent run that `job` is to take over has every result that it would have."""
    equivalent = choose_equivalent(job)
    return equivalent is not None and not due_tests(equivalent, job.cfg.tests)


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


def _link(source: str, target: str) -> None:
    """One more name for the file, or a copy where the file system has no such thing."""
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
