"""Resolvers of the configurations, `${name:...}`: choices that depend on which data and which runs are there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from depthrepro.config.identity import leaves_result_alone


def on_real(root: str | None, real: Any, synthetic: Any) -> Any:
    """`real` where the folder of the real data is given, else `synthetic`."""
    return real if root else synthetic


def pretrained(scale: str) -> str | None:
    """Start of an encoder that has seen no depth: DINOv2's file, or at demo scale the installed ImageNet weights."""
    return "imagenet" if scale == "demo" else os.environ.get("DINOV2_WEIGHTS")


def trained(name: str, root: str, scale: str, seed: int) -> str:
    """Last checkpoint of an experiment's run as the experiment is written, whatever data it ran on.

    Of several, the one on synthetic data. A run that was typed with settings of its own is never taken unasked: its
    checkpoint must be named. Where there is no run, the path that the plain command would write.
    """
    runs = Path(root) / "runs" / name
    plain = runs / f"seed={seed}"
    for run in (plain, *sorted(path.parent for path in runs.glob(f"*/seed={seed}/summary.json"))):
        if (run / "checkpoints" / "last.pt").is_file() and (run == plain or _as_written(run)) and _scale(run) == scale:
            return str(run / "checkpoints" / "last.pt")
    return str(plain / "checkpoints" / "last.pt")


def _as_written(run: Path) -> bool:
    """Whether nothing but the scale was changed on the command line of a finished run."""
    overrides = json.loads((run / "summary.json").read_text(encoding="utf-8"))["overrides"]
    return all(leaves_result_alone(o) or o.startswith("scale=") for o in overrides)


def _scale(run: Path) -> str:
    """The scale in a run's saved configuration."""
    found = re.search(r"^scale: (\w+)$", (run / "config.yaml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found[1] if found else ""


def depth_network(root: str, scale: str) -> str:
    """The network whose depth maps classifiers look at: published weights, or the student of seed 0."""
    return os.environ.get("DEPTH_ANYTHING_WEIGHTS") or trained("da_student", root, scale, 0)


def places_classes(root: str | None) -> int | None:
    """Classes of a data set: as many as its folder has, or those of the synthetic places."""
    if root is None:
        return 10
    folder = Path(root).expanduser()
    listed = folder / "categories.txt"
    if listed.is_file():
        return len(listed.read_text(encoding="utf-8").splitlines())
    return len([path for path in (folder / "train").glob("*") if path.is_dir()]) or 100


def table_data(scale: str) -> str:
    """Data of Garg's tables: KITTI raw, as the paper, or at demo scale KITTI 2012 if it is there."""
    return "kitti_stereo" if scale == "demo" and os.environ.get("KITTI_STEREO") else "kitti_raw"


def at_scale(scale: str, demo: str, paper: str) -> str:
    """`demo` at demo scale, `paper` at the paper's."""
    return demo if scale == "demo" else paper


def given(variable: str, name: str) -> str:
    """The name of a set whose folder is given; another name, which no file has, leaves it out (`optional`)."""
    return name if os.environ.get(variable) else f"{name}_without_{variable}"


def apart(reader: str, trained_on: str | None, other: str | None) -> str | None:
    """`other`, a KITTI benchmark to test on, where the run's data are a KITTI benchmark in another folder."""
    benchmark = reader.endswith("kitti_stereo.build") and trained_on and other
    return other if benchmark and os.path.realpath(str(trained_on)) != os.path.realpath(str(other)) else None


def first(*values: Any) -> Any:
    """The first value that is not null; null if all are."""
    return next((value for value in values if value is not None), None)


def mlflow_experiment(name: str) -> str:
    """The MLflow experiment that a run belongs to: one for each paper, by the first word of the experiment's name."""
    return {"garg": "garg2016", "da": "depth_anything2024"}.get(name.split("_")[0], "depthrepro")


RESOLVERS: dict[str, Callable[..., Any]] = {
    resolver.__name__: resolver
    for resolver in (
        *(apart, at_scale, depth_network, first, given, mlflow_experiment, on_real),
        *(places_classes, pretrained, table_data, trained),
    )
}
