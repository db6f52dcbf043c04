"""Score a finished run again, under another protocol, from its saved predictions: no network, no GPU.

    python -m depthrepro.evaluate run_dir=runs/garg_kitti/seed=0 eval.cap_m=80 eval.crop=none

Settings of `eval` that are not named stay as the run had them. Where the data has moved, `data.root=...` says where to.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from depthrepro.errors import UserError
from depthrepro.evaluation.protocol import Protocol
from depthrepro.evaluation.rows import format_table
from depthrepro.program import did_you_mean, one_line_errors

if TYPE_CHECKING:
    from depthrepro.data.base import DataSplits

# Parts of the run's own summary that stay true for another protocol.
_ORIGIN = (
    "experiment",
    "scale",
    "seed",
    "overrides",
    "data",
    "git_commit",
    "git_dirty",
    "config_hash",
    "run_id",
    "steps",
)
_PARTS = ("eval", "data")
_USAGE = "usage: python -m depthrepro.evaluate run_dir=RUN_DIR [eval.cap_m=80 eval.crop=none ...] [data.root=...]"


def evaluate_again(
    run_dir: Path, protocol_overrides: Mapping[str, Any], data_overrides: Mapping[str, Any] | None = None
) -> Path:
    """Score a run's saved predictions; `evaluations/<protocol>/` gets per_image.csv, per_range.csv and summary.json.

    Without overrides the numbers are the run's own.

    Args:
        run_dir: The run directory.
        protocol_overrides: Settings of `Protocol` that differ from the run's, such as {"cap_m": 80}.
        data_overrides: Arguments of the data set that differ, such as {"root": "/other/disk"}.

    Returns:
        The folder that was written.

    Raises:
        UserError: If the run has no predictions, a setting or value is unknown, the data set is not the one that the
            predictions were made from, or as `score_run`.
    """
    from depthrepro.config import default_cache_dir
    from depthrepro.data.base import DepthDataset
    from depthrepro.evaluation.depth_ranges import write_ranges
    from depthrepro.evaluation.ranks import image_bars
    from depthrepro.evaluation.rows import write_rows
    from depthrepro.evaluation.run_scores import score_run
    from depthrepro.files import write_json
    from depthrepro.run_dir import now

    cfg = _load_config(run_dir)
    protocol = _protocol(cfg, protocol_overrides)
    origin = _origin(run_dir)
    splits = _data(cfg, data_overrides or {}, origin)
    predictions = run_dir / "predictions"
    checkpoints = [name for name in ("last", "best") if (predictions / name).is_dir()]
    if not checkpoints:
        raise UserError(f"{predictions}: no predictions; the run's own command, typed again, finishes the run")
    cache_dir = default_cache_dir(cfg.get("cache_dir")) / "baselines"
    watch = image_bars(True)
    if splits.test is None:
        raise UserError(f"{run_dir}: this run was scored on the test sets of tests/, not on one of its own")
    train = splits.train if isinstance(splits.train, DepthDataset) else None
    scores = score_run(run_dir, splits.test, train, protocol, checkpoints, cache_dir=cache_dir, watch=watch)
    folder = run_dir / "evaluations" / _folder_name(protocol)
    write_rows(folder / "per_image.csv", scores.rows)
    write_ranges(folder / "per_range.csv", scores.rows)
    write_json(folder / "summary.json", {**origin, "protocol": protocol.as_dict(), **scores.summary, "created": now()})
    return folder


def _load_config(run_dir: Path) -> DictConfig:
    file = run_dir / "config.yaml"
    try:
        cfg = OmegaConf.load(file)
    except FileNotFoundError:
        raise UserError(f"{file}: no such file, so {run_dir} is no run directory; check run_dir=...") from None
    except Exception as error:  # the YAML reader's errors have no common name
        raise UserError(f"{file}: not readable as YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(cfg, DictConfig) or any(part not in cfg for part in _PARTS):
        raise UserError(f"{file}: has no {' and '.join(_PARTS)}, so {run_dir} is no run directory; check run_dir=...")
    return cfg


def _protocol(cfg: DictConfig, overrides: Mapping[str, Any]) -> Protocol:
    """The run's protocol with the overrides, checked against its types."""
    known = OmegaConf.structured(Protocol)
    for key in overrides:
        if key not in known:
            raise UserError(f"unknown setting 'eval.{key}'{did_you_mean(key, map(str, known))}")
    try:
        protocol = OmegaConf.to_object(OmegaConf.merge(known, cfg.eval, dict(overrides)))
    except OmegaConfBaseException as error:
        raise UserError(f"eval.{error.full_key or '?'}: {str(error).splitlines()[0]}") from error
    assert isinstance(protocol, Protocol)
    if "split" in overrides and protocol.split != cfg.eval.split:
        raise UserError(
            f"eval.split={protocol.split}: the predictions are of split {cfg.eval.split}; train with eval.split instead"
        )
    return protocol


