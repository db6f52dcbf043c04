"""What a person sees of a run in MLflow: few parameters, what varies first; few metrics; a note that says what it is.

The whole configuration and every metric stay in the artifacts config.yaml and metrics.jsonl.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from depthrepro.tracking.settings import without_password

_MAX_PARAM_CHARS, _MAX_KEY_CHARS = 500, 250
# Settings that say where or how a run is done; `name`, `seed` and `scale` have parameters of their own.
_NO_PARAMS = (
    *("name", "seed", "scale", "root", "run_dir", "cache_dir", "force", "reuse", "rerun_of", "logger"),
    *("data.root", "data.depth_root", "data.cache_dir", "trainer.device", "trainer.num_workers"),
    *("trainer.checkpoint_seconds", "trainer.log_every"),
)


def params(config: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a run from its configuration.

    `Table`, `Row`, `Seed` and `Scale` are capitalised, which MLflow sorts first. An object is called by its class, a
    stage by its share of the epochs.

    Args:
        config: The content of config.yaml.
    """
    table, _, row = str(config.get("name", "")).rpartition("/")
    first = {"Table": table, "Row": row, "Seed": config.get("seed"), "Scale": config.get("scale")}
    leaves = flatten(_readable(dict(config)))
    kept = {k: v for k, v in leaves.items() if not any(k == name or k.startswith(f"{name}.") for name in _NO_PARAMS)}
    return {name: printed(value) for name, value in first.items() if value not in ("", None)} | kept


def _readable(node: Any) -> Any:
    """Objects by their class instead of `_target_`, stages in one line, `_partial_` left out."""
    if not isinstance(node, dict):
        return node
    if node.get("_target_") == "hydra.utils.get_method":
        return str(node.get("path")).rpartition(".")[2]
    if set(node) == {"levels", "share", "lr_factor"}:
        slower = "" if node["lr_factor"] == 1 else f", learning rate times {node['lr_factor']:g}"
        return f"{'+'.join(node['levels'])} share {node['share']:g}{slower}"
    named = {"": _name(node["_target_"])} if "_target_" in node else {}
    return named | {k: _readable(v) for k, v in node.items() if k not in ("_target_", "_partial_")}


def _name(target: str) -> str:
    """A class's name; of a reader's function `build`, the reader's."""
    module, _, name = target.rpartition(".")
    return module.rpartition(".")[2] if name == "build" else name


def is_shown(name: str) -> bool:
    """Whether a metric is one of the few that a person compares: no part of a loss, no single output level."""
    return not re.search(r"/L\d+(/|$)", name)


def description(summary: Mapping[str, Any]) -> str:
    """A run's note, in Markdown: what it is, what it was measured on, its numbers, how to repeat it."""
    data = summary["data"]
    rendered = " (rendered, not KITTI)" if data["embedded"] else ""
    level = list(summary["metrics"])[-1] if summary["metrics"] else ""
    values = summary["metrics"].get(level, {})
    shown = ", ".join(f"{key} {values[key]:.3f}" for key in ("abs_rel", "rmse", "delta1") if key in values)
    lines = [
        f"**{summary['experiment']}**, seed {summary['seed']}, scale {summary['scale']}, on {data['name']}{rendered}, "
        f"{summary['images']} test images.",
        f"Output {level}: {shown}." if shown else "Not evaluated.",
        f"Repeat it: `python -m depthrepro.train {' '.join(summary['overrides'])}`",
    ]
    return "\n\n".join(lines)


def metric_name(name: str) -> str:
    """`name` in the characters and length that MLflow accepts."""
    cleaned = posixpath.normpath(re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)).strip("/.")
    return cleaned[:_MAX_KEY_CHARS] or "_"


def flatten(node: Any, prefix: str = "") -> dict[str, str]:
    """Leaves of nested mappings and lists as `a.b.0.c` to text; a list of scalars stays one leaf.

    >>> flatten({"a": {"b": 1, "size": [188, 620]}, "c": None})
    {'a.b': '1', 'a.size': '[188, 620]', 'c': 'null'}
    """
    if isinstance(node, list) and any(isinstance(item, dict | list) for item in node):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return {metric_name(prefix): printed(node)[:_MAX_PARAM_CHARS]} if prefix else {}
    leaves: dict[str, str] = {}
    for key, value in node.items():
        name = ".".join(part for part in (prefix, str(key)) if part)
        leaves |= flatten(value, name)
    return leaves


def printed(value: Any) -> str:
    """A scalar or list as text: strings as they are, the rest as JSON; no passwords in addresses."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return without_password(text)
