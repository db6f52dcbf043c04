"""Hydra composes configurations in less than half the time, for the tests alone: they compose hundreds.

It replaces private functions of Hydra and OmegaConf, which a user's program must not depend on;
tests/config/test_compose_faster.py holds that nothing else is composed.
"""

from __future__ import annotations

import functools
import os
import pickle
from typing import Any

import omegaconf
from hydra._internal import defaults_list
from hydra._internal.config_repository import ConfigRepository
from hydra.core.object_type import ObjectType

_load_config, _interpolation_map = ConfigRepository.load_config, defaults_list._create_interpolation_map
_loaded: dict[tuple[Any, ...], bytes] = {}


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


def compose_faster() -> None:
    """Hydra and OmegaConf keep nothing from one composition to the next, of which a sweep has hundreds."""
    ConfigRepository.load_config = _load_config_once
    defaults_list._create_interpolation_map = _interpolation_map_if_needed
    modules: tuple[Any, ...] = (omegaconf.base, omegaconf._utils)
    for module in modules:  # the tree of an expression with ${...}, which is only read
        if not hasattr(module.parse, "cache_info"):
            module.parse = functools.lru_cache(maxsize=4096)(module.parse)
