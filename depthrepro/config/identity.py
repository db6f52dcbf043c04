"""Identity of a run: its directory's name, and the hash of all settings that can change a result."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from depthrepro.config.schema import ELSEWHERE, HOW, LATER, WHERE, marked
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import without_later

_PLACES = ("cache_dir", "base")  # of data: folders, whatever the data set
_LEAVES_RESULT_ALONE = ("experiment", "hydra", *marked(WHERE, HOW), *(f"data.{name}" for name in _PLACES))

_NO_SEED = 987654321
_RUN = re.compile(r"(?:^|/)runs/(?P<name>\w+(?:/\w+)?)(?:/[^/]*)?/seed=(?P<seed>\d+)/checkpoints/last\.pt$")


def override_folder(overrides: Sequence[str], data_root: str | None) -> str:
    """Folder name that says what differs from the experiment as written; "" for nothing.

    A hash follows where the name does not tell everything: of long values, of folders.

    >>> override_folder(["+experiment=garg_kitti", "trainer.max_steps=20", "input_size=[64,192]"], None)
    'input_size=64x192+trainer.max_steps=20'

    Args:
        overrides: Command-line overrides, such as ["+experiment=garg_kitti", "scale=paper"].
        data_root: Where the real data lies, None for synthetic data: the same experiment on other data is another run.
    """
    kept = _kept(overrides)
    shown = [re.sub(r"(?<=\d),\s*(?=\d)", "x", re.sub(r"[\[\]'\"]", "", o.lstrip("+"))) for o in kept]
    if data_root is not None:
        shown = [*(o for o in shown if not o.startswith("data.root=")), f"data.root={Path(data_root).name}"]
    words = [re.sub(r"[^\w.=@-]+", "-", o)[:40].strip("-.") for o in shown]
    name = "+".join(words)[:100]
    whole = data_root is None and name == "+".join(shown)
    return name if whole else f"{name}-{_digest(kept, data_root)}"


def _kept(overrides: Sequence[str]) -> list[str]:
    return sorted(o for o in overrides if not leaves_result_alone(o))


def _digest(kept: Sequence[str], data_root: str | None) -> str:
    parts = [*kept, *([] if data_root is None else [f"data.root={data_root}"])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def leaves_result_alone(override: str) -> bool:
    """Whether an override, such as "seed=1", says where or how to run, not what."""
    return sets_one_of(override, _LEAVES_RESULT_ALONE)


def sets_one_of(override: str, names: Iterable[str]) -> bool:
    """Whether an override, such as "trainer.device=cpu", sets one of these settings or groups, or a part of one."""
    key = re.split("[=@]", override.lstrip("+~"))[0].replace("/", ".")
    return any(key == name or key.startswith(f"{name}.") for name in names)


def resolve_run_dir(cfg: DictConfig, overrides: list[str]) -> Path:
    """Absolute run directory; the same on every rank and for the same command typed again.

    Raises:
        UserError: If the run's name leads out of runs/.
    """
    if cfg.run_dir:
        return Path(cfg.run_dir).expanduser().resolve()
    runs = Path(cfg.root).expanduser().resolve() / "runs"
    path = runs / cfg.name / override_folder(overrides, root := data_root(cfg.data)) / f"seed={cfg.seed}"
    if not (runs / cfg.name).resolve().is_relative_to(runs) or not cfg.name:
        raise UserError(f"name={cfg.name} leads out of {runs}: choose a name without .., or run_dir=... for the folder")
    # Earlier versions gave all changed settings a name of values and this hash.
    former = sorted((runs / cfg.name).glob(f"*-{_digest(_kept(overrides), root)}/seed={cfg.seed}"))
    return former[0] if former and not path.exists() else path


def data_root(data: DictConfig) -> str | None:
    """Where the real data lies: `root`, or every `root` below, joined by "+"; None for synthetic data alone."""
    found = [str(data.root)] if data.get("root") else []
    found += [root for node in data.values() if isinstance(node, DictConfig) and (root := data_root(node))]
    return "+".join(found) or None


def result_config(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration without the settings that cannot change the result."""
    resolved = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    assert isinstance(resolved, dict)
    for name in marked(WHERE, HOW, ELSEWHERE, LATER):
        node, _, leaf = name.rpartition(".")
        settings = resolved[node] if node else resolved
        if leaf != "seed" and not (name in marked(LATER) and settings.get(leaf)):
            settings.pop(leaf, None)
    _only_what_counts(resolved["data"])
    resolved["eval"] = without_later(resolved["eval"])
    depth = resolved["data"].get("depth")
    for part in (resolved["model"], depth if isinstance(depth, dict) else {}):
        for key, value in part.items():  # checkpoints below `root` are the same wherever that is
            if isinstance(value, str):
                part[key] = value.removeprefix(f"{Path(cfg.root)}/")
    return {str(k): _without_rooms(v) for k, v in resolved.items()}


def _without_rooms(node: Any, key: str = "") -> Any:
    """The node with each class by its file and name alone: a file that moves to another folder changes no hash."""
    if isinstance(node, dict):
        return {k: _without_rooms(v, str(k)) for k, v in node.items()}
    if key in ("_target_", "path") and isinstance(node, str) and node.startswith("depthrepro."):
        return ".".join(node.split(".")[-2:])
    return node


def _only_what_counts(node: Any) -> None:
    """Take out, at any depth, what takes no part: caches, settings that are null, sets whose folder is not given."""
    for key, value in list(node.items()):
        if key in _PLACES or value is None or (isinstance(value, dict) and value.get("root", "") is None):
            del node[key]
        elif isinstance(value, dict):
            _only_what_counts(value)


def config_hash(cfg: DictConfig) -> str:
    """12 hex digits over `result_config`."""
    return _hash(result_config(cfg))


def recipe_hash(cfg: DictConfig) -> str:
    """12 hex digits over `result_config` of no seed, folders by their names alone.

    It is the same for all seeds of an experiment and on all machines; the data themselves have fingerprints.

    Args:
        cfg: As it was composed, its references to the seed not yet resolved.
    """
    seedless = copy.deepcopy(cfg)
    seedless.seed = _NO_SEED
    return _hash(_without_places(result_config(seedless)))


def _hash(content: Any) -> str:
    text = OmegaConf.to_yaml(OmegaConf.create(content), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _without_places(node: Any, key: str = "") -> Any:
    """The node with the last part of each folder or file, and checkpoints of runs by experiment and seed."""
    if isinstance(node, dict):
        return {k: _without_places(v, str(k)) for k, v in node.items()}
    if isinstance(node, list):
        return [_without_places(value) for value in node]
    if not isinstance(node, str):
        return node
    if run := _RUN.search(node):
        return f"{run['name']} seed={run['seed']}"
    return Path(node).name if key == "root" or Path(node).expanduser().is_absolute() else node
