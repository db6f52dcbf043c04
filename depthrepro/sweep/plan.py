"""The jobs of a sweep: expanded as Hydra does, each composed, checked, named and given its run directory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from omegaconf import DictConfig, OmegaConf

from depthrepro.config.cli import check_named, mistakes, readable
from depthrepro.config.composed import ComposedRun
from depthrepro.config.identity import sets_one_of
from depthrepro.config.prerequisites import check_checkpoints
from depthrepro.config.schema import HOW, marked
from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.runs.reuse import equivalent_has_all
from depthrepro.runs.summary import is_answered
from depthrepro.sweep.composer import Composer
from depthrepro.training.stages import check_epochs

# How to run a sweep, not which: the same sweep is found again with or without them.
_NOT_PART_OF_THE_SWEEP = ("hydra", *marked(HOW))


class Job(ComposedRun):
    """One job of a sweep: a run as it was asked for, and its place among the others.

    Args:
        cfg: Its composed configuration.
        overrides: Arguments that run it alone.
        number: Its place in the sweep, from 1.

    Attributes:
        row: Name by which it differs from other jobs, but for the seed; "" until all are there.

    Raises:
        UserError: If a setting is out of its range.
    """

    def __init__(self, cfg: DictConfig, overrides: Sequence[str], number: int) -> None:
        super().__init__(cfg, overrides)
        self.number, self.row = number, ""

    @property
    def label(self) -> str:
        """Name for people: `color seed=2`."""
        return f"{self.row} seed={self.cfg.seed}"


def plan_jobs(typed: Sequence[str], master: DictConfig, loader: ConfigLoader) -> list[Job]:
    """Every job of the command, composed and checked.

    Args:
        typed: Overrides as typed, without those of Hydra itself.
        master: Hydra's configuration of the whole sweep.
        loader: Hydra's own.

    Raises:
        UserError: If there is no job, one cannot be composed, or two are the same run.
    """
    combinations = expand(typed, loader)
    composer, jobs = Composer(master, loader), []
    for number, overrides in enumerate(combinations, start=1):
        try:
            cfg = composer.compose(overrides)
            check_named(cfg)
            jobs.append(Job(cfg, overrides, number))
            check_epochs(jobs[-1].settings.trainer)
        except mistakes() as error:
            raise UserError(f"{readable(error, overrides)}{_which(overrides, combinations)}") from error
    for job, row in zip(jobs, row_labels(combinations, [str(job.cfg.name) for job in jobs]), strict=True):
        job.row = row
    _check_run_dirs(jobs, combinations)
    _check_checkpoints(jobs, combinations)
    return jobs


def _which(overrides: list[str], combinations: list[list[str]]) -> str:
    """` (in the job +experiment=a seed=1)`: what that job has and others lack; "" if there is no other."""
    own = [o for o in overrides if not all(o in others for others in combinations)]
    return f" (in the job {' '.join(own)})" if own else ""


def expand(typed: Sequence[str], loader: ConfigLoader) -> list[list[str]]:
    """Overrides of each job, in the order of Hydra's basic sweeper: the last key varies fastest.

    Raises:
        UserError: If a sweep has no values, or cannot be counted.
    """
    choices: dict[str, list[str]] = {}  # the last override of a key holds, at the place of the first
    for override in OverridesParser.create(config_loader=loader).parse_overrides(list(typed)):
        key = override.get_key_element()
        choices[key] = [f"{key}={value}" for value in _values(override)]
        if not choices[key]:
            raise UserError(_describe_empty(override, loader))
    return [list(job) for job in product(*choices.values())]


def _values(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if not override.is_discrete_sweep():
        raise UserError(f"{override.input_line} has no list of values: type them, or range(<first>,<end>,<step>)")
    return list(override.sweep_string_iterator())


def _describe_empty(override: Override, loader: ConfigLoader) -> str:
    group = override.key_or_group
    if override.value_type is not ValueType.GLOB_CHOICE_SWEEP:
        return f"{override.input_line} gives no job at all"
    names = loader.get_group_options(group)
    if names:
        tables = ", ".join(loader.list_groups(group))
        hint = f"; a table is swept as '+{group}/<table>=glob(*)', the tables are {tables}" if tables else ""
        return f"{override.input_line} matches nothing: {group} has {', '.join(names)}{hint}"
    parent, _, leaf = group.rpartition("/")
    groups = loader.list_groups(parent)
    return f"{override.input_line}: {parent or 'conf'} has no group {leaf!r}{did_you_mean(leaf, groups)}"


def _check_checkpoints(jobs: Sequence[Job], combinations: list[list[str]]) -> None:
    """Refuse a job that has neither a result nor the checkpoint that it starts from, if no earlier job makes that."""
    coming: set[Path] = set()
    for job in jobs:
        try:
            if not is_answered(job):
                check_checkpoints(job.cfg, coming)
        except UserError as error:
            if not equivalent_has_all(job):
                raise UserError(f"{error}{_which(job.overrides, combinations)}") from None
        coming.add(job.run.path)


def _check_run_dirs(jobs: Sequence[Job], combinations: list[list[str]]) -> None:
    """Refuse jobs that would share a directory, and directories that hold other runs."""
    first: dict[Path, Job] = {}
    for job in jobs:
        other = first.setdefault(job.run.path, job)
        if other is not job:
            raise UserError(
                f"two jobs have the same run directory {job.run.path}: job {other.number}"
                f"{_which(other.overrides, combinations)} and job {job.number}{_which(job.overrides, combinations)}; "
                "leave out run_dir=..., or whatever else gives them the same"
            )
    held = [job for job in jobs if not job.cfg.force and job.run.status().get("config_hash") not in (None, job.hash)]
    if held:
        raise UserError(
            f"{len(held)} of {len(jobs)} run directories hold runs of other configurations ({held[0].run.path} first), "
            "since these experiments were edited: force=true trains every job again, root=... keeps both"
        )


def row_labels(combinations: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """Names that tell the jobs apart, but for the seed: swept groups by their option, other settings as key=value.

    >>> row_labels([["+experiment/t=a", "optimizer.lr=1"], ["+experiment/t=b", "optimizer.lr=1"]], ["t/a", "t/b"])
    ['a', 'b']
    """
    pairs = [dict(o.lstrip("+~").partition("=")[::2] for o in job) for job in combinations]
    varying = [k for k in pairs[0] if k != "seed" and len({p.get(k) for p in pairs}) > 1]
    leaves = [k.rpartition(".")[2] for k in varying]
    shown = [leaf if leaves.count(leaf) == 1 else key for key, leaf in zip(varying, leaves, strict=True)]

    def word(key: str, name: str, value: str) -> str:
        return value if key.startswith("experiment") else f"{name}={value}"

    return [
        " ".join(word(k, n, p[k]) for k, n in zip(varying, shown, strict=True)) or name
        for p, name in zip(pairs, names, strict=True)
    ]


def sweep_name(names: Sequence[str]) -> str:
    """The table or experiment that all jobs belong to; `mixed` if there is no such thing.

    >>> sweep_name(["garg_warp/exact", "garg_warp/linearised"]), sweep_name(["garg_kitti", "garg_kitti"])
    ('garg_warp', 'garg_kitti')
    """
    if len(set(names)) == 1:
        return names[0]
    tables = {name.partition("/")[0] for name in names}
    return tables.pop() if len(tables) == 1 else "mixed"


def folder_name(name: str, typed: Sequence[str], jobs: Sequence[Job] = ()) -> str:
    """`<name>-<hash>`: the same for the same command typed again on the same data, whatever its launcher and logger.

    Where the real data lies is often said by the environment, so the jobs are asked.
    """
    roots = {str(job.cfg.data.root) for job in jobs if job.cfg.data.get("root")}
    kept = [*sorted(o for o in typed if not sets_one_of(o, _NOT_PART_OF_THE_SWEEP)), *sorted(roots)]
    digest = hashlib.sha256("\n".join(kept).encode()).hexdigest()[:8]
    return re.sub(r"[^\w.]+", "-", name)[:60] + f"-{digest}"


def snapshot_text(job: Job) -> str:
    """The job's resolved configuration as YAML."""
    return OmegaConf.to_yaml(job.cfg, resolve=True)
