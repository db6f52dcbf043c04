"""Repeat a run from its saved configuration, in a new directory, and say what differs from today.

    python -m depthrepro.rerun runs/garg_kitti/seed=0
    python -m depthrepro.rerun runs/garg_kitti/seed=0 trainer.epochs=5
    python -m depthrepro.rerun runs/garg_kitti/seed=0 --dry-run       the differences only

The run is what its config.yaml says, not what the experiment has become since.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from itertools import chain, count
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from depthrepro.config.cli import mistakes, one_line_errors, readable
from depthrepro.config.composed import ComposedRun
from depthrepro.config.identity import result_config
from depthrepro.config.register import register_schema
from depthrepro.config.schema import CONFIG_DIR, load_config
from depthrepro.config.settings import override, typed_value
from depthrepro.core.code_state import code_state
from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import metrics_of
from depthrepro.core.reading import reading
from depthrepro.core.run_dir import RunDir

_USAGE = "usage: python -m depthrepro.rerun RUN_DIR [run_dir=NEW_DIR] [key=value ...] [--dry-run]"
_ABSENT = "(none)"
Differences = list[tuple[str, str, str]]  # (what, then, now)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, tell the differences, run, and compare the numbers."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if not typed or typed[0] in ("-h", "--help"):
        print(f"{__doc__}\n{_USAGE}")
        return
    old = RunDir(Path(typed[0]).expanduser().resolve())
    overrides = [word for word in typed[1:] if word != "--dry-run"]
    given = {item.partition("=")[0] for item in overrides}
    summary = _read(old.summary)
    cfg = _load(old, summary)
    then, before = result_config(cfg), OmegaConf.to_container(cfg, resolve=True)
    apply_overrides(cfg, overrides)
    changed = differences(before, OmegaConf.to_container(cfg, resolve=True))
    cfg.run_dir = str(Path(cfg.run_dir).expanduser().resolve() if "run_dir" in given else new_folder(old.path))
    cfg.rerun_of, cfg.force, cfg.reuse = _origin(old, summary, cfg), False, False
    if cfg.logger.run_name and "logger.run_name" not in given:  # else the new folder is its name
        cfg.logger.run_name = f"{cfg.logger.run_name} rerun"
    report_differences(old, summary, then, cfg, changed)
    if "--dry-run" in typed:
        return
    from depthrepro.runs.experiment import run_experiment  # torch takes seconds to load

    typed, recipe = [*summary.get("overrides", []), *overrides], "" if overrides else str(summary.get("recipe", ""))
    signal_number = run_experiment(ComposedRun(cfg, typed, recipe))
    if signal_number is not None:
        sys.exit(128 + signal_number)
    print(compare_numbers(summary, _read(RunDir(Path(cfg.run_dir)).summary), changed))


def _load(old: RunDir, summary: Mapping[str, Any]) -> DictConfig:
    try:
        return load_config(old.config)
    except UserError as error:
        commit = summary.get("git_commit")
        how_to_fix = f"; it ran at commit {commit}: git checkout {commit[:10]}, then rerun" if commit else ""
        raise UserError(f"{error}{how_to_fix}") from error


def apply_overrides(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Set `key=value` in a saved configuration, typed as it is.

    Raises:
        UserError: If a key is unknown or a value has the wrong type.
    """
    for item in overrides:
        key, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"cannot use {item!r}; {_USAGE}")
        override(cfg, {key: typed_value(value)})


def new_folder(old: Path) -> Path:
    """`<old>-rerun`, or the first of `<old>-rerun2`, `<old>-rerun3`, ... that does not exist."""
    names = (f"{old.name}-rerun{number}" for number in chain([""], count(2)))
    return next(path for name in names if not (path := old.with_name(name)).exists())


def _origin(old: RunDir, summary: Mapping[str, Any], cfg: DictConfig) -> str:
    """The old run's directory from `root`, and its MLflow run."""
    run_id = summary.get("run_id")
    place = Path(os.path.relpath(old.path, Path(cfg.root).expanduser().resolve())).as_posix()
    return f"{place} (MLflow run {run_id})" if run_id else place


