"""Tables as CSV: every line unrounded, with the runs that it comes from."""

from __future__ import annotations

from typing import Any

import pandas as pd

from depthrepro.report.blocks import Block, Line, Records
from depthrepro.report.paper import PaperTable


def csv_frame(table: PaperTable, blocks: list[Block]) -> pd.DataFrame:
    """Every line of every block, unrounded; an empty cell is a gap or missing (the column `missing` says which)."""
    records = []
    for block in blocks:
        runs = block.runs.to_dict("records")
        for checkpoint, lines in block.lines.items():
            records += [_record(table, block, checkpoint, line, runs) for line in lines]
    frame = pd.DataFrame(records)
    whole = [name for name in ("images", "height", "width", "n") if name in frame]  # none where no row was measured
    return frame.astype(dict.fromkeys(whole, "Int64"))  # 22, not 22.0, although some cells are empty


def _record(table: PaperTable, block: Block, checkpoint: str, line: Line, runs: Records) -> dict[str, Any]:
    ours = line.role != "paper"
    mine = [run for run in runs if run["run"] in line.runs]
    record: dict[str, Any] = {
        "table": table.name,
        "row": line.label,
        "source": "ours" if ours else "paper",
        "kind": line.role,
        "checkpoint": checkpoint,
        "data": block.keys["data"] if ours else table.data,
        "synthetic": block.synthetic if ours else False,
        "fingerprint": block.keys["fingerprint"] if ours else "",
        "beside": f"{block.keys['data']} {block.keys['fingerprint']}",
        "scale": block.keys["scale"],
        "changed": block.keys["variant"],
        "protocol": block.protocol if ours else table.protocol,
        "images": block.keys["images"] if ours else None,
        "height": line.resolution[0] if line.resolution else None,
        "width": line.resolution[1] if line.resolution else None,
        "missing": line.missing,
        "n": len(line.seeds) or None,
        "seeds": " ".join(map(str, line.seeds)),
    }
    for key in table.metrics:
        value = line.values.get(key)
        record |= {key: value.mean if value else None, f"{key}_std": value.std if value else None}
    origin = {"runs": "run", "config_hashes": "config_hash", "commits": "commit", "run_ids": "run_id"}
    return record | {name: " ".join(dict.fromkeys(run[column] for run in mine)) for name, column in origin.items()}