def _origin(run_dir: Path) -> dict[str, Any]:
    """Where the predictions come from, as the run's own summary tells; {} if the run has none yet."""
    file = run_dir / "summary.json"
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
        return {key: summary[key] for key in _ORIGIN if key in summary}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise UserError(f"{file}: not readable as JSON ({error}); delete it") from error


def _data(cfg: DictConfig, overrides: Mapping[str, Any], origin: Mapping[str, Any]) -> DataSplits:
    """The run's data set, built again; its fingerprint must be the one of the run."""
    from hydra.utils import instantiate

    for key in overrides:
        if key not in cfg.data:
            raise UserError(f"unknown setting 'data.{key}'{did_you_mean(key, map(str, cfg.data))}")
    splits: DataSplits = instantiate(OmegaConf.merge(cfg.data, dict(overrides)), _convert_="all")
    recorded = origin.get("data", {}).get("fingerprint")
    if recorded not in (None, splits.fingerprint):
        raise UserError(
            f"{splits.name}: the fingerprint {splits.fingerprint} is not the run's {recorded}: the predictions "
            "were made from other files; name the run's data with data.root=... or train again"
        )
    return splits


def _folder_name(protocol: Protocol) -> str:
    """Readable start, then a hash over the whole protocol."""
    values = protocol.as_dict()
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
    depth_range = f"{protocol.min_depth_m:g}-{protocol.cap_m:g}m"
    return f"{values['ground_truth']}-{values['crop']}-{depth_range}-{values['alignment']}-{digest}"


def parse_arguments(arguments: Sequence[str]) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """(run directory, overrides of `eval`, overrides of `data`) from `key=value` arguments.

    Raises:
        UserError: If `run_dir` is missing or an argument is not of that form.
    """
    parts: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    run_dir: str | None = None
    for argument in arguments:
        key, equals, value = argument.partition("=")
        part, dot, name = key.partition(".")
        if key == "run_dir" and value:
            run_dir = value
        elif equals and dot and part in parts:
            parts[part][name] = OmegaConf.from_dotlist([f"value={value}"]).value
        else:
            legal = ["run_dir", *(f"eval.{name}" for name in OmegaConf.structured(Protocol)), "data.root"]
            raise UserError(f"cannot use {argument!r}{did_you_mean(key, legal)}; {_USAGE}")
    if run_dir is None:
        raise UserError(f"run_dir is missing; {_USAGE}")
    return Path(run_dir).expanduser().resolve(), parts["eval"], parts["data"]


def main() -> None:
    """Read the command line, evaluate, and print the table."""
    if any(argument in ("-h", "--help") for argument in sys.argv[1:]):
        print(f"{__doc__}\n{_USAGE}\n\nSettings of eval:\n{OmegaConf.to_yaml(OmegaConf.structured(Protocol))}")
        return
    folder = evaluate_again(*parse_arguments(sys.argv[1:]))
    print(describe(json.loads((folder / "summary.json").read_text(encoding="utf-8"))))
    print(f"written to {folder}")


def describe(summary: Mapping[str, Any]) -> str:
    """A summary as a table for the terminal, with what it was measured on."""
    methods = dict(summary["metrics"])
    if summary["metrics_best"] not in ({}, summary["metrics"]):
        methods |= {f"{level} (best)": values for level, values in summary["metrics_best"].items()}
    data = summary.get("data", {})
    about = f"{summary['images']} test images of {data.get('name', 'the run')}"
    about += ", embedded data" if data.get("embedded") else ""
    about += f", scale {summary['scale']}" if "scale" in summary else ""
    lines = [format_table({**methods, **summary["baselines"]}), about]
    if summary["images_without_ground_truth"]:
        lines.append(f"{summary['images_without_ground_truth']} more have no such ground truth and are not scored")
    return "\n".join([*lines, Protocol.from_dict(summary["protocol"]).describe()])


if __name__ == "__main__":
    one_line_errors(main)
