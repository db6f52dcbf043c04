"""Scores of a whole run from its saved predictions: every checkpoint, level and baseline, each image exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from depthrepro.core import distributed
from depthrepro.core.protocol import Protocol
from depthrepro.data.base import DepthDataset
from depthrepro.evaluation.baseline_rows import baselines, flat, in_order
from depthrepro.evaluation.baselines import MeanMap
from depthrepro.evaluation.ranks import Watch, image_bars, together
from depthrepro.evaluation.rows import Row, summarise
from depthrepro.evaluation.scoring import evaluate_predictions, scored_indices
from depthrepro.inference.predictions import load_prediction, prediction_path


@dataclass(frozen=True)
class RunScores:
    """What a run reached under one protocol.

    Attributes:
        rows: Per image, for per_image.csv: by checkpoint, the baselines last, each in the test set's order.
        summary: For summary.json: `metrics`, `metrics_best`, `baselines` (method → metric → mean), `images`,
            `images_without_ground_truth`, `level_sizes` (level → [height, width]) and `baseline_notes`.
        indices: The scored images' indices in the test set.
        mean: The training set's mean depth map, if there is one.
    """

    rows: list[Row]
    summary: dict[str, Any]
    indices: list[int]
    mean: MeanMap | None


def score_run(
    run_dir: Path,
    test: DepthDataset,
    train: DepthDataset | None,
    protocol: Protocol,
    checkpoints: Sequence[str],
    *,
    cache_dir: Path | None = None,
    rank: int = 0,
    world_size: int = 1,
    watch: Watch | None = None,
) -> RunScores:
    """Score the predictions that a run saved, and the baselines.

    Args:
        run_dir: The run directory, with `predictions/<checkpoint>/`.
        test: What is scored.
        train: Gives the mean depth map; None = no such baseline.
        protocol: What is scored, and how.
        checkpoints: Folders of predictions, at least one.
        cache_dir: Folder that keeps baselines for other runs; None = compute them.
        rank: This process's number; it scores the images that it predicted, so that ranks need not share files.
        world_size: Number of processes.
        watch: Progress bar; None = none.

    Raises:
        UserError: As `score` and `summarise`, on every rank.
    """
    watch = watch or image_bars(False)
    indices = scored_indices(test, protocol.ground_truth)
    ids = [test.records[i].id for i in indices]
    share = [i for i in indices if i % world_size == rank]

    def score_share(name: str) -> list[Row]:
        rows = evaluate_predictions(run_dir / "predictions" / name, test, watch(share, f"scoring ({name})"), protocol)
        return [{"checkpoint": name, **row} for row in rows]

    by_checkpoint = {name: in_order(flat(together(partial(score_share, name))), ids) for name in checkpoints}
    first = checkpoints[0]
    n_valid = {row["id"]: row["n_valid"] for row in by_checkpoint[first]}
    base = baselines(test, train, protocol, n_valid, cache_dir=cache_dir, share=share, watch=watch)
    means = {name: summarise(rows, ids) for name, rows in by_checkpoint.items()}
    summary = {
        "metrics": means.get("last", {}),
        "metrics_best": means.get("best", {}),
        "baselines": summarise(base.rows, ids) if base.rows else {},
        "images": len(ids),
        "images_without_ground_truth": len(test) - len(ids),
        "level_sizes": distributed.broadcast(_level_sizes(run_dir / "predictions" / first, test, rank)),
        "baseline_notes": {} if base.mean is None else {"mean_map": base.mean.describe()},
    }
    rows = [row for part in (*by_checkpoint.values(), base.rows) for row in part]
    return RunScores(rows, summary, indices, base.mean)


def _level_sizes(folder: Path, test: DepthDataset, rank: int) -> dict[str, list[int]] | None:
    """[height, width] of each level, from the first image's prediction, which rank 0 made."""
    if rank > 0:
        return None
    levels = load_prediction(prediction_path(folder, test.records[0].id)).levels
    return {name: list(values.shape) for name, values in levels.items()}
