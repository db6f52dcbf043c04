"""Rows of the baselines: computed once per data set and protocol, kept in a cache that all runs of a sweep share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depthrepro import distributed
from depthrepro.data.base import DataSplits, StereoDataset
from depthrepro.evaluation.baselines import (
    MEAN_MAP_GRID,
    MEAN_MAP_LIMIT,
    SGBM_RANGE,
    MeanMap,
    mean_depth_map,
    sgbm_prediction,
)
from depthrepro.evaluation.evaluator import score
from depthrepro.evaluation.protocol import Protocol
from depthrepro.evaluation.ranks import Watch, together
from depthrepro.evaluation.rows import Row
from depthrepro.files import replacing

_VERSION = 2  # raise it when a baseline or a metric is computed differently


@dataclass(frozen=True)
class Baselines:
    """Baselines on one test set under one protocol.

    Attributes:
        rows: Per image: `mean_map`, then `sgbm`; checkpoint "-".
        mean: The training set's mean depth map.
    """

    rows: list[Row]
    mean: MeanMap


def baselines(
    splits: DataSplits,
    protocol: Protocol,
    n_valid: Mapping[str, int],
    *,
    cache_dir: Path | None,
    share: Sequence[int],
    watch: Watch,
) -> Baselines:
    """Baselines of the images in `n_valid`, from the cache or, divided among the ranks, computed.

    Args:
        splits: Training set for the mean map, test set for the rest.
        protocol: What is scored, and how.
        n_valid: Id → number of evaluated pixels of every scored image, in order. A cached table that counts otherwise
            was made from other ground truth and is computed anew.
        cache_dir: Folder of the cache; None = no cache.
        share: Indices into the test set that this rank computes.
        watch: Progress bar.

    Raises:
        UserError: If an image cannot be read or scored, on whichever rank.
    """
    file = None if cache_dir is None else cache_dir / f"{cache_key(splits, protocol)}.npz"
    found = distributed.broadcast(_read(file, n_valid) if file is not None and distributed.is_main() else None)
    if found is not None:
        return found
    mean = mean_depth_map(splits.train, protocol)
    rows = in_order(flat(together(lambda: _compute(splits.test, share, mean, protocol, watch))), n_valid)
    result = Baselines(rows, mean)
    if file is not None and distributed.is_main():
        _write(file, result)
    return result


def _compute(test: StereoDataset, share: Sequence[int], mean: MeanMap, protocol: Protocol, watch: Watch) -> list[Row]:
    rows: list[Row] = []
    for i in watch(share, "baselines"):
        record, depth_gt = test.records[i], test.depth_gt(i, protocol.ground_truth)
        for prediction in (mean.prediction(record.id), sgbm_prediction(record)):
            rows += [{"checkpoint": "-", **row} for row in score(prediction, record, depth_gt, protocol)]
    return rows


def flat(parts: Iterable[list[Row]]) -> list[Row]:
    """The ranks' rows in one list."""
    return [row for part in parts for row in part]


def in_order(rows: list[Row], ids: Iterable[str]) -> list[Row]:
    """Rows in the order of `ids`; those of one image keep theirs."""
    position = {item_id: k for k, item_id in enumerate(ids)}
    return sorted(rows, key=lambda row: position.get(row["id"], len(position)))


def cache_key(splits: DataSplits, protocol: Protocol) -> str:
    """Hex digest of everything that the baselines depend on, save the ground truth's own content."""
    parts = {
        "version": [_VERSION, cv2.__version__, np.__version__.split(".")[0]],
        "data": [splits.train.fingerprint, splits.test.fingerprint],
        "protocol": protocol.as_dict(),
        "settings": [MEAN_MAP_GRID, MEAN_MAP_LIMIT, SGBM_RANGE],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


def _write(file: Path, result: Baselines) -> None:
    mean = result.mean
    text = json.dumps({"rows": result.rows, "mean_map": [mean.used, mean.available, mean.total]})
    with replacing(file) as beside, beside.open("wb") as handle:
        np.savez(handle, allow_pickle=False, depth=mean.depth, table=np.array(text))


def _read(file: Path, n_valid: Mapping[str, int]) -> Baselines | None:
    """The cached baselines, None if there are none that fit: a cache is never worth an error."""
    try:
        with file.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
            depth, table = arrays["depth"], json.loads(str(arrays["table"]))
        result = Baselines(table["rows"], MeanMap(depth, *table["mean_map"]))
        same = all(
            {row["id"]: row["n_valid"] for row in result.rows if row["method"] == method} == dict(n_valid)
            for method in ("mean_map", "sgbm")
        )
    except Exception:
        return None
    return result if same else None
