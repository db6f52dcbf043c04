"""What README and experiments/README.md say of the verdicts, written from verdicts.csv: all, whatever came out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

import pandas as pd

from depthrepro.core.files import write_atomic
from depthrepro.core.metric_names import METRICS
from depthrepro.report.claim_words import OUR_WORDS, per_cent, signed
from depthrepro.report.claims import COUNTED, UNDECIDED

BEGIN, END = "<!-- claims: from experiments/verdicts.csv -->", "<!-- end of claims -->"
Record = Mapping[str, str]


def claims_table(verdicts: Path) -> str:
    """The papers' claims in Markdown, a line for each claim and data set, photographs first.

    Args:
        verdicts: verdicts.csv as `write_verdicts` writes it.
    """
    frame = pd.read_csv(verdicts, dtype=str, keep_default_na=False)
    records: list[Record] = frame.to_dict("records")  # type: ignore[assignment]  # the columns' names are texts
    rows = [row for row in records if row["asked_by"] == "paper"]
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


def counted(verdicts: Path) -> dict[str, str]:
    """Each table's verdicts in words, such as "2 reproduced, 1 yes, 3 undecided"."""
    frame = pd.read_csv(verdicts, dtype=str, keep_default_na=False)
    ours = frame["asked_by"] != "paper"
    frame["word"] = frame["verdict"].where(~ours, frame["verdict"].replace(OUR_WORDS))
    found = {}
    for table, words in frame.groupby("table")["word"]:
        count = words.value_counts()
        shown = (word for word in (*COUNTED[:2], *OUR_WORDS.values(), *COUNTED[2:]) if word in count)
        found[str(table)] = ", ".join(f"{count[word]} {word}" for word in shown)
    return found


def write_counts(index: Path, verdicts: Path) -> list[Path]:
    """Write each table's counts into the last column of experiments/README.md; the file in a list, if it is there."""
    if not index.is_file():
        return []
    counts = counted(verdicts)
    lines = index.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines):
        name = re.match(r"\| \[(\w+)\]", line)
        if name and name[1] in counts:
            lines[number] = f"{line.removesuffix(' |').rpartition(' | ')[0]} | {counts[name[1]]} |"
    write_atomic(index, "\n".join(lines))
    return [index]


def _counts(rows: Iterable[Record], photographs: str, name: str) -> str:
    mine = [row["verdict"] for row in rows if row["photographs"] == photographs]
    parts = [f"{mine.count(kind)} {kind}" for kind in COUNTED if kind in mine]
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
    reason = f" ({row['reason']})" if row["reason"] and row["verdict"] == UNDECIDED else ""
    return f"{metric.label} {ours}{f' [{paper}]' if paper else ''} **{row['verdict']}**{reason}"
