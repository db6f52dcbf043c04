"""Where this package takes hold of Hydra: its launchers' defaults, and the jobs they are given.

Left alone, Hydra composes each job from conf/ at the moment it starts, so that an edit or a checkout during a sweep
changes the jobs still to come. Here a job is its number, and its configuration the one saved at launch.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from depthrepro.core.errors import UserError

KEY = "sweep_job"
_PLUGINS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "submitit_slurm": "hydra_plugins.hydra_submitit_launcher",
}


class JobLoader(ConfigLoaderImpl):
    """Gives a launcher the number of a saved job where Hydra's own loader would compose one from conf/.

    Args:
        loader: Hydra's own.
        folder: The sweep's folder.
        launch: Mark of this launch.
    """

    def __init__(self, loader: ConfigLoader, folder: Path, launch: str) -> None:
        super().__init__(config_search_path=loader.get_search_path())
        self.folder, self.launch = folder, launch

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Hydra's settings of the sweep, and under `sweep_job` what `start.start_job` takes."""
        number = int(sweep_overrides[0].partition("=")[2])
        cfg = OmegaConf.masked_copy(master_config, "hydra")
        with read_write(cfg), open_dict(cfg):
            cfg.hydra.overrides.task = list(sweep_overrides)
            cfg[KEY] = {"path": str(self.folder), "launch": self.launch, "number": number}
        return cfg


def hydra_loader() -> ConfigLoader:
    """The loader of the Hydra that runs this program."""
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    return hydra.config_loader


def hand_over(config: DictConfig, folder: Path, launch: str, numbers: Sequence[int]) -> None:
    """Make Hydra, which is about to sweep over what was typed, launch these saved jobs.

    Args:
        config: Hydra's configuration of the sweep; changed.
        folder: The sweep's folder.
        launch: Mark of this launch.
        numbers: Jobs to launch.
    """
    hydra: Any = GlobalHydra.instance().hydra
    hydra.config_loader = JobLoader(hydra.config_loader, folder, launch)
    with read_write(config), open_dict(config):
        config.hydra.overrides.task = [f"+{KEY}={','.join(map(str, numbers))}"]
        config.hydra.sweep.dir = str(folder)
        config.hydra.sweeper.params = None  # they are part of what was expanded


def sweep_arguments(config: DictConfig) -> list[str]:
    """What Hydra's sweeper would expand.

    Raises:
        UserError: If another sweeper is configured: what it will launch cannot be known before.
    """
    sweeper = config.hydra.sweeper
    if not str(sweeper.get("_target_")).endswith("basic_sweeper.BasicSweeper"):
        raise UserError("hydra/sweeper: only Hydra's basic sweeper is supported, whose jobs are known at launch")
    params = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    return params + [str(o) for o in config.hydra.overrides.task]


def register_launchers() -> None:
    """Our defaults for the launchers that can be installed; one that is not gets a place to be named from."""
    from hydra.core.plugins import Plugins

    Plugins.instance()  # imports the installed ones, which store their defaults
    changes: dict[str, dict[str, Any]] = {
        "joblib": {"n_jobs": 2},
        "submitit_local": {"timeout_min": 7 * 24 * 60},
        # A job that runs out of time goes on from its checkpoint.
        "submitit_slurm": {"timeout_min": 24 * 60, "cpus_per_task": 8, "max_num_timeout": 5},
    }
    store = ConfigStore.instance()
    for name, values in changes.items():
        node: Any = {"_target_": name}
        if importlib.util.find_spec(_PLUGINS[name]) is not None:
            node = OmegaConf.merge(store.load(f"hydra/launcher/{name}.yaml").node, values)
        store.store(group="hydra/launcher", name=name, node=node, provider="depthrepro")


def launcher_name(config: DictConfig) -> str:
    """`basic`, `joblib`, `submitit_local` or `submitit_slurm`, else the name of another one's class.

    Raises:
        UserError: If its plugin is not installed.
    """
    target = str(config.hydra.launcher.get("_target_"))
    if target in _PLUGINS:
        raise UserError(f"hydra/launcher={target} is not installed: pip install -e '.[cluster]'")
    known = {"BasicLauncher": "basic", "JoblibLauncher": "joblib"}
    known |= {"LocalLauncher": "submitit_local", "SlurmLauncher": "submitit_slurm"}
    name = target.rpartition(".")[2]
    return known.get(name, name)


def jobs_at_once(config: DictConfig, launcher: str, jobs: int) -> int:
    """How many jobs share the cores of one machine."""
    if launcher == "joblib":
        wanted = int(config.hydra.launcher.n_jobs)
        return max(1, min(jobs, wanted if wanted > 0 else cores() + 1 + wanted))
    return jobs if launcher == "submitit_local" else 1


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