def report_differences(
    old: RunDir, summary: Mapping[str, Any], then: Mapping[str, Any], cfg: DictConfig, changed: Differences
) -> None:
    """Print what was `changed` on the command line, what is not as it was, or is not what the experiment is today."""
    print(f"rerun of   {old.path}\n        -> {cfg.run_dir}")
    _print("changed by hand", changed)
    try:
        today = _print(
            "the experiment has changed since (the rerun does as the saved configuration says)",
            differences(then, _todays(summary.get("overrides", []), str(cfg.name))),
        )
    except mistakes() as error:
        print(f"today's defaults cannot be composed for comparison: {readable(error)}")
        today = True
    code = _print("code", _code(summary))
    packages = _print("installed", _packages(old))
    if not (changed or today or code or packages):
        print("nothing differs: configuration, code and packages are as they were")
    sys.stdout.flush()


def _print(title: str, found: Differences) -> bool:
    if found:
        print(f"{title}:")
        print("\n".join(f"  {what}: {then} -> {now}" for what, then, now in found))
    return bool(found)


def differences(then: Any, now: Any, prefix: str = "") -> Differences:
    """Leaves that differ between two nested mappings, by dotted key; what one lacks is "(none)".

    >>> differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "d": 3}})
    [('a.c', '2', '(none)'), ('a.d', '(none)', '3')]
    """
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        found: Differences = []
        for key in dict.fromkeys([*then, *now]):
            whole = f"{prefix}.{key}" if prefix else str(key)
            found += differences(then.get(key, _ABSENT), now.get(key, _ABSENT), whole)
        return found
    return [] if then == now else [(prefix, str(then), str(now))]


def _todays(typed: Sequence[str], name: str) -> dict[str, Any]:
    """Configuration that the same command would compose today."""
    from hydra import compose, initialize_config_dir  # hydra takes 0.2 s

    register_schema()
    table, slash, row = name.rpartition("/")
    typed = typed or [f"+experiment/{table}={row}" if slash else f"+experiment={name}"]
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return result_config(compose("config", overrides=list(typed)))


def _code(summary: Mapping[str, Any]) -> Differences:
    if not summary.get("git_commit"):
        return []
    commit, changes = code_state()
    then = summary["git_commit"][:10] + (" with uncommitted changes" if summary.get("git_dirty") else "")
    now = str(commit)[:10] + (" with uncommitted changes" if changes else "")
    return [("commit", then, now)] if then != now or changes else []


def _packages(old: RunDir) -> Differences:
    """Distributions whose versions differ from environment.txt."""
    if not old.environment.exists():
        return []
    lines = old.environment.read_text(encoding="utf-8").splitlines()
    then = dict(line.split("==", 1) for line in lines if "==" in line)
    return differences(then, {str(d.metadata["Name"]): d.version for d in metadata.distributions()})


def compare_numbers(
    old: Mapping[str, Any], new: Mapping[str, Any], changed: Sequence[tuple[str, str, str]] = ()
) -> str:
    """Metrics of both runs side by side at the last output, whether all are equal, and what was `changed` by hand."""
    if not old.get("metrics") or not new.get("metrics"):
        return "no numbers to compare"
    level = list(new["metrics"])[-1]
    then, now = old["metrics"].get(level, {}), new["metrics"][level]
    lines = [f"{level:10}{'then':>10}{'now':>10}"]
    lines += [
        f"{m.label:10}{then.get(k, float('nan')):10.{m.digits}f}{now[k]:10.{m.digits}f}"
        for k, m in metrics_of(now).items()
    ]
    same = old["metrics"] == new["metrics"]
    lines.append("equal to the last digit" if same else "not equal")
    lines[-1] += "".join(f"; {what} was {was} and is {now_is}" for what, was, now_is in changed)
    return "\n".join(lines)


def _read(path: Path) -> dict[str, Any]:
    """A JSON file's content; {} where there is none."""
    if not path.exists():
        return {}
    with reading(path, fix="the run's own command, typed again, writes it"):
        return dict(json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    one_line_errors(main)
