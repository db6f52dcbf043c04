"""A composed configuration with all that is derived from it, each derived once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from omegaconf import DictConfig

from depthrepro.config.identity import config_hash, recipe_hash, resolve_run_dir
from depthrepro.config.schema import RootConfig, typed_config
from depthrepro.core.run_dir import RunDir


class ComposedRun:
    """One run as it was asked for.

    Args:
        cfg: Composed configuration; not changed any more.
        overrides: What was typed, for the run directory's name and the record.
        recipe: See `recipe`; needed where `cfg` comes from a file, in which references to the seed are resolved.

    Attributes:
        settings: The configuration as dataclasses, whose checks have run.

    Raises:
        UserError: If a setting is out of its range.
    """

    def __init__(self, cfg: DictConfig, overrides: Sequence[str], recipe: str = "") -> None:
        self.cfg, self.overrides, self._recipe = cfg, list(overrides), recipe
        self.settings: RootConfig = typed_config(cfg)

    @cached_property
    def hash(self) -> str:
        """12 hex digits over all settings that can change the result."""
        return config_hash(self.cfg)

    @cached_property
    def recipe(self) -> str:
        """12 hex digits that all seeds of this configuration share, wherever their data lie."""
        return self._recipe or recipe_hash(self.cfg)

    @cached_property
    def run(self) -> RunDir:
        """The run directory."""
        return RunDir(resolve_run_dir(self.cfg, self.overrides))
