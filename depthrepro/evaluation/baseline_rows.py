"""Rows of the baselines: computed once per data set and protocol, kept in a cache that all runs of a sweep share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
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
    baseline_names,
    baseline_predictions,
    mean_depth_map,
)
from depthrepro.evaluation.ranks import Watch, together
from depthrepro.evaluation.rows import Row
from depthrepro.evaluation.scoring import score

_VERSION = 2  # raise it when a baseline or a metric is computed differently


@dataclass(frozen=True)
class Baselines:
    """Baselines on one test set under one protocol.

    Attributes:
        rows: Per image, in the order of `baseline_names`; checkpoint "-".
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
    cache_dir: Path | None,
    share: Sequence[int],
    watch: Watch,
) -> Baselines:
    """Baselines of the images in `n_valid`, from the cache or, divided among the ranks, computed.

    Args:
        test: What is scored.
        train: Gives the mean depth map; None = no such baseline.
        protocol: What is scored, and how.
        n_valid: Id → number of evaluated pixels of every scored image, in order. A cached table that counts otherwise
            was made from other ground truth and is computed anew.
        cache_dir: Folder of the cache; None = no cache.
        share: Indices into the test set that this rank computes.
        watch: Progress bar.

    Raises:
        UserError: If an image cannot be read or scored, on whichever rank.
    """
    file = None if cache_dir is None else cache_dir / f"{cache_key(test, train, protocol)}.npz"
    names = baseline_names(test, train is not None, protocol)
    found = distributed.broadcast(_read(file, n_valid, names) if file is not None and distributed.is_main() else None)
    if found is not None:
        return found
    mean = None if train is None else mean_depth_map(train, protocol)
    rows = in_order(flat(together(lambda: _compute(test, share, names, mean, protocol, watch))), n_valid)
    result = Baselines(rows, mean)
    if file is not None and distributed.is_main():
        _write(file, result)
    return result


def _compute(
    test: DepthDataset,
    share: Sequence[int],
    names: Sequence[str],
    mean: MeanMap | None,
    protocol: Protocol,
    watch: Watch,
) -> list[Row]:
    rows: list[Row] = []
    for i in watch(share, "baselines"):
        record, depth_gt = test.records[i], test.depth_gt(i, protocol.ground_truth)
        for prediction in baseline_predictions(record, names, mean):
            rows += [{"checkpoint": "-", **row} for row in score(prediction, record, depth_gt, protocol)]
    return rows


def flat(parts: Iterable[list[Row]]) -> list[Row]:
    """The ranks' rows in one list."""
    return [row for part in parts for row in part]


def in_order(rows: list[Row], ids: Iterable[str]) -> list[Row]:
    """Rows in the order of `ids`; those of one image keep theirs."""
    position = {item_id: k for k, item_id in enumerate(ids)}
    return sorted(rows, key=lambda row: position.get(row["id"], len(position)))


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


def _read(file: Path, n_valid: Mapping[str, int], names: Sequence[str]) -> Baselines | None:
    """The cached baselines, None if there are none that fit: a cache is never worth an error."""
    try:
        arrays = read_npz(file)
        depth, table = arrays["depth"], json.loads(str(arrays["table"]))
        counts = table["mean_map"]
        result = Baselines(table["rows"], None if counts is None else MeanMap(depth, *counts))
        same = all(
            {row["id"]: row["n_valid"] for row in result.rows if row["method"] == method} == dict(n_valid)
            for method in names
        )
    except Exception:
        return None
    return result if same else None
