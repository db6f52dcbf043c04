"""Scoring one map and projecting one lidar scan, against monodepth2's own code.

    MONODEPTH2=<checkout of nianticlabs/monodepth2> python -m experiments.performance.scoring

Both sides take turns in one process, on one thread each; times are CPU seconds, medians over the turns.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import statistics
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from depthrepro.core.depth_kind import Kind
from depthrepro.core.protocol import Alignment, Crop, Protocol
from depthrepro.data.base import ImageRecord
from depthrepro.data.io.lidar import lidar_depth
from depthrepro.evaluation.scoring import score
from depthrepro.inference.predictions import Prediction
from experiments.performance.lines import Line, show
from experiments.performance.timing import in_turns

SIZE = (375, 1242)
MAPS, ROUNDS = 20, 15
# Camera 2 of KITTI's first recording day: its projection, and the lidar above and behind it.
CAMERAS = """S_rect_02: 1242 375
R_rect_00: 0.9999239 0.00983776 -0.007445048 -0.0098698 0.9999421 -0.00427846 0.007402527 0.004351614 0.9999631
P_rect_02: 721.5377 0 609.5593 44.85728 0 721.5377 172.854 0.2163791 0 0 1 0.002745884
"""
LIDAR = """R: 0.007533745 -0.9999714 -0.000616602 0.01480249 0.0007280733 -0.9998902 0.9998621 0.00752379 0.01480755
T: -0.004069766 -0.07631618 -0.2717806
"""


def scan() -> np.ndarray:
    """About 120,000 points of 64 beams on a road between two walls, float32 (N, 4)."""
    rise = np.deg2rad(np.linspace(-24.8, 2.0, 64))[:, None]
    turn = np.linspace(-np.pi, np.pi, 1900)[None]
    wall = 8 / np.abs(np.sin(turn)).clip(0.1) * (1 + 0.3 * np.sin(9 * turn) ** 2)
    reach = np.minimum(wall / np.cos(rise), 1.73 / np.maximum(np.sin(-rise), 1.73 / 120))
    xyz = reach[..., None] * np.stack(
        np.broadcast_arrays(np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)), axis=-1
    )
    points = np.concatenate([xyz.reshape(-1, 3), np.full((xyz.size // 3, 1), 0.3)], axis=1)
    return points.astype(np.float32)


def write_day(folder: Path) -> Path:
    """Calibration and one scan in KITTI's form; the scan's file."""
    (folder / "calib_cam_to_cam.txt").write_text(CAMERAS)
    (folder / "calib_velo_to_cam.txt").write_text(LIDAR)
    scan().tofile(folder / "scan.bin")
    return folder / "scan.bin"


def against(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float, float]:
    """Processor seconds of both, medians over the rounds, and the median of theirs over ours in one round."""
    found = in_turns({"ours": ours, "theirs": theirs}, ROUNDS, warmup=2)
    ratios = [b / a for a, b in zip(found["ours"], found["theirs"], strict=True)]
    return statistics.median(found["ours"]), statistics.median(found["theirs"]), statistics.median(ratios)


def alone(ours: Callable[[], Any]) -> float:
    """Processor seconds where there is no peer, the median."""
    return statistics.median(in_turns({"ours": ours}, ROUNDS)["ours"])


def monodepth2(module: str) -> types.ModuleType | None:
    """A module of the checkout that MONODEPTH2 names; None without one."""
    folder = os.environ.get("MONODEPTH2")
    if not folder:
        return None
    if not (Path(folder) / f"{module}.py").is_file():
        raise SystemExit(f"error: MONODEPTH2={folder} has no {module}.py: name a checkout of nianticlabs/monodepth2")
    for absent in ("datasets", "networks"):  # neither is used here, and both want packages of their time
        sys.modules.setdefault(absent, types.ModuleType(absent))
    if not hasattr(np, "int"):  # as in the numpy that its code was written for
        np.int = int
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(folder)


def scoring_line(size: tuple[int, int], depth_gt: np.ndarray) -> Line:
    """One map of `size` scored against the sparse `depth_gt`."""
    rng, shape = np.random.default_rng(0), (12, 40)
    disps = [cv2.resize(rng.uniform(0.02, 0.3, shape).astype(np.float32), size[::-1]) for _ in range(MAPS)]
    protocol = Protocol(crop=Crop.garg, min_depth_m=1e-3, cap_m=80, alignment=Alignment.median)
    record = ImageRecord("a", SIZE)
    predictions = [Prediction("a", Kind.inv_depth, {"L12": disp}) for disp in disps]
    module = monodepth2("evaluate_depth")

    def ours() -> list[Any]:
        return [score(prediction, record, depth_gt, protocol) for prediction in predictions]

    what = f"scoring a {size[0]}×{size[1]} map at 375×1242, {np.count_nonzero(depth_gt)} points"
    must = "≥ 4 × monodepth2"
    if module is None:
        seconds = alone(ours) / MAPS
        return Line(what, f"{1e3 * seconds:.2f} ms", "absent: set MONODEPTH2", "", must, None)
    # Its own loop, with what it reads from disk already in memory.
    given = {"disps.npy": np.stack(disps), "gt_depths.npz": {"data": [depth_gt] * MAPS}}
    memory = types.SimpleNamespace(**{**vars(np), "load": lambda path, **_: given[Path(path).name]})
    module.np = memory
    options = types.SimpleNamespace(
        eval_mono=True, eval_stereo=False, ext_disp_to_eval="disps.npy", eval_eigen_to_benchmark=False,
        save_pred_disps=False, no_eval=False, eval_split="eigen", disable_median_scaling=False,
        pred_depth_scale_factor=1,
    )  # fmt: skip

    def theirs() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            module.evaluate(options)

    own, other, ratio = against(ours, theirs)
    return Line(what, f"{1e3 * own / MAPS:.2f} ms", f"{1e3 * other / MAPS:.2f} ms", f"{ratio:.2f}", must, ratio >= 4)


def lidar_line(scan_file: Path) -> Line:
    """The depth map of one scan, files read and calibration included."""
    folder, module = scan_file.parent, monodepth2("kitti_utils")
    what, must = f"lidar depth map of {scan_file.stat().st_size // 16} points", "≥ 2.5 × monodepth2"

    def ours() -> np.ndarray:
        return lidar_depth(folder, scan_file)

    if module is None:
        seconds = alone(ours)
        return Line(what, f"{1e3 * seconds:.2f} ms", "absent: set MONODEPTH2", "", must, None)
    own, other, ratio = against(ours, lambda: module.generate_depth_map(str(folder), str(scan_file), 2))
    return Line(what, f"{1e3 * own:.2f} ms", f"{1e3 * other:.2f} ms", f"{ratio:.2f}", must, ratio >= 2.5)


def lines() -> list[Line]:
    """Both prediction sizes of KITTI's networks, and the scan."""
    cv2.setNumThreads(0)  # as monodepth2 does
    with tempfile.TemporaryDirectory() as folder:
        scan_file = write_day(Path(folder))
        depth_gt = lidar_depth(folder, scan_file)
        return [scoring_line((96, 320), depth_gt), scoring_line((192, 640), depth_gt), lidar_line(scan_file)]


if __name__ == "__main__":
    show(lines())
