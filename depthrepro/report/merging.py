"""New results put to the committed ones: a committed seed stays, and no row of a table mixes two recipes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from depthrepro.report.rows import set_of
from depthrepro.report.sources import IMAGE_COLUMNS, Results

_ROW = ["experiment", "test", "data", "scale", "variant"]  # a row of a table on one data set, over its seeds
_MADE_BY = ["recipe", "fingerprint", "protocol"]  # what all seeds of such a row share


def merged(old: Results, new: Results) -> tuple[Results, list[str]]:
    """Both together, and a line for each row of which seeds went out.

    Of a row's seeds on one data set the newest run says recipe, fingerprint and protocol, and runs of another go out;
    of two runs of one seed the newer stays. So seeds that are only committed, their run directories long gone, stay as
    long as the row is trained as they were. Runs of before there were recipes go out when one of them is replaced by
    a run of another configuration.

    Args:
        old: As committed.
        new: Of runs; where both have the same, it is this one's.
    """
    sides = [_runs(old).assign(new=False), _runs(new).assign(new=True)]
    runs = _with_known_recipes(pd.concat(sides).sort_values(["created", "new", "run"], ignore_index=True))
    kept, told = [runs[:0]], []
    for row, group in runs.groupby(_ROW, sort=True):
        stays = _of_one_kind(group)
        kept.append(stays)
        lost = sorted({*group["seed"]} - {*stays["seed"]})
        if lost:
            told.append(f"{row[0]} on {row[2]}: trained otherwise than today, so out: seed {', '.join(map(str, lost))}")
    all_kept = pd.concat(kept)
    recipes = dict(zip(all_kept["run"], all_kept["recipe"], strict=True))
    mine, theirs = (set(all_kept.loc[all_kept["new"] == side, "run"]) for side in (True, False))
    parts: dict[str, Any] = {}
    for name in ("rows", "images", "ranges", "curves"):
        frames = [getattr(one, name) for one in (new, old)]
        found = [frame[frame["run"].isin(kept)] for frame, kept in zip(frames, (mine, theirs), strict=True)]
        filled = [frame for frame in found if len(frame)]
        parts[name] = pd.concat(filled, ignore_index=True) if filled else frames[0][:0]
    parts["rows"] = parts["rows"].assign(recipe=parts["rows"]["run"].map(recipes))
    parts["images"] = parts["images"].reindex(columns=list(IMAGE_COLUMNS))
    return replace(new, **parts), told


def _runs(results: Results) -> pd.DataFrame:
    runs = results.rows.drop_duplicates("run")
    return runs.assign(test=[set_of(run) for run in runs["run"]])[
        ["run", "seed", "created", "config_hash", *_ROW, *_MADE_BY]
    ]


def _with_known_recipes(runs: pd.DataFrame) -> pd.DataFrame:
    """A run that tells no recipe has that of one with the same configuration hash."""
    known = dict(zip(runs["config_hash"], runs["recipe"], strict=True))
    known |= {h: r for h, r in zip(runs["config_hash"], runs["recipe"], strict=True) if r}
    return runs.assign(recipe=[r or known[h] for h, r in zip(runs["config_hash"], runs["recipe"], strict=True)])


def _of_one_kind(group: pd.DataFrame) -> pd.DataFrame:
    """The runs of one row, oldest first, that were made as the newest was; of each seed the newest."""
    alike = group[(group[_MADE_BY] == group[_MADE_BY].iloc[-1]).all(axis=1)]
    newest = alike.drop_duplicates("seed", keep="last")
    if newest["recipe"].iloc[-1]:
        return newest
    hashes = alike.groupby("seed")["config_hash"]
    replacing = newest[newest["seed"].map(hashes.nunique()) > 1]
    return newest if replacing.empty else newest[newest["created"] >= replacing["created"].min()]
