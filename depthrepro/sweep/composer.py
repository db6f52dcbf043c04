"""The configurations of a sweep's jobs, each as Hydra composes it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from depthrepro.config.cli import mistakes


class Composer:
    """Composes once what many jobs share, the options of groups: Hydra, too, sets all other settings after them.

    Args:
        master: Hydra's configuration of the whole sweep.
        loader: Hydra's own.
    """

    def __init__(self, master: DictConfig, loader: ConfigLoader) -> None:
        self._master, self._loader, self._groups = master, loader, loader.list_groups("")
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """A job's configuration; raises what Hydra raises.

        Args:
            overrides: Of one job, each key once, none of Hydra's own.
        """
        parsed = dict(zip(overrides, OverridesParser.create().parse_overrides(list(overrides)), strict=True))
        settings = [override for override in parsed.values() if not self._is_option(override)]
        if all(setting.type is OverrideType.CHANGE and setting.package is None for setting in settings):
            with suppress(*mistakes()):  # which Hydra is to tell
                cfg = self._with_options(tuple(word for word, override in parsed.items() if self._is_option(override)))
                for setting in settings:
                    OmegaConf.update(cfg, setting.key_or_group, setting.value(), merge=True)
                return cfg
        return self._by_hydra(overrides)

    def _is_option(self, override: Override) -> bool:
        """Whether it chooses one of a group's options; a group that stands in another has a slash in its name."""
        name = override.key_or_group
        return ("/" in name or name in self._groups) and not isinstance(override.value(), dict)

    def _with_options(self, options: tuple[str, ...]) -> DictConfig:
        if options not in self._composed:
            self._composed[options] = self._by_hydra(options)
        return copy.deepcopy(self._composed[options])

    def _by_hydra(self, overrides: Sequence[str]) -> DictConfig:
        cfg = self._loader.load_sweep_config(self._master, list(overrides))
        with read_write(cfg), open_dict(cfg):
            del cfg["hydra"]
        return cfg
