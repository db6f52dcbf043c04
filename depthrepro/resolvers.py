"""What the configurations ask for by `${name:...}`: choices that depend on which data and which runs are there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kitti_ground_truth(root: str | None) -> str:
    """Metric depth on KITTI: the improved maps, as the papers; the rendered streets have scans alone."""
    return "improved" if root else "raw_cam_z"


def pretrained(scale: str) -> str | None:
    """Start of an encoder that has seen no depth: DINOv2's file, or at demo scale the installed ImageNet weights."""
    return "imagenet" if scale == "demo" else os.environ.get("DINOV2_WEIGHTS")


def trained(name: str, root: str, scale: str, seed: int) -> str:
    """Last checkpoint of an experiment's run of this scale and seed, whatever data it ran on.

    Where there is none, the path that its plain command would write.
    """
    runs = Path(root) / "runs" / name
    found = sorted(runs.glob(f"**/seed={seed}/checkpoints/last.pt"), key=lambda path: (len(path.parts), path))
    fitting = [path for path in found if f"\nscale: {scale}\n" in (path.parents[1] / "config.yaml").read_text()]
    return str((fitting or [runs / f"seed={seed}" / "checkpoints" / "last.pt"])[0])


def depth_network(root: str, scale: str) -> str:
    """The network whose depth maps classifiers look at: published weights, or the student of seed 0."""
    return os.environ.get("DEPTH_ANYTHING_WEIGHTS") or trained("da_student", root, scale, 0)


def places_classes(root: str | None) -> int | None:
    """Classes of a data set: as many as its folder has, or those of the embedded places."""
    if root is None:
        return 10
    folder = Path(root).expanduser()
    listed = folder / "categories.txt"
    if listed.is_file():
        return len(listed.read_text(encoding="utf-8").splitlines())
    return len([path for path in (folder / "train").glob("*") if path.is_dir()]) or 100


def table_benchmark(scale: str) -> str:
    """What the tables' rows train and test on: KITTI raw, as the paper, or at demo scale KITTI 2012 if it is there."""
    return "kitti2012" if scale == "demo" and os.environ.get("KITTI_STEREO") else "kitti_raw"


RESOLVERS: dict[str, Callable[..., Any]] = {
    resolver.__name__: resolver
    for resolver in (depth_network, kitti_ground_truth, places_classes, pretrained, table_benchmark, trained)
}
