"""A small runs/ tree, written by hand: what a training run leaves behind, without any training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.core.protocol import Protocol
from depthrepro.evaluation.depth_ranges import COLUMNS as RANGE_FILE_COLUMNS
from depthrepro.evaluation.rows import write_rows
from depthrepro.report.assembly import Report
from depthrepro.report.paper import PaperTable

TABLES = Path(__file__).parent / "experiments"
SIZES = {"L9": [12, 40], "L10": [24, 80], "L11": [48, 160], "L12": [96, 320]}


def metrics(abs_rel: float, rmse: float = 5.0, **changed: float) -> dict[str, float]:
    """All metrics of one method; those that no test looks at are constants."""
    rest = {"sq_rel": 1.25, "rmse_log": 0.3, "log10": 0.08, "silog": 25.5, "delta1": 0.7, "delta2": 0.9, "delta3": 0.95}
    return {key: {"abs_rel": abs_rel, "rmse": rmse, **rest, **changed}[key] for key in DEPTH_METRICS}


def summary(**changed: Any) -> dict[str, Any]:
    """A summary.json of synthetic streets; `data=` and `levels=` replace parts of it."""
    levels = changed.pop("levels", {name: metrics(a) for name, a in zip(SIZES, (0.28, 0.26, 0.25, 0.24), strict=True)})
    data = {
        "name": "streets (synthetic)",
        "synthetic": True,
        "fingerprint": "abc123def456",
        "encodings": {"png": 568},
        "counts": {"train": 200, "val": 24, "test": 60},
    }
    return {
        "experiment": "garg_kitti",
        "scale": "demo",
        "seed": 0,
        "overrides": ["+experiment=garg_kitti"],
        "data": data | changed.pop("data", {}),
        "protocol": Protocol().as_dict(),
        "images": 60,
        "metrics": levels,
        "metrics_best": levels,
        "baselines": {"mean_map": metrics(0.39, 9.5), "sgbm": metrics(0.05, 2.5)},
        "level_sizes": SIZES,
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "git_dirty": False,
        "config_hash": "c0ffee000000",
        "run_id": "f00d",
        "steps": 750,
        "train_seconds": 300.0,
        "images_per_second": 20.0,
        "created": "2026-01-01T00:00:00+00:00",
        **changed,
    }


def written_files(
    table: PaperTable, source: str, runs: Path, out: Path, uri: str = "", experiments: Path = TABLES
) -> dict[str, str]:
    """Content of the table's files by name, written from one source."""
    Report(source, runs, uri, experiments, [table]).write([table], out)
    names = ("table.md", "table.tex", "table.csv")
    return {name: (out / table.name / name).read_text(encoding="utf-8") for name in names}


def write_details(run: Path, content: dict[str, Any]) -> None:
    """per_image.csv, per_range.csv and metrics.jsonl of a run with that summary: four images, whose means fit."""
    parts = (("last", content["metrics"]), ("best", content["metrics_best"]), ("-", content["baselines"]))
    images, ranges = [], []
    for checkpoint, methods in parts:
        for method, values in methods.items():
            for index, factor in enumerate((0.8, 0.9, 1.1, 1.2)):
                own = {"checkpoint": checkpoint, "method": method, "id": f"image{index}", "n_valid": 100}
                changed = {key: values[key] * (1 if key.startswith("delta") else factor) for key in DEPTH_METRICS}
                images.append(own | changed)
                error = changed["abs_rel"]
                ranges += [own | {"near_m": n, "far_m": n + 5.0, "abs_rel": error + n / 100} for n in (5.0, 10.0)]
    write_rows(run / "per_image.csv", images)
    columns = list(RANGE_FILE_COLUMNS)
    pd.DataFrame(ranges, columns=columns).to_csv(run / "per_range.csv", index=False)
    lines = [
        {
            "step": 5 * epoch + 5,
            "epoch": epoch,
            "time": 0.0,
            "metrics": {"train/loss": 1 / (epoch + 1), "val/loss": 0.5},
        }
        for epoch in range(3)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Folder for run directories."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def add_run(runs: Path) -> Callable[..., Path]:
    """Write one run directory: `add_run("garg_kitti/seed=1", seed=1)`; `status=None` leaves the status file out."""

    def add(name: str, *, status: str | None = "done", **changed: Any) -> Path:
        run = runs / name
        run.mkdir(parents=True)
        if status is not None:
            state = {"status": status, "experiment": "garg_kitti", "seed": 0, "step": 120, "total_steps": 750}
            state |= {"message": None, "updated": "2026-01-01T00:00:00+00:00"}
            (run / "status.json").write_text(json.dumps(state))
        if status in ("done", None):
            content = summary(**changed)
            (run / "summary.json").write_text(json.dumps(content))
            write_details(run, content)
        return run

    return add


@pytest.fixture
def add_pictures() -> Callable[..., Path]:
    """Write panel/*.npz into a run directory: a road-like ramp with sparse ground truth."""

    def add(run: Path, count: int = 2, baselines: bool = True) -> Path:
        folder = run / "panel"
        folder.mkdir(parents=True)
        height, width = 60, 200
        ramp = np.repeat(np.linspace(40, 4, height, dtype=np.float32)[:, None], width, axis=1)
        for index in range(count):
            rng = np.random.default_rng(index)
            maps = {"depth_gt": np.where(rng.random(ramp.shape) < 0.05, ramp, 0).astype(np.float32)}
            maps |= {level: ramp * (1 + 0.1 * i) for i, level in enumerate(SIZES)}
            maps |= {"mean_map": ramp, "sgbm": np.where(ramp < 20, ramp, 0)} if baselines else {}
            image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
            np.savez(folder / f"{index:02d}.npz", image=image, **maps)
        return folder

    return add


@pytest.fixture
def two_seeds(runs: Path, add_run: Callable[..., Path]) -> Path:
    """Runs of two seeds that differ in digits beyond the sixth, one of another table, one that is not done."""
    for seed in (0, 1):
        levels = {name: metrics(0.2 + 0.0123456789 * seed) for name in ("L9", "L10", "L11", "L12")}
        add_run(f"garg_kitti/seed={seed}", seed=seed, levels=levels, run_id=f"id{seed}")
    add_run("da_teacher/seed=0", experiment="da_teacher")
    add_run("garg_kitti/seed=2", status="running")
    return runs
