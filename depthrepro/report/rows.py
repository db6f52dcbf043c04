"""Run directories as rows: one per run, method and checkpoint, with everything that says where a number comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from depthrepro.config.identity import leaves_result_alone
from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import CLASS_METRICS, METRICS, metrics_of
from depthrepro.core.protocol import read_protocol
from depthrepro.core.reading import reading, reason
from depthrepro.core.run_dir import RunDir, find_runs

SUMMARY, TESTS = "summary.json", "tests"
_OTHER_COLUMNS = ("scale", "data", "data.root", "benchmark")  # these tell it; the last is of older runs
RUN_COLUMNS = (
    *("run", "experiment", "variant", "seed", "scale", "data", "synthetic", "fingerprint", "encodings", "counts"),
    *("protocol", "images", "expected", "unscored", "config_hash", "commit", "run_id", "created"),
    *("recipe", "device", "precision", "seconds"),
)
ROW_COLUMNS = [*RUN_COLUMNS, "kind", "method", "checkpoint", "height", "width", *METRICS]


@dataclass(frozen=True)
class Unfinished:
    """A run directory that has no numbers to give yet.

    Attributes:
        run: The directory, from the folder that holds runs/.
        experiment: Its experiment as the run itself says, or the path below the runs folder where it does not.
        state: What is known of it, for people.
    """

    run: str
    experiment: str
    state: str

    def feeds(self, experiments: tuple[str, ...]) -> bool:
        """Whether this run would feed a table of these experiments."""
        return any(self.experiment == name or self.experiment.startswith(f"{name}/") for name in experiments)


def load_runs(root: Path) -> tuple[pd.DataFrame, list[Unfinished]]:
    """Read every run directory under `root`.

    Args:
        root: Folder that holds run directories at any depth; it may be absent.

    Returns:
        A frame with `ROW_COLUMNS`, one row per run, method and checkpoint (kind "level"; checkpoint "last" or "best")
        and per run and baseline (kind "baseline"; checkpoint "-"), and the runs that are not done.

    Raises:
        UserError: If a summary or status file is damaged; the message names the file.
    """
    rows: list[dict[str, Any]] = []
    unfinished: list[Unfinished] = []
    root = root.absolute()
    for run in find_runs(root):
        name = (Path(root.name) / run.relative_to(root)).as_posix()
        summary_file, status = run / SUMMARY, RunDir(run).status() or None
        done = summary_file.is_file() and (status is None or status.get("status") == "done")
        found = run_rows(run, name) if done else []
        rows += found
        if not found:
            experiment = (status or {}).get("experiment") or run.relative_to(root).as_posix()
            state = _unscored(summary_file) if done else _state(status)
            unfinished.append(Unfinished(name, str(experiment), state))
    return pd.DataFrame(rows, columns=ROW_COLUMNS), unfinished


def run_rows(run: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a finished run and of each test set that it was scored on.

    A test set is to the report like a run of its own, whose directory is `tests/<set>` in the run's.

    Raises:
        UserError: As `summary_rows`.
    """
    rows = summary_rows(run / SUMMARY, name)
    for summary in sorted(run.glob(f"{TESTS}/*/{SUMMARY}")):
        rows += summary_rows(summary, f"{name}/{TESTS}/{summary.parent.name}")
    return rows


def set_of(run: str) -> str:
    """The test set that a run's name ends in; "" for a run's own scores."""
    head, mark, last = run.rpartition(f"/{TESTS}/")
    return last if head and mark and "/" not in last else ""


def training_of(run: str) -> str:
    """The run that was trained, of a run or one of its test sets."""
    return run.removesuffix(f"/{TESTS}/{set_of(run)}") if set_of(run) else run


