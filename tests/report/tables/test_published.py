"""Published values of a table over several test sets are shown whichever of them was measured on here."""

from pathlib import Path

import pytest

from depthrepro.report.blocks import build_blocks
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.paper import find_tables, load_paper
from depthrepro.report.rows import load_runs
from depthrepro.report.tables.latex import latex
from depthrepro.report.tables.markdown import markdown
from depthrepro.report.tables.published import NAMES, TITLE, published_sets
from tests.report.conftest import metrics

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


def paper(name):
    return load_paper(EXPERIMENTS / name / "paper.yaml")


def test_the_sets_of_a_table_stand_side_by_side():
    published = published_sets(paper("da_zero_shot_metric"))
    assert published is not None
    cells = {row[0]: dict(zip(published.header[1:], row[1:], strict=True)) for row in published.body}
    assert cells["Depth Anything, ViT-L, NYUv2"]["SUN RGB-D AbsRel ↓"] == "0.500"
    assert cells["ZoeDepth (reproduced), KITTI"]["Virtual KITTI 2 δ < 1.25 ↑"] == "0.844"
    assert cells["ZoeDepth (reproduced), KITTI"]["iBims-1 AbsRel ↓"] == "–"
    assert "Student start, rooms, demo" not in cells, "a row of ours alone has nothing published"


def test_a_table_over_one_set_has_no_such_part():
    assert published_sets(paper("garg_resolution")) is None
    assert TITLE not in markdown(MeasuredTable(paper("garg_resolution"), []), {})


@pytest.mark.parametrize("name", find_tables(EXPERIMENTS))
def test_every_set_has_a_name_for_people(name):
    assert {test for row in paper(name).rows for test in row.sets} <= set(NAMES)


def test_markdown_and_latex_have_it_before_any_block():
    table = paper("da_zero_shot")
    assert f"## {TITLE}" in markdown(MeasuredTable(table, []), {})
    text = latex(MeasuredTable(table, []))
    assert r"\label{tab:da-zero-shot-published}" in text and text.count(r"\begin{table}") == 1
    assert "Depth Anything, ViT-L & 0.076" in text


def test_a_published_row_is_left_out_of_blocks_of_sets_that_it_has_no_value_on(runs, add_run):
    table, name = paper("da_zero_shot_metric"), "da_zero_shot_metric/rooms_student"
    found = {"experiment": name, "levels": {"depth": metrics(0.3)}, "level_sizes": {"depth": [96, 320]}}
    add_run(f"{name}/seed=0", **found)
    for test in ("halls", "ibims"):
        elsewhere = {"name": test, "fingerprint": test}
        add_run(f"{name}/seed=0/tests/{test}", **found, data=elsewhere, status=None)
    blocks = build_blocks(table, load_runs(runs)[0])
    published = {b.test: {line.label for line in b.lines["last"] if line.role == "paper"} for b in blocks}
    indoors = {"ZoeDepth (reproduced), NYUv2", "Depth Anything, ViT-L, NYUv2"}
    assert published == {"halls": set(), "ibims": indoors}


def test_the_paper_s_rows_and_both_baselines_stand_on_a_further_set_of_a_table_over_one(runs, add_run):
    name = "garg_resolution/l9"
    add_run(f"{name}/seed=0", experiment=name)
    for test in ("kitti2015", "heldout"):
        add_run(f"{name}/seed=0/tests/{test}", experiment=name, data={"name": test, "fingerprint": test}, status=None)
    blocks = {block.test: block for block in build_blocks(paper("garg_resolution"), load_runs(runs)[0])}
    assert set(blocks) == {"", "kitti2015"}
    lines = {test: [(line.label, line.role) for line in block.lines["last"]] for test, block in blocks.items()}
    assert lines[""] == lines["kitti2015"] and ("L12", "paper") in lines["kitti2015"]
    assert [role for _, role in lines["kitti2015"][-2:]] == ["baseline", "baseline"]
