"""A row of a table as it would be trained here and now."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from depthrepro.campaign.plan import Machine
from depthrepro.config.cli import mistakes
from depthrepro.config.composed import ComposedRun
from depthrepro.config.prerequisites import needed_runs
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.protocol import Protocol
from depthrepro.core.run_dir import RunDir
from depthrepro.data.base import DepthDataset
from depthrepro.data.readers.classes import ClassSplits
from depthrepro.training.device import choose_device, choose_precision

_VARIABLE = re.compile(r"(?:oc\.env|given):([A-Z0-9_]+)")
_FOLDERS_OF_DATA = ("data", "labelled", "labelled_sets", "test", "test_sets", "unlabelled")


@dataclass(frozen=True)
class Scored:
    """A data set that a row's runs are scored on.

    Attributes:
        test: Its key in `tests`; "" for the run's own.
        data: Its name.
        fingerprint: As results.csv has it.
        protocol: As results.csv has it; "" for the run's own, which the recipe tells.
    """

    test: str
    data: str
    fingerprint: str
    protocol: str


class Row:
    """An experiment, with the data that are given or without any.

    Args:
        experiment: Its name.
        settings: Further settings, none of which changes a result.
        hidden: Variables that are not to be seen: the names of real data, where it is to run on synthetic ones.

    Raises:
        UserError: If it cannot be composed.
    """

    def __init__(self, experiment: str, settings: Sequence[str], hidden: tuple[str, ...] = ()) -> None:
        self.experiment, self.settings, self.hidden = experiment, list(settings), hidden
        with self._surroundings():
            self._cfg = _compose(self._words(0))
            job = ComposedRun(self._cfg, self._words(0))
            self.recipe, self.scale, self._runs = job.recipe, str(self._cfg.scale), job.run.path.parent
            self.root = Path(self._cfg.root).expanduser().resolve()
        device = choose_device(self._cfg.trainer.device)
        self.here: Machine = (device.type, choose_precision(job.settings.trainer.precision, device).value)

    @cached_property
    def sets(self) -> dict[str, Scored]:
        """The data sets that its runs are scored on, by name."""
        with self._surroundings():
            return {one.data: one for one in _scored(self._cfg)}

    def _words(self, seed: int) -> list[str]:
        return [f"+experiment={self.experiment}", f"seed={seed}", *self.settings]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its trainings."""
        return {name: value for name, value in os.environ.items() if name not in self.hidden}

    def run(self, seed: int) -> RunDir:
        """The run directory of a seed."""
        return RunDir(self._runs / f"seed={seed}")

    def run_name(self, seed: int) -> str:
        """The run's name in results.csv."""
        return (Path("runs") / self.run(seed).path.relative_to(self.root / "runs")).as_posix()

    def is_done(self, seed: int) -> bool:
        """Whether a finished run of it lies here, only to be committed."""
        status = self.run(seed).status()
        return status.get("status") == "done" and status.get("config_hash") == self.hash(seed)

    def hash(self, seed: int) -> str:
        """The configuration hash of a seed."""
        with self._surroundings():
            return ComposedRun(self._with(seed), []).hash

    def steps(self, seed: int) -> list[tuple[str, ...]]:
        """What to type, one after the other: module and arguments. First what the run starts from and is not there."""
        own = ("depthrepro.train", *self._words(seed))
        if self.is_done(seed):
            return [own]
        before = [step for row, n in self.needs(seed) for step in row.steps(n)]
        labels = [("depthrepro.pseudo_label", *self._words(seed))] if "teacher" in self._cfg.data else []
        return list(dict.fromkeys([*before, *labels, own]))

    def needs(self, seed: int) -> list[tuple[Row, int]]:
        """Runs that it starts from and that are not there yet, as rows and seeds."""
        with self._surroundings():
            return [(_row(n, tuple(self.settings), self.hidden), s) for n, s in needed_runs(self._with(seed))]

    def _with(self, seed: int) -> DictConfig:
        cfg = copy.deepcopy(self._cfg)
        cfg.seed = seed
        return cfg

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """The environment of its trainings, while its configuration is read: that depends on variables."""
        kept = {name: os.environ.pop(name) for name in self.hidden if name in os.environ}
        try:
            yield
        finally:
            os.environ.update(kept)


@cache
def _row(experiment: str, settings: tuple[str, ...], hidden: tuple[str, ...]) -> Row:
    return Row(experiment, settings, hidden)


def data_variables() -> tuple[str, ...]:
    """Names of the variables that say where real data lie."""
    files = [path for folder in _FOLDERS_OF_DATA for path in sorted((Path(CONFIG_DIR) / folder).rglob("*.yaml"))]
    found = {name for path in files for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))}
    return tuple(sorted(name for name in found if not name.endswith("_WEIGHTS")))


def _compose(words: Sequence[str]) -> DictConfig:
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        return compose("config", overrides=list(words))


def _scored(cfg: DictConfig) -> list[Scored]:
    """The data sets that a run of the configuration is scored on; those whose folder is not given are left out."""
    found = []
    if "teacher" not in cfg.data:  # a student has no test images of its own
        data = _instantiated(_text(cfg.data))
        if isinstance(data, ClassSplits) or isinstance(getattr(data, "test", None), DepthDataset):
            found.append(Scored("", data.name, data.fingerprint, ""))
    for name, test in cfg.tests.items():
        data = _instantiated(_text(test["data"]))
        if data is not None:
            protocol = Protocol.from_dict(dict(test["protocol"])).as_dict()
            found.append(Scored(str(name), data.name, data.fingerprint[:12], json.dumps(protocol, sort_keys=True)))
    return found


def _text(node: DictConfig) -> str:
    return json.dumps(OmegaConf.to_container(node, resolve=True, enum_to_str=True))


@cache
def _instantiated(node: str) -> Any:
    """A data set by its configuration; None where it is not there."""
    with suppress(*mistakes()):
        return instantiate(json.loads(node), _convert_="all")
    return None
