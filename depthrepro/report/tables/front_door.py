"""README's table of the papers' claims, written from verdicts.csv: all of them, whatever came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

import pandas as pd

from depthrepro.core.files import write_atomic
from depthrepro.core.metric_names import METRICS
from depthrepro.report.claim_words import per_cent, signed

BEGIN, END = "<!-- claims: from experiments/verdicts.csv -->", "<!-- end of claims -->"
KINDS = ("reproduced", "contradicted", "no difference", "no difference, as in the paper", "undecided", "not measured")
Record = Mapping[str, str]


def claims_table(verdicts: Path) -> str:
    """The papers' claims in Markdown, a line for each claim and data set, photographs first.

    Args:
        verdicts: verdicts.csv as `write_verdicts` writes it.
    """
    frame = pd.read_csv(verdicts, dtype=str, keep_default_na=False)
    rows = [row for row in frame.to_dict("records") if row["asked_by"] == "paper"]
    lines = [f"{_counts(rows, 'true', 'photographs')}  ", f"{_counts(rows, 'false', 'synthetic images')}", ""]
    lines += [
        "| the papers' claim | tested on | difference, in per cent of the reference row [the paper's] |",
        "|---|---|---|",
    ]
    rows.sort(key=lambda row: row["photographs"] != "true")  # stable: the order of tables and claims stays
    for (table, claim, data), metrics in groupby(rows, key=lambda row: (row["table"], row["claim"], row["data"])):
        cells = "; ".join(map(_cell, metrics))
        lines.append(f"| [{claim}](experiments/{table}/README.md) | {data} | {cells} |")
    return "\n".join(lines) + "\n"


def write_front_door(readme: Path, verdicts: Path) -> list[Path]:
    """Write the table between README's two marks; the file in a list, or none where it has no marks."""
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if BEGIN not in text or END not in text:
        return []
    head, rest = text.split(BEGIN, 1)
    write_atomic(readme, f"{head}{BEGIN}\n\n{claims_table(verdicts)}\n{END}{rest.split(END, 1)[1]}")
    return [readme]


def _counts(rows: Iterable[Record], photographs: str, name: str) -> str:
    mine = [row["verdict"] for row in rows if row["photographs"] == photographs]
    parts = [f"{mine.count(kind)} {kind}" for kind in KINDS if kind in mine]
    return f"On {name}, {len(mine)} verdict{'s' if len(mine) != 1 else ''}: {', '.join(parts)}."


def _cell(row: Record) -> str:
    """`AbsRel −4.1 % [−3.7 %] **reproduced**`; accuracies as differences."""
    metric = METRICS[row["metric"]]
    if not row["difference"]:
        return f"{metric.label}: {row['verdict']}"
    if metric.higher_is_better:
        ours = signed(float(row["difference"]), metric.digits)
        paper = signed(float(row["paper_difference"]), metric.digits) if row["paper_difference"] else ""
    else:
        ours = per_cent(float(row["relative_difference"]))
        paper = per_cent(float(row["paper_relative"])) if row["paper_relative"] else ""
    reason = f" ({row['reason']})" if row["reason"] and row["verdict"] == "undecided" else ""
    return f"{metric.label} {ours}{f' [{paper}]' if paper else ''} **{row['verdict']}**{reason}"
