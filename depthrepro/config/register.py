"""Hydra's introduction to the schema and the resolvers."""

from __future__ import annotations

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from depthrepro.config.resolvers import RESOLVERS
from depthrepro.config.schema import RootConfig


def register_schema() -> None:
    """Make known to Hydra: `schema`, the first entry of conf/config.yaml, and the resolvers."""
    ConfigStore.instance().store(name="schema", node=RootConfig)
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)
