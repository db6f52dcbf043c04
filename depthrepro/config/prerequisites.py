"""Checkpoints that a run needs from other runs, asked for before anything is loaded or rendered."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from depthrepro.config.cli import options
from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import RunDir

# A run that the plain command of an experiment makes.
_PLAIN = re.compile(r"runs/(?P<name>\w+(?:/\w+)?)(?:/seed=(?P<seed>\d+))?$")
_WEIGHTS = (".pt", ".pth", ".safetensors")


def check_checkpoints(cfg: DictConfig, coming: Collection[Path] = ()) -> None:
    """The checkpoints of other runs that the network or the data start from are there, and those runs are done.

    Args:
        cfg: Composed configuration.
        coming: Run directories that earlier jobs of the same sweep will have filled.

    Raises:
        UserError: For the first that is not, with the command that makes it; or if a whole network is to start the
            training and none is named: it would be trained from nothing at the rate of a trained one.
    """
    if cfg.model.get("weights_of") == "network" and not cfg.model.get("weights"):
        raise UserError(
            "model.weights_of=network: no weights are named; set DEPTH_ANYTHING_WEIGHTS to published ones, or "
            "initial_weights=<checkpoint of a student>"
        )
    for part in ("model", "data"):
        for key, value in _leaves(OmegaConf.to_container(cfg[part], resolve=True), part):
            path = Path(cfg.root) / Path(value).expanduser()
            if not value.endswith("/checkpoints/last.pt"):
                if path.suffix in _WEIGHTS and not (path.is_file() or Path(value).expanduser().is_file()):
                    raise UserError(f"{key}: {value} is not there; name a file of weights that is")
                continue
            if path.parents[1].resolve() in coming:
                continue
            if not path.is_file():
                raise UserError(f"{key}: {path} is not there; {_how_to_fix(path)}")
            state = RunDir(path.parents[1]).status().get("status", "done")
            if state != "done":
                raise UserError(f"{key}: {path} is of a run that is {state}; {_how_to_fix(path)}")


def needed_runs(cfg: DictConfig) -> list[tuple[str, int]]:
    """Experiment and seed of each run that is to be trained first, for a checkpoint that is not there yet."""
    found = []
    for part in ("model", "data"):
        for _, value in _leaves(OmegaConf.to_container(cfg[part], resolve=True), part):
            path = Path(cfg.root) / Path(value).expanduser()
            run = (
                _PLAIN.search(path.parents[1].absolute().as_posix()) if value.endswith("/checkpoints/last.pt") else None
            )
            if run and not (path.is_file() and RunDir(path.parents[1]).status().get("status", "done") == "done"):
                found.append((run["name"], int(run["seed"] or 0)))
    return list(dict.fromkeys(found))


def how_to_train(run: Path) -> str | None:
    """What fills a run directory, or the folder of an experiment's runs; None if no plain command does.

    Args:
        run: Such as `runs/garg_kitti/seed=0`.
    """
    found = _PLAIN.search(run.absolute().as_posix())
    if found is None or found["name"] not in options("experiment"):
        return None
    command = f"train it first: python -m depthrepro.train +experiment={found['name']}"
    if found["seed"] not in (None, "0"):
        return f"{command} seed={found['seed']}"
    return command + (", or all it needs: make student" if found["name"] == "da_student" else "")


def _how_to_fix(path: Path) -> str:
    return how_to_train(path.parents[1]) or "name the checkpoint of a run that is finished"


def _leaves(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """(dotted key, value) of every string below a node."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(value, f"{key}.{name}")
    elif isinstance(node, str):
        yield key, node
