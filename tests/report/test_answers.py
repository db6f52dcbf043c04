"""All verdicts in one list and in verdicts.csv: also what was asked and not measured."""

from dataclasses import replace

import pandas as pd

from depthrepro.report.answers import answers
from depthrepro.report.claims_file import asked_claim
from depthrepro.report.tables.verdicts import COLUMNS, write_verdicts
from tests.report.page.page_fixture import answers_of, small_report


def asked(table, data):
    """Rows of claims.csv for all claims of a table on one data set."""
    rows = (asked_claim({}, table, c, m, data, photographs=True) for c in table.claims for m in c.metrics)
    return {row.key: row for row in rows}


def test_what_was_asked_and_has_no_block_is_not_measured(tmp_path):
    report = small_report(tmp_path)
    measured, table = report[1], report[1].table  # five questions
    found = answers([table], {table.name: measured}, asked(table, "KITTI 2012") | asked(table, "NYU Depth V2"))
    by_data = pd.Series([one.data for one in found]).value_counts().to_dict()
    assert by_data == {"KITTI 2012": 5, "streets (synthetic)": 5, "NYU Depth V2": 5}
    absent = [one for one in found if one.data == "NYU Depth V2"]
    assert {(one.verdict.verdict, one.photographs, one.asked_by) for one in absent} == {("not measured", True, "us")}
    first = [one.photographs for one in found if one.verdict.claim == table.claims[0]]
    assert first == sorted(first, reverse=True)


def test_verdicts_csv_keeps_the_rows_of_tables_that_are_not_made(tmp_path):
    report = small_report(tmp_path)
    write_verdicts(tmp_path, answers_of(report), ["garg_resolution", "garg_loss"])
    path = write_verdicts(tmp_path, answers_of(report[:1]), ["garg_resolution"])
    frame = pd.read_csv(path)
    assert tuple(frame.columns) == COLUMNS
    assert frame["table"].value_counts().to_dict() == {"garg_resolution": 22, "garg_loss": 10}
    row = frame[(frame["claim"].str.endswith("number 2")) & ~frame["photographs"]].iloc[0]
    assert (row["verdict"], row["difference"], row["paper_difference"]) == ("reproduced", -0.02, -0.028)
    assert (row["seeds"], row["images"], row["scenes"], row["level"]) == (2, 60, 20, 0.05)
    assert path.read_text(encoding="utf-8") == write_verdicts(tmp_path, [], []).read_text(encoding="utf-8")


def test_rows_changed_on_the_command_line_stay_out(tmp_path):
    one = answers_of(small_report(tmp_path))[0]
    path = write_verdicts(tmp_path, [replace(one, changed="loss=l1")], [])
    assert len(pd.read_csv(path)) == 0
