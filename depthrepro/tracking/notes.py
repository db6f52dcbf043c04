"""Notes that MLflow shows on the pages of a run and of an experiment, and the experiment's saved view of its rows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from depthrepro.config.logger import without_password
from depthrepro.core.protocol import read_protocol
from depthrepro.tracking.shown import HEADLINE, main_output

NOTE, KIND, VIEW = "mlflow.note.content", "mlflow.experimentKind", "mlflow.sharedViewState.rows"
# Charts begin with it; a version of MLflow that does not know it leaves it out.
PRIMARY = "mlflow.experiment.primaryMetric.name"
_PAPERS = {
    "garg2016": "Garg et al., *Unsupervised CNN for Single View Depth Estimation: Geometry to the Rescue*, ECCV 2016 "
    "(arXiv:1603.04992)."
}
_VIEW_NAME = "Rows of tables"
_COLUMNS = ("Data", "Row", "Seed", "Table", "Typed")


def missing_experiment_tags(experiment: str, has: Mapping[str, str]) -> dict[str, str]:
    """Tags to set on the experiment of that name, which `has` some: what a person has written stays."""
    tags = {NOTE: _note(experiment), KIND: "custom_model_development", VIEW: _view(), PRIMARY: f"Test/{HEADLINE[0]}"}
    return {name: value for name, value in tags.items() if name not in has}


def _note(experiment: str) -> str:
    test = ", ".join(f"`Test/{name}`" for name in HEADLINE)
    return f"""{_PAPERS.get(experiment, f"Runs of `{experiment}`.")}

A run is one row of a table with one seed: see its parameters `Table`, `Row`, `Seed` and `Data`. A sweep is a parent run
whose children are the rows. *Views > {_VIEW_NAME}* lists all rows with their numbers.

{test}: mean over the test images, main output, last checkpoint. Every output, metric and checkpoint is in
the artifacts `summary.json` and `per_image.csv`; pictures are in `figures/`, the whole configuration is `config.yaml`.

Where `Data` says *synthetic*, the images are no photographs: no such number is one of a real data set.

Tables with error bars, beside the paper's numbers: `python -m depthrepro.report source=mlflow`
"""


def _view() -> str:
    """A view as the page itself saves it; a version of MLflow that does not know this form leaves it out."""
    columns = [f"params.`{name}`" for name in _COLUMNS] + [f"metrics.`Test/{name}`" for name in HEADLINE]
    state = {
        "searchFilter": "params.Seed LIKE '%'",  # rows alone, without their sweeps
        "orderByKey": "params.`Table`",  # sorted by time, the page folds them away below their sweeps
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": [],
        "columnWidths": {},
        "runsHiddenMode": "FIRST_10_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    return json.dumps({"name": _VIEW_NAME, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


def run_note(summary: Mapping[str, Any], config: Mapping[str, Any], run_dir: Path) -> str:
    """A run's note, in Markdown: its experiment, its numbers, how they were measured, how to repeat it."""
    data = summary["data"]
    synthetic = ": **synthetic, not photographs**" if data["synthetic"] else ""
    main = summary.get("output") or main_output(config) or ""
    numbers = _numbers(summary["metrics"].get(main, {}))
    tests = summary.get("tests", {}).items()
    scored = [f"- {name}: {_numbers(next(iter(levels.values()), {}))}" for name, levels in tests]
    lines = [
        f"**{summary['experiment']}**, seed {summary['seed']}, scale {summary['scale']}, on {data['name']}{synthetic}",
    ]
    if numbers or not scored:
        lines += [
            f"Output {main}: **{numbers}**, mean of {summary['images']} test images." if numbers else "Not evaluated.",
            f"Protocol: {read_protocol(summary['protocol']).describe()}",
        ]
    if scored:
        lines.append("\n".join(scored))
    if summary.get("reused_from"):
        lines.append(f"Not trained again: {summary['reused_from']} has the same configuration, and its files are used.")
    lines += [
        f"Typed: `python -m depthrepro.train {shlex.join(summary['overrides'])}`",
        f"To repeat it from its saved configuration: `python -m depthrepro.rerun {shlex.quote(str(run_dir))}`",
    ]
    return without_password("\n\n".join(lines))


def _numbers(values: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {values[key]:.3f}" for key in HEADLINE if key in values)
