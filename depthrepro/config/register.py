"""Hydra's introduction to the schema and the resolvers."""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from depthrepro.config.resolvers import RESOLVERS
from depthrepro.config.schema import RootConfig


class _NeverCopied(dict[str, Any]):
    """Hydra copies its whole store for each group that `--help` lists and each job; it reads the copies alone."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _NeverCopied:
        return self


def register_schema() -> None:
    """Make known to Hydra: `schema`, the first entry of conf/config.yaml, and the resolvers."""
    store = ConfigStore.instance()
    store.repo = _NeverCopied(store.repo)
    store.store(name="schema", node=RootConfig)
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)
