"""Score a finished run again, under another protocol, from its saved predictions: no network, no GPU.

    python -m depthrepro.evaluate run_dir=runs/garg_kitti/seed=0 eval.cap_m=80 eval.crop=none
    python -m depthrepro.evaluate run_dir=runs/da_teacher/seed=0 test=kitti2012 eval.cap_m=50

Settings of `eval` that are not named stay as the run had them. Where the data has moved, `data.root=...` says where to.
`test` names one of the test sets of a run that has several.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from depthrepro.config.cli import one_line_errors
from depthrepro.config.settings import help_text, parse, setting, to_path, typed_value
from depthrepro.core.protocol import Protocol
from depthrepro.evaluation.rows import format_table


@dataclass(frozen=True)
class Settings:
    """The settings beside those of `eval` and `data`."""

    run_dir: Path = setting("the run directory", read=to_path)
    test: str | None = setting("one of its test sets (default: the run's own test images)", None)


def parse_arguments(arguments: Sequence[str]) -> tuple[Path, dict[str, Any], dict[str, Any], str | None]:
    """(run directory, overrides of `eval`, overrides of `data`, test set) from `key=value` arguments.

    Raises:
        UserError: If `run_dir` is missing or an argument is not of that form.
    """
    parts: dict[str, dict[str, Any]] = {"eval": {}, "data": {}}
    own = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        part, _, name = key.partition(".")
        if value and name and part in parts:
            parts[part][name] = typed_value(value)
        else:
            own.append(argument)
    further = [*(f"eval.{name}" for name in OmegaConf.structured(Protocol)), "data.root"]
    settings = parse(Settings, own, "depthrepro.evaluate", further=further)
    return settings.run_dir.resolve(), parts["eval"], parts["data"], settings.test


def main() -> None:
    """Read the command line, evaluate, and print the table."""
    if any(argument in ("-h", "--help") for argument in sys.argv[1:]):
        print(f"{__doc__}\n{help_text(Settings)}\n\nSettings of eval:")
        print(OmegaConf.to_yaml(OmegaConf.structured(Protocol)))
        return
    from depthrepro.evaluation.saved_run import evaluate_again  # torch takes seconds to load

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
    about += ", synthetic data" if data.get("synthetic") else ""
    about += f", scale {summary['scale']}" if "scale" in summary else ""
    lines = [format_table({**methods, **summary["baselines"]}), about]
    if summary["images_without_ground_truth"]:
        lines.append(f"{summary['images_without_ground_truth']} more have no such ground truth and are not scored")
    return "\n".join([*lines, Protocol.from_dict(summary["protocol"]).describe()])


if __name__ == "__main__":
    one_line_errors(main)
