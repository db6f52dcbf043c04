"""The numbers of a finished run, read and printed without loading torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from depthrepro.config.composed import ComposedRun
from depthrepro.core.errors import UserError
from depthrepro.core.protocol import Protocol, read_protocol
from depthrepro.core.run_dir import RunDir
from depthrepro.evaluation.rows import format_table


def read_summary(run: RunDir) -> dict[str, Any]:
    """Content of summary.json.

    Raises:
        UserError: If it is missing or damaged.
    """
    try:
        return dict(json.loads(run.summary.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{run.summary} cannot be read ({error}): type the run's command again to write it") from error


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
    """Whether the run that is asked for is there, finished, and is not to be thrown away."""
    return not job.cfg.force and is_done(job.run, job.hash, job.cfg.tests)


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


def format_summary(summary: dict[str, Any]) -> str:
    """The run's numbers as a small table for the terminal, with what they were measured on."""
    rows = {**summary["metrics"], **summary["baselines"]}
    parts = []
    if rows:
        images = f"{summary['images']} test images of {summary['data']['name']}"
        about = f"{images}, scale {summary['scale']}, last checkpoint"
        parts += [format_table(rows), about, read_protocol(summary["protocol"]).describe()]
    elsewhere = {name: values for name, levels in summary.get("tests", {}).items() for values in levels.values()}
    if elsewhere:
        parts.append(format_table(elsewhere))
    if summary.get("not_evaluated"):
        parts.append(f"not evaluated: {summary['not_evaluated']}")
    return "\n".join(parts) or "no metrics"
