"""Hydra's sweeper and launchers as this project wants them: which class, which defaults, which name."""

from __future__ import annotations

import importlib.util
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from depthrepro.core.errors import UserError

_SWEEPER = "hydra_plugins.depthrepro_sweeper"
_LAUNCHERS: dict[str, tuple[str, str, dict[str, Any]]] = {  # name: (plug-in, class, our defaults)
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "JoblibLauncher", {"n_jobs": 2}),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "LocalLauncher", {"timeout_min": 7 * 24 * 60}),
    "submitit_slurm": (
        "hydra_plugins.hydra_submitit_launcher",
        "SlurmLauncher",
        # A job that runs out of time goes on from its checkpoint.
        {"timeout_min": 24 * 60, "cpus_per_task": 8, "max_num_timeout": 5},
    ),
}


def register_plugins() -> None:
    """Put our sweeper in place of Hydra's basic one, and our defaults into the launchers that are installed.

    A launcher that is not installed gets an entry too, so that `launcher_name` can say how to install it.
    """
    Plugins.instance()  # imports the installed ones, which store their defaults
    store = ConfigStore.instance()
    if _is_installed(_SWEEPER):
        sweeper = {"_target_": f"{_SWEEPER}.SavedJobsSweeper", "params": None}
        store.store(group="hydra/sweeper", name="basic", node=sweeper, provider="depthrepro")
    for name, (plugin, _, values) in _LAUNCHERS.items():
        node: Any = {"_target_": name}
        if _is_installed(plugin):
            node = OmegaConf.merge(store.load(f"hydra/launcher/{name}.yaml").node, values)
        store.store(group="hydra/launcher", name=name, node=node, provider="depthrepro")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # there is no plug-in at all
        return False


def launcher_name(config: DictConfig) -> str:
    """`basic`, `joblib`, `submitit_local` or `submitit_slurm`, else the name of another one's class.

    Raises:
        UserError: If its plug-in is not installed.
    """
    target = str(config.hydra.launcher.get("_target_"))
    if target in _LAUNCHERS:
        raise UserError(f"hydra/launcher={target} is not installed: pip install -e '.[cluster]'")
    found = target.rpartition(".")[2]
    names = {"BasicLauncher": "basic"} | {kind: name for name, (_, kind, _) in _LAUNCHERS.items()}
    return names.get(found, found)
