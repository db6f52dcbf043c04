"""The per-image scores that a claim compares: two rows of a block, by seed and image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from depthrepro.report.blocks import Block, Line
from depthrepro.report.paper import PaperTable

MACHINE = ("device", "precision")  # columns of a run: what its network was trained on, and in


@dataclass(frozen=True)
class Scores:
    """A row's per-image scores.

    Attributes:
        seeds: Seed of each line of `values`, with the kind of machine and precision it was trained on and in; None: the
            scores of a baseline, which hold for any.
        ids: The images.
        values: By metric, (seeds, images); NaN = none.
    """

    seeds: dict[int, tuple[str, ...]] | None
    ids: np.ndarray
    values: dict[str, np.ndarray]


@dataclass(frozen=True)
class Pair:
    """Both sides of a claim, on the seeds and images that both have.

    Attributes:
        seeds: The common seeds, ascending; none where both are baselines.
        ids: The common images.
        better: (seeds, images); one line where both are baselines.
        worse: The same of the other side.
    """

    seeds: tuple[int, ...]
    ids: np.ndarray
    better: np.ndarray
    worse: np.ndarray


def scores_of(table: PaperTable, block: Block, images: pd.DataFrame, name: str, metrics: list[str]) -> Scores | None:
    """Scores of a row, or of a baseline by its name, in `metrics`; None if it is not measured.

    Raises:
        ValueError: If an image has two scores of one seed.
    """
    line = _line(table, block, name)
    if line is None or line.missing:
        return None
    fixed = line.role == "baseline"
    mine = (images["method"] == line.method) & (images["checkpoint"] == ("-" if fixed else "last"))
    found = images[mine & images["run"].isin(line.runs)]
    if fixed:
        found = found.drop_duplicates("id")
    if found.empty:
        return None
    seed_of = dict(zip(block.runs["run"], block.runs["seed"].tolist(), strict=True))
    seeds, row = np.unique([0 if fixed else seed_of[run] for run in found["run"]], return_inverse=True)
    ids, column = np.unique(found["id"].to_numpy(dtype=object), return_inverse=True)
    if len(np.unique(row * len(ids) + column)) < len(found):
        raise ValueError(f"{line.label} has two scores of one image and seed")
    values = np.full((len(metrics), len(seeds), len(ids)), np.nan)
    values[:, row, column] = found.reindex(columns=metrics).to_numpy(dtype=float).T
    by_metric = dict(zip(metrics, values, strict=True))
    if fixed:
        return Scores(None, ids, by_metric)
    runs = block.runs[block.runs["run"].isin(line.runs)]
    made = dict(zip(runs["seed"].tolist(), _machines(runs), strict=True))
    return Scores({seed: made[seed] for seed in seeds.tolist()}, ids, by_metric)


def _machines(runs: pd.DataFrame) -> list[tuple[str, ...]]:
    """Device and precision of each run; blank where an older run does not say it."""
    said = runs.reindex(columns=list(MACHINE)).astype(object).fillna("").astype(str)
    return list(said.itertuples(index=False, name=None))


def _line(table: PaperTable, block: Block, name: str) -> Line | None:
    """Our line of a row, or of a baseline by its name in paper.yaml."""
    label = table.baselines.get(name, name)
    lines = [line for line in block.lines.get("last", []) if line.role != "paper"]
    named = [line for line in lines if line.label == label]
    named += [line for line in lines if line.role == "baseline" and line.method == name]
    return named[0] if named else None


def pair(better: Scores, worse: Scores, metric: str) -> Pair:
    """Both sides on the images that both have scored and on the seeds that both have, trained alike.

    A seed counts where its two networks were trained in the same precision on the same kind of device. A baseline
    stands beside every seed of the other side.
    """
    trained = [side.seeds for side in (better, worse) if side.seeds is not None]
    seeds = sorted(s for s in trained[0] if trained[0][s] == trained[-1].get(s)) if trained else []
    _, *places = np.intersect1d(better.ids, worse.ids, assume_unique=True, return_indices=True)
    parts = []
    for side, columns in zip((better, worse), places, strict=True):
        order = None if side.seeds is None else list(side.seeds)
        rows = [0] * max(len(seeds), not trained) if order is None else [order.index(seed) for seed in seeds]
        parts.append(side.values[metric][rows][:, columns])
    known = (np.isfinite(parts[0]) & np.isfinite(parts[1])).all(axis=0)  # by every seed that is compared
    a, b = (np.ascontiguousarray(part[:, known]) for part in parts)
    return Pair(tuple(seeds), better.ids[places[0]][known], a, b)