def summary_rows(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows of one summary.json, as `load_runs` describes them; none if no network was scored (no test image present).

    Raises:
        UserError: If the file is damaged, a key is missing or a metric is outside its range.
    """
    summary = _read_json(path)
    how_to_fix = "the run's own command, typed again, writes it"
    try:
        run = {"run": name, **_run_columns(summary)}
        rows = [
            {**run, "kind": kind, "method": method, "checkpoint": checkpoint, "height": size[0], "width": size[1]}
            | {key: _checked(values, key, f"{method} ({checkpoint})") for key in metrics_of(values)}
            for kind, checkpoint, method, size, values in _methods(summary)
        ]
    except KeyError as error:
        raise UserError(f"{path}: has no {error}; {how_to_fix}") from None
    except UserError as error:  # the protocol's own check does not know the file
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # whatever a value of another type leads to
        raise UserError(f"{path}: {reason(error)}; {how_to_fix}") from None
    return rows if any(row["kind"] == "level" for row in rows) else []


def variant(overrides: list[str]) -> str:
    """Changes typed on the command line, beyond seed, scale and data; empty for a plain run.

    Runs with different variants are different methods: a table must never average over them.
    """
    kept = (item for item in overrides if item.lstrip("+~").split("=", 1)[0] not in _OTHER_COLUMNS)
    return " ".join(sorted(item for item in kept if not leaves_result_alone(item)))


def _run_columns(summary: dict[str, Any]) -> dict[str, Any]:
    data = summary["data"]
    commit = (summary["git_commit"] or "")[:7] or "none"
    return {
        "experiment": str(summary["experiment"]),
        "variant": variant([str(item) for item in summary["overrides"]]),
        "seed": int(summary["seed"]),
        "scale": str(summary["scale"]),
        "data": str(data["name"]),
        "synthetic": bool(data["synthetic"]),
        "fingerprint": str(data["fingerprint"]),
        "encodings": json.dumps(data["encodings"], sort_keys=True),
        "counts": json.dumps(data["counts"]),
        "protocol": json.dumps(read_protocol(summary["protocol"]).as_dict(), sort_keys=True),
        "images": int(summary["images"]),
        "expected": int(data.get("expected_test", data["counts"].get("test", 0))),
        "unscored": int(summary.get("images_without_ground_truth", 0)),
        "config_hash": str(summary["config_hash"]),
        "commit": commit + ("+changes" if summary["git_dirty"] else ""),
        "run_id": summary["run_id"] or "",
        "created": str(summary["created"]),
        # Older summaries lack some of these.
        "recipe": str(summary.get("recipe", "")),
        "device": str(summary.get("device", "")),
        "precision": str(summary.get("precision", "")),
        "seconds": float(summary.get("train_seconds", math.nan)),
    }


def _methods(summary: dict[str, Any]) -> Iterator[tuple[str, str, str, tuple[float, float], dict[str, Any]]]:
    """(kind, checkpoint, method, (height, width) or NaN, values) of everything one summary measured."""
    nowhere = (math.nan, math.nan)
    for checkpoint, key in (("last", "metrics"), ("best", "metrics_best")):
        # A run without validation data has no best checkpoint; the last one is never optional.
        measured = summary[key] if key == "metrics" else (summary.get(key) or {})
        for level, values in measured.items():
            if metrics_of(values) is CLASS_METRICS:  # a classifier's answer has no size
                yield "level", checkpoint, level, nowhere, values
                continue
            height, width = summary["level_sizes"][level]
            yield "level", checkpoint, level, (int(height), int(width)), values
    for name, values in summary["baselines"].items():
        yield "baseline", "-", name, nowhere, values


def _checked(values: dict[str, Any], key: str, where: str) -> float:
    value = float(values[key])
    limit = 1.0 if METRICS[key].higher_is_better else math.inf
    if not (math.isfinite(value) and 0 <= value <= limit):
        raise ValueError(f"{key} of {where} is {value}, outside its range")
    return value


def _read_json(path: Path) -> dict[str, Any]:
    with reading(path, fix="delete the file and repeat the run"):
        content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no JSON object; delete the file and repeat the run")
    return content


def _unscored(summary_file: Path) -> str:
    return f"done, but not scored: {_read_json(summary_file).get('not_evaluated', 'no test image was present')}"


def _state(status: dict[str, Any] | None) -> str:
    if status is None:
        return "has neither a status nor a summary"
    if status.get("status") == "done":
        return "done, but its summary.json is missing"
    text = f"{status.get('status', 'unknown')} at step {status.get('step', '?')} of {status.get('total_steps', '?')}"
    text += f", last sign {status['updated']}" if status.get("updated") else ""
    return text + (f": {status['message']}" if status.get("message") else "")
