"""Parameters and metrics as MLflow shows them: few of each, and what varies between rows first.

MLflow sorts names as bytes, capitals first, both in its lists and where runs are compared: so what a reader looks for
first has a capital. The whole configuration and every metric stay in the artifacts config.yaml and metrics.jsonl.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from depthrepro.config.identity import sets_one_of
from depthrepro.config.logger import without_password
from depthrepro.config.schema import HOW, WHERE, marked
from depthrepro.core.protocol import read_protocol

# Of the nine metrics, those that are compared at a glance.
HEADLINE = ("abs_rel", "rmse", "delta1", "top1", "top5")

_MAX_PARAM_CHARS, _MAX_KEY_CHARS = 500, 250
# Settings that cannot change a result, and those with a parameter of their own; of the trainer's, `Typed` tells.
_NOT_CHANGES = ("scale", "experiment", "hydra", *(name for name in marked(WHERE, HOW) if "." not in name))
# Settings that no list of runs needs; where one was typed, `Typed` shows it.
_NO_PARAMS = (
    *("scale", "initial_weights", *marked(WHERE, HOW)),
    *("data.root", "data.depth_root", "data.cache_dir", "data.allow_missing", "data.synthetic"),
    *("trainer.log_every", "trainer.channels_last", "trainer.validate_every"),
)


def params(config: Mapping[str, Any], tags: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Parameters of a run from its configuration.

    First `Data`, `Row`, `Scale`, `Seed`, `Table` and `Typed` (what the command line changed), then the settings. A
    group is called by its class, and the protocol and the stages take one line each.

    Args:
        config: The content of config.yaml.
        tags: The content of mlflow_tags.json, which names the data set and what was typed.
    """
    tags = tags or {}
    table, _, row = str(config.get("name", "")).rpartition("/")
    first = {
        "Data": tags.get("data"),
        "Row": row,
        "Scale": config.get("scale"),
        "Seed": config.get("seed"),
        "Table": table,
        "Typed": shlex.join(changes(tags.get("overrides") or [])),
    }
    leaves = flatten({name: _readable(name, node) for name, node in config.items()})
    leaves.pop("data", None)  # the reader: `Data` says more, and on some servers the two names would be the same
    kept = {name: value for name, value in leaves.items() if not sets_one_of(name, _NO_PARAMS)}
    return {name: printed(value)[:_MAX_PARAM_CHARS] for name, value in first.items() if value not in ("", None)} | kept


def changes(overrides: Sequence[str]) -> list[str]:
    """Overrides besides the experiment, the seed, the scale, and where to write."""
    return [typed for typed in overrides if not sets_one_of(typed, _NOT_CHANGES)]


def main_output(config: Mapping[str, Any], tags: Mapping[str, Any] | None = None) -> str | None:
    """The output that stands for the run: the last that was trained.

    A run tells it in its tags, where the configuration leaves the outputs to the network; None where neither says.
    """
    if (tags or {}).get("output"):
        return str((tags or {})["output"])
    trainer = config.get("trainer") or {}
    stages = [stage for stage in (trainer.get("stages") or {}).values() if stage.get("share", 1) > 0]
    levels = stages[-1].get("levels") if stages else None
    return trainer.get("finest") or (str(levels[-1]) if levels else None)


def shown_metric(name: str, main: str | None) -> str | None:
    """Name under which MLflow shows a metric; None for one that it does not show: the list stays short.

    Of the test metrics the headline ones of the main output, or of each test set; of the losses their sum.

    >>> shown_metric("test/L12/abs_rel", "L12")
    'Test/abs_rel'
    >>> shown_metric("test/nyu/delta1", "affine_inv_depth")
    'Test/nyu/delta1'
    """
    group, _, rest = name.partition("/")
    if group == "test":
        level, _, metric = rest.rpartition("/")
        if metric not in HEADLINE or (level != main and re.fullmatch(r"L\d+", level)):
            return None
        return f"Test/{metric}" if level in ("", main) else f"Test/{level}/{metric}"
    return None if re.search(r"/L\d+(/|$)", name) else metric_name(name)


def metric_name(name: str) -> str:
    """`name` in the characters and length that MLflow accepts."""
    cleaned = posixpath.normpath(re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)).strip("/.")
    return cleaned[:_MAX_KEY_CHARS] or "_"


def flatten(node: Any, prefix: str = "") -> dict[str, str]:
    """Leaves of nested mappings and lists as `a.b.0.c` to text; a list of scalars stays one leaf.

    Such a list is written without brackets: MLflow spreads anything that looks like JSON over many lines.

    >>> flatten({"a": {"b": 1, "size": [188, 620]}, "c": None})
    {'a.b': '1', 'a.size': '188, 620', 'c': 'null'}
    """
    if isinstance(node, list):
        if not any(isinstance(item, dict | list) for item in node):
            node = ", ".join(map(printed, node)) or "none"
        else:
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


def _readable(name: str, node: Any) -> Any:
    """A group as it is shown: its class, a function by its name, protocol and stages in a line."""
    if not isinstance(node, dict):
        return node
    if name == "eval":
        try:
            return read_protocol(node).describe()
        except (TypeError, ValueError):  # of another version
            return node
    if name == "trainer" and isinstance(node.get("stages"), dict):
        node = node | {"stages": _stages(node["stages"])}
    named = {"": node["_target_"].rpartition(".")[2]} if "_target_" in node else {}
    return named | _settings(node)


def _settings(node: Any) -> Any:
    """Settings without `_target_` and `_partial_`: which class is one of many is said once, by its group."""
    if not isinstance(node, dict):
        return node
    if node.get("_target_") == "hydra.utils.get_method":
        return str(node.get("path")).rpartition(".")[2]
    return {key: _settings(value) for key, value in node.items() if key not in ("_target_", "_partial_")}


def _stages(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """`L8 > L9 > L9+L10 (share 2)`: outputs that are trained together, in order; shares only where they differ."""
    active = [stage for stage in stages.values() if stage.get("share", 1) > 0]
    shares = [stage.get("share", 1) for stage in active]
    texts = []
    for stage, share in zip(active, shares, strict=True):
        lr_factor = stage.get("lr_factor", 1)
        notes = [] if len(set(shares)) == 1 else [f"share {share:g}"]
        notes += [] if lr_factor == 1 else [f"learning rate times {lr_factor:g}"]
        texts.append("+".join(stage.get("levels") or ["all outputs"]) + (f" ({', '.join(notes)})" if notes else ""))
    return " > ".join(texts)
