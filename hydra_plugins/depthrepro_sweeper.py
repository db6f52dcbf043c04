"""Hydra's way into the sweeps of this project: Hydra takes sweepers from the namespace `hydra_plugins` alone.

Every Hydra program of the environment imports this file while it looks for plug-ins, so it imports nothing but Hydra.
"""

from __future__ import annotations

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SavedJobsSweeper(Sweeper):
    """Composes, checks and saves every job of a sweep before the first one starts; see `depthrepro.sweep`.

    Args:
        params: Overrides beside those on the command line, as Hydra's basic sweeper takes them.
    """

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        self._params = [f"{key}={value}" for key, value in (params or {}).items()]

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over; the jobs are processes of their own, so its task function is not needed."""
        self.hydra_context, self.config = hydra_context, config

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs of these overrides, which leaves the program with code 1 if one fails.

        Raises:
            UserError: For everything a person can put right; nothing was started then.
        """
        from depthrepro.sweep.launch import run_sweep  # 0.1 s that no other program should pay

        run_sweep([*self._params, *arguments], self.config, self.hydra_context)
