"""The words of a sweep: a line when a job starts and ends, and the list of all jobs at the end."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depthrepro.core.metric_names import metrics_of
from depthrepro.core.progress import duration
from depthrepro.core.run_dir import RunDir
from depthrepro.sweep.folder import SweepFolder


def main_numbers(run_dir: Path) -> str:
    """First metric of a finished run: `AbsRel 0.2310 (L12)`, of its main output and of each test set; or why none."""
    try:
        summary = json.loads(RunDir(run_dir).summary.read_text(encoding="utf-8"))
        metrics = summary["metrics"]
        found = {}
        if metrics:
            finest = max(metrics, key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)])
            level = summary["output"] if summary.get("output") in metrics else finest  # the last that was trained
            found[level] = metrics[level]
        found |= {name: next(iter(levels.values())) for name, levels in summary.get("tests", {}).items()}
        if not found and summary.get("not_evaluated"):
            return f"not evaluated: {summary['not_evaluated']}"
        metric = next(iter(metrics_of(next(iter(found.values()))).values()))
        told = ", ".join(f"{float(values[metric.key]):.4f} ({name})" for name, values in found.items())
        return f"{metric.label} {told}"
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return ""


def outcome_line(sweep: dict[str, Any], folder: SweepFolder, number: int) -> str:
    """`[3/15] color seed=2: AbsRel 0.231 (L12), 7 min; about 1.2 h left`, or how it failed and where its log is."""
    job, state = sweep["jobs"][number - 1], folder.state(number)
    head = f"[{number}/{len(sweep['jobs'])}] {job['label']}: "
    if state["status"] == "failed":
        return f"{head}FAILED: {state['message']}; log {short(folder.log(number))}"
    if state["status"] != "done":
        return head + state["status"]
    result = main_numbers(Path(sweep["root"]) / job["run_dir"])
    told = result or "done, not evaluated"
    return f"{head}{told}, {duration(state['seconds'])}{_time_left(sweep, folder)}"


def _time_left(sweep: dict[str, Any], folder: SweepFolder) -> str:
    """Estimate from the jobs that this launch has finished."""
    states = [folder.state(number) for number in sweep["launched"]]
    took = [s["seconds"] for s in states if s.get("status") == "done"]
    left = sum(s.get("status") in ("queued", "running") for s in states)
    if not took or not left:
        return ""
    return f"; about {duration(sum(took) / len(took) * left / sweep['at_once'])} left"


def table(sweep: dict[str, Any]) -> str:
    """One line per job: row, seed, status and its first metric."""
    width = max(len("row"), *(len(job["row"]) for job in sweep["jobs"]))
    lines = [f"{'row':<{width}}  seed  {'status':<11}  result"]
    for job in sweep["jobs"]:
        told = main_numbers(Path(sweep["root"]) / job["run_dir"]) if job["status"] == "done" else ""
        status = {"queued": "not started"}.get(job["status"], job["status"])
        lines.append(f"{job['row']:<{width}}  {job['seed']:>4}  {status:<11}  {told or '-'}")
    return "\n".join(lines)


def failures(sweep: dict[str, Any], folder: SweepFolder) -> str:
    """Every failed job with its reason and its log; "" if none failed."""
    failed = [job for job in sweep["jobs"] if job["status"] == "failed"]
    if not failed:
        return ""
    lines = [f"{len(failed)} of {len(sweep['jobs'])} jobs failed:"]
    for job in failed:
        message = folder.state(job["number"]).get("message")
        lines.append(f"  {job['label']}: {message}; log {short(folder.log(job['number']))}")
    return "\n".join([*lines, "the same command again runs only what is missing"])


def names(labels: Sequence[str], most: int = 4) -> str:
    """`a, b, c, d and 3 more`."""
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more


def short(path: Path) -> str:
    """The path from here, where that is below here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
