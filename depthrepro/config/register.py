"""Hydra's introduction to the schema and the resolvers, and what lets it compose in less than half the time."""

from __future__ import annotations

import functools
import os
import pickle
from typing import Any

import omegaconf
from hydra._internal import defaults_list
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType
from omegaconf import OmegaConf

from depthrepro.config.resolvers import RESOLVERS
from depthrepro.config.schema import RootConfig

_load_config, _interpolation_map = ConfigRepository.load_config, defaults_list._create_interpolation_map
_loaded: dict[tuple[Any, ...], bytes] = {}


class _NeverCopied(dict[str, Any]):
    """Hydra copies its whole store for each group that `--help` lists and each job; it reads the copies alone."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _NeverCopied:
        return self


def _load_config_once(repository: Any, config_path: str) -> Any:
    """Hydra parses its own files and ours each time it composes. A copy each, since what is composed shares nodes."""
    source = repository._find_object_source(config_path, ObjectType.CONFIG)
    version = None
    if source is not None and source.scheme() == "file":
        stat = os.stat(os.path.join(source.path, source._normalize_file_name(config_path)))
        version = (stat.st_mtime_ns, stat.st_size)
    elif source is None or source.scheme() != "pkg":
        return _load_config(repository, config_path)
    key = (source.scheme(), source.provider, source.path, config_path, version)
    if key not in _loaded:
        _loaded[key] = pickle.dumps(_load_config(repository, config_path))
    return pickle.loads(_loaded[key])


def _interpolation_map_if_needed(overrides: Any, defaults: list[Any], self_added: bool) -> Any:
    """Hydra makes the map for every file, and looks into it for entries with ${...} alone."""
    needed = any(entry.is_interpolation() for entry in defaults)
    return _interpolation_map(overrides, defaults, self_added) if needed else None


def _compose_faster() -> None:
    """Hydra and OmegaConf keep nothing from one composition to the next, of which a sweep has hundreds."""
    ConfigRepository.load_config = _load_config_once
    defaults_list._create_interpolation_map = _interpolation_map_if_needed
    modules: tuple[Any, ...] = (omegaconf.base, omegaconf._utils)
    for module in modules:  # the tree of an expression with ${...}, which is only read
        if not hasattr(module.parse, "cache_info"):
            module.parse = functools.lru_cache(maxsize=4096)(module.parse)


def register_schema() -> None:
    """Make known to Hydra: `schema`, the first entry of conf/config.yaml, and the resolvers."""
    store = ConfigStore.instance()
    store.repo = _NeverCopied(store.repo)
    store.store(name="schema", node=RootConfig)
    _compose_faster()
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)
