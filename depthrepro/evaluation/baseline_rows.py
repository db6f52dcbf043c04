"""Rows of the baselines: computed once per data set and protocol, kept in a cache that all runs of a sweep share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depthrepro.core import distributed
from depthrepro.core.arrays import read_npz
from depthrepro.core.files import replacing
from depthrepro.core.protocol import Protocol
from depthrepro.data.base import DepthDataset
from depthrepro.evaluation.baselines import (
    MEAN_MAP_GRID,
    MEAN_MAP_LIMIT,
    SGBM_RANGE,
    MeanMap,
    baseline_predictions,
    mean_depth_map,
)
from depthrepro.evaluation.ranks import together, watch
from depthrepro.evaluation.rows import Row
from depthrepro.evaluation.scoring import score

_VERSION = 2  # raise it when a baseline or a metric is computed differently


@dataclass(frozen=True)
class Baselines:
    """Baselines on one test set under one protocol.

    Attributes:
        rows: Per image, in the order of `baseline_predictions`; checkpoint "-".
        mean: The training set's mean depth map; None where the training set has no depth.
    """

    rows: list[Row]
    mean: MeanMap | None


def baselines(
    test: DepthDataset,
    train: DepthDataset | None,
    protocol: Protocol,
    n_valid: Mapping[str, int],
    *,
    cache_dir: Path,
    share: Sequence[int],
) -> Baselines:
    """Baselines of the images in `n_valid`, from the cache or, divided among the ranks, computed.

    Args:
        test: What is scored.
        train: Gives the mean depth map; None = no such baseline.
        protocol: What is scored, and how.
        n_valid: Id → number of evaluated pixels of every scored image, in order. A cached table that counts otherwise
            was made from other ground truth and is computed anew.
        cache_dir: Folder of the cache.
        share: Indices into the test set that this rank computes.

    Raises:
        UserError: If an image cannot be read or scored, on whichever rank.
    """
    file = cache_dir / f"{cache_key(test, train, protocol)}.npz"
    cached: Baselines | None = distributed.broadcast(_read(file, n_valid) if distributed.is_main() else None)
    if cached is not None:
        return cached
    mean = None if train is None else mean_depth_map(train, protocol)

    def compute() -> list[Row]:
        rows: list[Row] = []
        for i in watch(share, "baselines"):
            record, depth_gt = test.records[i], test.depth_gt(i, protocol.ground_truth)
            for prediction in baseline_predictions(record, protocol, mean):
                rows += [{"checkpoint": "-", **row} for row in score(prediction, record, depth_gt, protocol)]
        return rows

    result = Baselines(all_rows(compute, n_valid), mean)
    if distributed.is_main():
        _write(file, result)
    return result


def all_rows(work: Callable[[], list[Row]], ids: Collection[str]) -> list[Row]:
    """What `work` gives on every rank, in the order of `ids`; the rows of one image keep theirs.

    Raises:
        UserError: As `together`.
    """
    position = {item_id: k for k, item_id in enumerate(ids)}
    return sorted((row for part in together(work) for row in part), key=lambda row: position[row["id"]])


def cache_key(test: DepthDataset, train: DepthDataset | None, protocol: Protocol) -> str:
    """Hex digest of everything that the baselines depend on, save the ground truth's own content."""
    parts = {
        "version": [_VERSION, cv2.__version__, np.__version__.split(".")[0]],
        "data": [None if train is None else train.fingerprint, test.fingerprint],
        "protocol": protocol.as_dict(),
        "settings": [MEAN_MAP_GRID, MEAN_MAP_LIMIT, SGBM_RANGE],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


def _write(file: Path, result: Baselines) -> None:
    mean = result.mean
    counts = None if mean is None else [mean.used, mean.available, mean.total]
    text = json.dumps({"rows": result.rows, "mean_map": counts})
    depth = np.zeros((0, 0), np.float32) if mean is None else mean.depth
    with replacing(file) as beside, beside.open("wb") as handle:
        np.savez(handle, allow_pickle=False, depth=depth, table=np.array(text))


def _read(file: Path, n_valid: Mapping[str, int]) -> Baselines | None:
    """The cached baselines, None if there are none that fit: a cache is never worth an error."""
    try:
        arrays = read_npz(file)
        depth, table = arrays["depth"], json.loads(str(arrays["table"]))
        counts = table["mean_map"]
        result = Baselines(table["rows"], None if counts is None else MeanMap(depth, *counts))
        scored: dict[str, dict[str, int]] = {}
        for row in result.rows:
            scored.setdefault(row["method"], {})[row["id"]] = row["n_valid"]
    except Exception:
        return None
    return result if all(counted == dict(n_valid) for counted in scored.values()) else None
