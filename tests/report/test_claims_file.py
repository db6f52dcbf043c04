"""experiments/claims.csv: it reads, fits the tables, and leaves no claim of a paper out."""

from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import METRICS
from depthrepro.report.claims_file import COLUMNS, FILE, read_claims
from depthrepro.report.paper import find_tables, load_paper

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
WITHOUT_DATA = {"da_labelled_sets"}  # the six labelled sets of its paper's claims are not here
ROW = "t,c,paper,KITTI 2012,true,rmse,0.03,true,6:0.03 12:0.02,2026-01-01,\n"


def test_rows_and_tables_fit_together():
    asked = read_claims(EXPERIMENTS)
    tables = {name: load_paper(EXPERIMENTS / name / "paper.yaml") for name in find_tables(EXPERIMENTS)}
    claims = {(name, claim.text): claim for name, table in tables.items() for claim in table.claims}
    assert len(claims) == sum(len(table.claims) for table in tables.values())  # no text twice in a table
    for row in asked.values():
        claim = claims[row.table, row.claim]
        assert row.metric in claim.metrics and row.asked_by == (claim.asked_by or "paper")
    of_papers = {key for key, claim in claims.items() if not claim.asked_by}
    forgotten = of_papers - {(row.table, row.claim) for row in asked.values()}
    assert {table for table, _ in forgotten} <= WITHOUT_DATA


def test_margins_and_looks_are_the_agreed_ones():
    asked = read_claims(EXPERIMENTS).values()
    first = min(row.added for row in asked)
    for row in asked:
        assert row.photographs == ("(synthetic)" not in row.data)
        assert row.relative != METRICS[row.metric].higher_is_better
        assert row.margin == (0.03 if row.relative else 0.01)
        assert row.looks == ("6:0.03 12:0.02" if row.photographs else "3:0.05")
        assert row.reason or row.added == first, f"{row.key} was added later: it needs a reason"


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / FILE
    assert read_claims(tmp_path) == {}
    header = ",".join(COLUMNS) + "\n"
    for content, message in (
        (header + ROW + ROW, "twice"),
        (header.replace("looks", "look") + ROW, "its columns must be"),
        (header + ROW.replace("true", "maybe"), "'maybe' is neither true nor false"),
        (header + ROW.replace("rmse", "rsme"), "unknown metric"),
        (header + ROW.replace("0.03,true", "much,true"), "margin has the value"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_claims(tmp_path)
    path.write_text(header + ROW, encoding="utf-8")
    assert read_claims(tmp_path)["t", "c", "KITTI 2012", "rmse"].photographs
