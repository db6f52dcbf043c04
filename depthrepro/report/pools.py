"""Pooled blocks: data sets that a table decides on together, made of their blocks' scores in the report alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, block_of
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import training_of
from depthrepro.report.sources import Results

_ROW = ["training", "kind", "method", "checkpoint"]  # what rows of two sets must share to be one


def pooled(table: PaperTable, blocks: Sequence[Block], results: Results) -> list[tuple[Block, pd.DataFrame]]:
    """The pooled blocks of a table, each with its per-image scores.

    Every member must have one block of the same scale, variant and protocol, the split's name apart. A row's mean is
    that over the images of all members, of the trainings that all have scored; an image's id has its member's name
    before it.

    Args:
        table: The table, whose `pools` are made.
        blocks: Its blocks.
        results: What they are made of.
    """
    found = []
    for name, members in table.pools.items():
        wanted = sorted((block for block in blocks if block.keys["data"] in members), key=_shared)
        for _, group in groupby(wanted, key=_shared):
            parts = list(group)
            if Counter(part.keys["data"] for part in parts) == Counter(members):
                parts.sort(key=lambda part: members.index(part.keys["data"]))
                if made := _pool(table, name, parts, results):
                    found.append(made)
    return found


def _shared(block: Block) -> str:
    """What the members of a pool have in common."""
    protocol = {**json.loads(block.keys["protocol"]), "split": ""}
    return json.dumps([block.keys["scale"], block.keys["variant"], block.synthetic, protocol], sort_keys=True)


def _pool(table: PaperTable, name: str, parts: list[Block], results: Results) -> tuple[Block, pd.DataFrame] | None:
    all_rows = results.rows.assign(training=results.rows["run"].map(training_of))
    rows = [all_rows[all_rows["run"].isin(part.runs["run"])] for part in parts]
    common = set.intersection(*(set(one["training"]) for one in rows))
    if not common:
        return None
    mean = _means([one[one["training"].isin(common)].set_index(_ROW) for one in rows])
    keys = {**parts[0].keys, "data": name, "images": sum(part.keys["images"] for part in parts)}
    keys["fingerprint"] = "+".join(part.keys["fingerprint"] for part in parts)
    splits = dict.fromkeys(json.loads(part.keys["protocol"])["split"] for part in parts)
    keys["protocol"] = json.dumps({**json.loads(keys["protocol"]), "split": " + ".join(splits)}, sort_keys=True)
    mean = mean.assign(**{key: keys[key] for key in ("data", "fingerprint", "protocol")})
    block = block_of(table, keys, mean, pool=tuple(part.keys["data"] for part in parts))
    return block, _images(parts, results.images, common)


def _means(rows: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows that all members have, with means over the images of all."""
    index = rows[0].index
    for one in rows[1:]:
        index = index[index.isin(one.index)]
    same = [one.loc[index] for one in rows]
    total = sum(one["images"] for one in same)
    metrics = {m: sum(one[m] * one["images"] for one in same) / total for m in METRICS if m in same[0]}
    counted = {column: sum(one[column] for one in same) for column in ("images", "expected", "unscored")}
    texts: dict[str, Any] = {
        column: [_added(values) for values in zip(*(one[column] for one in same), strict=True)]
        for column in ("counts", "encodings")
    }
    mean = same[0].assign(**metrics, **counted, **texts).reset_index()
    return mean.assign(run=mean["training"]).drop(columns="training")


def _added(texts: tuple[str, ...]) -> str:
    """JSON mappings of counts, added."""
    total: Counter[str] = Counter()
    for text in texts:
        total.update(json.loads(text))
    return json.dumps(dict(total))


def _images(parts: list[Block], images: pd.DataFrame, common: set[str]) -> pd.DataFrame:
    """Per-image scores of all members, by training. A baseline's are kept of one run: they stand for any training."""
    first, pieces = min(common), []
    for part in parts:
        one = images[images["run"].isin(part.runs["run"])]
        training = one["run"].map(training_of)
        training = training.where(one["checkpoint"] != "-", first)
        one = one.assign(run=training, id=f"{part.keys['data']}/" + one["id"].astype(str))
        pieces.append(one[training.isin(common)])
    return pd.concat(pieces, ignore_index=True)
