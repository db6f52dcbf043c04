"""A finished run scored again, under another protocol, from its saved predictions: no network, no GPU."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from depthrepro.config.schema import default_cache_dir
from depthrepro.config.settings import override
from depthrepro.core.errors import UserError
from depthrepro.core.files import write_json
from depthrepro.core.protocol import Alignment, Protocol
from depthrepro.core.reading import reason
from depthrepro.core.run_dir import now
from depthrepro.data.base import DataSplits, DepthDataset
from depthrepro.evaluation.depth_ranges import write_ranges
from depthrepro.evaluation.ranks import watch
from depthrepro.evaluation.rows import Row, write_rows
from depthrepro.evaluation.run_scores import score_run
from depthrepro.evaluation.scoring import evaluate_predictions
from depthrepro.evaluation.test_sets import mean_map_source
from depthrepro.inference.predictions import load_prediction, prediction_path

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
_NODES = ("eval", "data")


def evaluate_again(
    run_dir: Path,
    protocol_overrides: Mapping[str, Any],
    data_overrides: Mapping[str, Any] | None = None,
    test: str | None = None,
) -> Path:
    """Score a run's saved predictions; `evaluations/<protocol>/` gets per_image.csv, per_range.csv and summary.json.

    Without overrides the numbers are the run's own. With `test`, the folder is below `tests/<test>/`.

    Args:
        run_dir: The run directory.
        protocol_overrides: Settings of `Protocol` that differ from the run's, such as {"cap_m": 80}.
        data_overrides: Arguments of the data set that differ, such as {"root": "/other/disk"}.
        test: One of the run's test sets; None for a run that has only its own.

    Returns:
        The folder that was written.

    Raises:
        UserError: If the run has no predictions, a setting or value is unknown, the data set is not the one that the
            predictions were made from, or as `score_run`.
    """
    cfg = _load_config(run_dir)
    source, own_protocol, own_data = _source(cfg, run_dir, test)
    protocol = _protocol(own_protocol, protocol_overrides)
    origin = _origin(source)
    data, train = _data(own_data, data_overrides or {}, origin)
    if test is not None:
        train = _training_images(cfg, protocol)
    predictions = source / "predictions"
    checkpoints = [name for name in ("last", "best") if (predictions / name).is_dir()]
    if not checkpoints:
        raise UserError(f"{predictions}: no predictions; the run's own command, typed again, finishes the run")
    cache_dir = default_cache_dir(cfg.get("cache_dir")) / "baselines"

    def rows_of(name: str, indices: Sequence[int]) -> list[Row]:
        return evaluate_predictions(predictions / name, data, watch(indices, f"scoring ({name})"), protocol)

    first = load_prediction(prediction_path(predictions / checkpoints[0], data.records[0].id))
    sizes = {name: list(values.shape) for name, values in first.levels.items()}
    scores = score_run(data, train, protocol, checkpoints, rows_of, sizes, cache_dir=cache_dir)
    folder = source / "evaluations" / _folder_name(protocol)
    write_rows(folder / "per_image.csv", scores.rows)
    write_ranges(folder / "per_range.csv", scores.rows)
    write_json(folder / "summary.json", {**origin, "protocol": protocol.as_dict(), **scores.summary, "created": now()})
    return folder


def _load_config(run_dir: Path) -> DictConfig:
    file = run_dir / "config.yaml"
    try:
        cfg = OmegaConf.load(file)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{file}: no such file, so {run_dir} is no run directory; check run_dir=...") from None
    except Exception as error:  # the YAML reader's errors have no common name
        raise UserError(f"{file}: not readable as YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(cfg, DictConfig) or any(part not in cfg for part in _NODES):
        raise UserError(f"{file}: has no {' and '.join(_NODES)}, so {run_dir} is no run directory; check run_dir=...")
    return cfg


def _source(cfg: DictConfig, run_dir: Path, test: str | None) -> tuple[Path, DictConfig, DictConfig]:
    """Of the run itself, or of one of its test sets: the folder, and protocol and data set as configured."""
    tests = cfg.get("tests") or {}
    scored = sorted(path.parent.name for path in run_dir.glob("tests/*/summary.json"))
    if test is None and scored and not (run_dir / "predictions").is_dir():
        raise UserError(
            f"{run_dir}: this run was scored on several test sets; add test={scored[0]}, or another of {scored}"
        )
    if test is None:
        return run_dir, cfg.eval, cfg.data
    if test not in tests or test not in scored:
        raise UserError(
            f"test={test}: {run_dir} was not scored on it, but on {', '.join(scored) or 'its own data alone'}"
        )
    return run_dir / "tests" / test, tests[test].protocol, tests[test].data


def _protocol(own: DictConfig, overrides: Mapping[str, Any]) -> Protocol:
    """The run's protocol with the overrides, checked against its types."""
    cfg = OmegaConf.create({"eval": OmegaConf.merge(OmegaConf.structured(Protocol), own)})
    override(cfg, {f"eval.{key}": value for key, value in overrides.items()})
    protocol = OmegaConf.to_object(cfg.eval)
    assert isinstance(protocol, Protocol)
    if protocol.flip_average != bool(own.get("flip_average")):
        raise UserError(
            f"eval.flip_average={str(protocol.flip_average).lower()}: it belongs to the predictions, which were made "
            "otherwise; only a run with this setting has others"
        )
    if "split" in overrides and protocol.split != own.split:
        raise UserError(
            f"eval.split={protocol.split}: the predictions are of split {own.split}; train with eval.split instead"
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
    except Exception as error:  # whatever a damaged one leads to
        raise UserError(
            f"{file}: not readable as JSON ({reason(error)}); the run's own command writes it anew"
        ) from error


def _data(
    own: DictConfig, overrides: Mapping[str, Any], origin: Mapping[str, Any]
) -> tuple[DepthDataset, DepthDataset | None]:
    """(test images, training images with depth), built again; the fingerprint must be the one of the run."""
    cfg = OmegaConf.create({"data": own})
    override(cfg, {f"data.{key}": value for key, value in overrides.items()})
    found = instantiate(cfg.data, _convert_="all")
    if found is None:
        raise UserError("the test set's folder is not given; name it with data.root=...")
    recorded, fingerprint = origin.get("data", {}).get("fingerprint"), found.fingerprint[:12]
    if recorded not in (None, fingerprint):
        raise UserError(
            f"{found.name}: the fingerprint {fingerprint} is not the run's {recorded}: the predictions "
            "were made from other files; name the run's data with data.root=... or train again"
        )
    if not isinstance(found, DataSplits):
        return found, None
    if not isinstance(found.test, DepthDataset):
        raise UserError(f"{found.name} has no test images with depth of its own")
    return found.test, found.train if isinstance(found.train, DepthDataset) else None


def _training_images(cfg: DictConfig, protocol: Protocol) -> DepthDataset | None:
    """Images of the mean depth map, a baseline in metres; the training data is built only then."""
    train = None if protocol.alignment is not Alignment.none else instantiate(cfg.data, _convert_="all").train
    return mean_map_source(train, protocol)


def _folder_name(protocol: Protocol) -> str:
    """Readable start, then a hash over the whole protocol."""
    values = protocol.as_dict()
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
    depth_range = f"{protocol.min_depth_m:g}-{protocol.cap_m:g}m"
    return f"{values['ground_truth']}-{values['crop']}-{depth_range}-{values['alignment']}-{digest}"
