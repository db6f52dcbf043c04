"""Captions: what a block's numbers mean, and the runs that they come from."""

from __future__ import annotations

import json
import re

import pandas as pd

from depthrepro.report.blocks import SYNTHETIC, Block
from depthrepro.report.rows import training_of


def caption(block: Block) -> list[tuple[str, str]]:
    """(topic, sentence) pairs that belong under a block's tables."""
    first = block.runs.iloc[0]
    counts, files = (
        ", ".join(f"{name} {count}" for name, count in json.loads(first[column]).items())
        for column in ("counts", "encodings")
    )
    images = f"{block.keys['images']} test images scored"
    if first["unscored"]:
        images += f", {first['unscored']} more have no ground truth"
    if first["expected"] > first["images"] + first["unscored"]:
        images += f", a part of the split's {first['expected']}"
    many = len(block.seeds) > 1
    spread = "cells are mean ± standard deviation (n − 1) over n seeds" if many else "one seed, so no spread"
    pooled = f"{', '.join(block.pool)}: the scores of all their images, each set resampled by itself; see the notes."
    return [
        *([("Pooled", pooled)] if block.pool else []),
        ("Data", f"{block.keys['data']}, fingerprint {block.keys['fingerprint']}; {counts}; files: {files}."),
        *([(SYNTHETIC, "these numbers say nothing about the error on real images.")] if block.synthetic else []),
        ("Scale", f"{block.keys['scale']}."),
        ("Protocol", f"{block.protocol}."),
        ("Images", f"{images}; each metric is taken per image, then averaged over images."),
        ("Seeds", f"{', '.join(map(str, block.seeds))}; {spread}. Baselines do not depend on the seed."),
        *_trained(block),
    ]


def _trained(block: Block) -> list[tuple[str, str]]:
    """What the networks were trained on and how long, and which rows are older; nothing where no run says it."""
    known = block.runs[block.runs["recipe"].fillna("").astype(str) != ""]
    if known.empty:
        return []
    machines = dict.fromkeys(f"{run.device} in {run.precision}" for run in known.itertuples())
    found = [("Trained", f"{known['seconds'].sum() / 3600:.1f} hours in all, on {', '.join(machines)}.")]
    levels = [line for line in block.shown if line.role == "level" and not line.missing]
    old = [line.label for line in levels if not set(line.runs) & {*known["run"]}]
    if old:
        found.append(("Older", f"{', '.join(old)}: of an earlier recipe, not to be compared with the other rows."))
    return found


def provenance(block: Block) -> pd.DataFrame:
    """The runs behind every line of ours: one row per run."""
    fed: dict[str, list[str]] = {}
    for line in block.shown:
        for run in line.runs:
            fed.setdefault(run, []).append(line.label)
    table = block.runs[["run", "seed", "config_hash", "commit", "run_id"]].copy()
    table.insert(0, "rows", [", ".join(fed.get(run, [])) for run in table["run"]])
    return table


def origin_lines(block: Block) -> list[list[str]]:
    """The runs behind every line of ours, seeds together: row, seeds, config hash, commit, run folder.

    (One configuration has a hash per seed; table.csv has them all, and the MLflow run ids.)
    """
    lines, of_block = [], block.runs.to_dict("records")
    for line in block.shown:
        if line.role == "level" and not line.missing:
            runs = [run for run in of_block if run["run"] in line.runs]
            folders = [re.sub(r"seed=\d+$", "seed=*", training_of(run["run"])) for run in runs]
            columns = ([run["config_hash"] for run in runs], [run["commit"] for run in runs], folders)
            lines.append([line.label, " ".join(map(str, line.seeds)), *(" ".join(dict.fromkeys(c)) for c in columns)])
    return lines
