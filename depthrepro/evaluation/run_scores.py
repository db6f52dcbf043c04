"""Scores of a whole run: every checkpoint, level and baseline, each image exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from depthrepro.core import distributed
from depthrepro.core.protocol import Protocol
from depthrepro.data.base import DepthDataset
from depthrepro.evaluation.baseline_rows import all_rows, baselines
from depthrepro.evaluation.baselines import MeanMap
from depthrepro.evaluation.rows import Row, summarise
from depthrepro.evaluation.scoring import scored_indices


@dataclass(frozen=True)
class RunScores:
    """The numbers of a run under one protocol.

    Attributes:
        rows: Per image, for per_image.csv: by checkpoint, the baselines last, each in the test set's order.
        summary: For summary.json: `metrics`, `metrics_best`, `baselines` (method → metric → mean), `images`,
            `images_without_ground_truth`, `level_sizes` (level → [height, width]) and `baseline_notes`.
        mean: The training set's mean depth map, if there is one.
    """

    rows: list[Row]
    summary: dict[str, Any]
    mean: MeanMap | None


def score_run(
    test: DepthDataset,
    train: DepthDataset | None,
    protocol: Protocol,
    checkpoints: Sequence[str],
    rows_of: Callable[[str, Sequence[int]], list[Row]],
    level_sizes: Mapping[str, Sequence[int]],
    *,
    cache_dir: Path,
) -> RunScores:
    """Gather the rows of every checkpoint from the ranks, add those of the baselines, and average.

    Args:
        test: What is scored.
        train: Gives the mean depth map; None = no such baseline.
        protocol: What is scored, and how.
        checkpoints: Names, at least one.
        rows_of: From a checkpoint's name and the indices of this rank's images to their rows.
        level_sizes: Level → [height, width], of the first checkpoint; read on rank 0 alone.
        cache_dir: Folder that keeps baselines for other runs.

    Raises:
        UserError: As `rows_of` and `summarise`, on every rank.
    """
    indices = scored_indices(test, protocol.ground_truth)
    ids = [test.records[i].id for i in indices]
    share = [i for i in indices if i % distributed.world_size() == distributed.rank()]

    def share_of(name: str) -> list[Row]:
        return [{"checkpoint": name, **row} for row in rows_of(name, share)]

    by_checkpoint = {name: all_rows(partial(share_of, name), ids) for name in checkpoints}
    n_valid = {row["id"]: row["n_valid"] for row in by_checkpoint[checkpoints[0]]}
    base = baselines(test, train, protocol, n_valid, cache_dir=cache_dir, share=share)
    means = {name: summarise(rows, ids) for name, rows in by_checkpoint.items()}
    summary = {
        "metrics": means.get("last", {}),
        "metrics_best": means.get("best", {}),
        "baselines": summarise(base.rows, ids) if base.rows else {},
        "images": len(ids),
        "images_without_ground_truth": len(test) - len(ids),
        "level_sizes": distributed.broadcast(level_sizes),
        "baseline_notes": {} if base.mean is None else {"mean_map": base.mean.describe()},
    }
    rows = [row for part in (*by_checkpoint.values(), base.rows) for row in part]
    return RunScores(rows, summary, base.mean)
