"""The numbers of a finished run, and whether they answer what is asked; on synthetic data without loading torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from depthrepro.config.cli import mistakes
from depthrepro.config.composed import ComposedRun
from depthrepro.config.identity import data_root
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Protocol, read_protocol
from depthrepro.core.reading import reading
from depthrepro.core.run_dir import RunDir
from depthrepro.evaluation.rows import format_table


def read_summary(run: RunDir) -> dict[str, Any]:
    """Content of summary.json.

    Raises:
        UserError: If it is missing or damaged.
    """
    way_out = "type the run's command again to write it"
    with reading(run.summary, missing=f"no such file; {way_out}", fix=way_out):
        return dict(json.loads(run.summary.read_text(encoding="utf-8")))


def is_done(run: RunDir, config_hash: str | None = None, tests: Mapping[str, Any] | None = None) -> bool:
    """Whether the run is finished, with that configuration if a hash is given, and its summary can be read.

    A finished run without a summary, or with a test set still to be scored, is evaluated by its own command.

    Args:
        run: The run directory.
        config_hash: Of the configuration that is asked for.
        tests: Its test sets.
    """
    status = run.status()
    if status.get("status") != "done" or config_hash not in (None, status.get("config_hash")):
        return False
    if due_tests(run, tests or {}):
        return False
    try:
        read_summary(run)
    except UserError:
        return False
    return True


def is_answered(job: ComposedRun) -> bool:
    """Whether the run that is asked for is there, finished on today's data, and is not to be thrown away.

    Raises:
        UserError: If its data have changed since.
    """
    if job.cfg.force or not is_done(job.run, job.hash, job.cfg.tests):
        return False
    changed = changed_data(job.run, job.cfg)
    if changed:
        raise UserError(
            f"{job.run.path} was trained on other data, fingerprint {changed}: train again with force=true, or keep "
            "both with run_dir=..."
        )
    return not changed_tests(job.run, job.cfg)


def changed_data(run: RunDir, cfg: DictConfig) -> str | None:
    """`old -> new`, the fingerprints of a finished run's real data, if they differ; None if not, or it is not there."""
    return _change(run.summary, cfg.data) if data_root(cfg.data) else None


def changed_tests(run: RunDir, cfg: DictConfig) -> dict[str, str]:
    """Test sets whose folder holds other data than this run was scored on, with `old -> new`."""
    found = {
        name: _change(run.path / "tests" / str(name) / "summary.json", test["data"])
        for name, test in cfg.tests.items()
        if test["data"].get("root")
    }
    return {str(name): change for name, change in found.items() if change}


def _change(summary: Path, node: DictConfig) -> str | None:
    try:
        then = json.loads(summary.read_text(encoding="utf-8"))["data"]["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    now = _fingerprint(json.dumps(OmegaConf.to_container(node, resolve=True)))
    return f"{then} -> {now}" if now not in (None, then) else None


@cache
def _fingerprint(node: str) -> str | None:
    """Of a data set as it is now, from its configuration; None where it cannot be read."""
    from hydra.utils import instantiate  # with the readers, which load torch, 2 s that only real data costs

    try:
        data = instantiate(json.loads(node), _convert_="all")
        return None if data is None else str(data.fingerprint[:12])
    except mistakes():
        return None


def due_tests(run: RunDir, tests: Mapping[str, Any]) -> list[str]:
    """Names of the test sets that have a folder, but no scores under their protocol in this run."""
    return [
        name
        for name, test in tests.items()
        if test["data"].get("root", "synthetic") and not _scored(run, name, test["protocol"])
    ]


def _scored(run: RunDir, name: str, protocol: Mapping[str, Any]) -> bool:
    try:
        summary = json.loads((run.path / "tests" / name / "summary.json").read_text(encoding="utf-8"))
        return bool(summary["protocol"] == Protocol.from_dict(dict(protocol)).as_dict())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def main_output(levels: Mapping[str, Mapping[str, float]], output: str) -> Mapping[str, float]:
    """The metrics of a run's main output among those of all its outputs; of the last where that is not scored."""
    return levels.get(output) or list(levels.values())[-1]


def format_summary(summary: dict[str, Any]) -> str:
    """The run's numbers as a small table for the terminal, with what they were measured on."""
    rows = {**summary["metrics"], **summary["baselines"]}
    parts = []
    if rows:
        images = f"{summary['images']} test images of {summary['data']['name']}"
        about = f"{images}, scale {summary['scale']}, last checkpoint"
        parts += [format_table(rows), about, read_protocol(summary["protocol"]).describe()]
    elsewhere = {
        name: main_output(levels, summary.get("output", "")) for name, levels in summary.get("tests", {}).items()
    }
    if elsewhere:
        parts.append(format_table(elsewhere))
    if summary.get("not_evaluated"):
        parts.append(f"not evaluated: {summary['not_evaluated']}")
    return "\n".join(parts) or "no metrics"
