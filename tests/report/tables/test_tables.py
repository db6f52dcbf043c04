import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from depthrepro.core.protocol import Crop, Protocol
from depthrepro.report.blocks import build_blocks
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.paper import Ours, PaperRow, PaperTable, load_paper
from depthrepro.report.rows import load_runs
from depthrepro.report.tables.captions import caption
from depthrepro.report.tables.cells import Cell, grid, header, metric_cell
from depthrepro.report.tables.csv_file import csv_frame
from depthrepro.report.tables.latex import escape, latex
from depthrepro.report.tables.markdown import markdown, pipe_table
from tests.report.conftest import SIZES, metrics

RESOLUTION = load_paper(Path(__file__).parents[1] / "experiments" / "garg_resolution" / "paper.yaml")
KITTI2012 = {"name": "KITTI 2012", "synthetic": False, "fingerprint": "999", "counts": {"train": 272, "test": 39}}


@pytest.fixture
def three_seeds(runs, add_run):
    """L9 has AbsRel 0.27, 0.28, 0.32; the other levels are the same in each seed."""
    for seed, first in enumerate((0.27, 0.28, 0.32)):
        levels = {name: metrics(a) for name, a in zip(SIZES, (first, 0.26, 0.25, 0.24), strict=True)}
        add_run(f"garg_kitti/seed={seed}", seed=seed, levels=levels, config_hash=f"hash{seed}")
    return build_blocks(RESOLUTION, load_runs(runs)[0])


def ours(block, label, checkpoint="last"):
    return next(line for line in block.lines[checkpoint] if line.label == label and line.role != "paper")


def test_mean_and_spread_over_seeds_by_hand(three_seeds):
    (block,) = three_seeds
    value = ours(block, "L9").values["abs_rel"]
    assert value.mean == pytest.approx(0.29)
    # Deviations −0.02, −0.01, 0.03: squares sum to 0.0014, over n − 1 = 2 that is 0.0007.
    assert value.std == pytest.approx(0.0007**0.5)
    assert metric_cell(ours(block, "L9"), "abs_rel") == Cell("0.290 ± 0.026")
    assert ours(block, "L9").seeds == (0, 1, 2)


def test_baselines_have_no_spread_unless_their_runs_disagree(three_seeds, runs, add_run):
    assert metric_cell(ours(three_seeds[0], "Mean depth map (train)"), "abs_rel").text == "0.390"
    add_run("garg_kitti/seed=3", seed=3, baselines={"mean_map": metrics(0.43)})
    (block,) = build_blocks(RESOLUTION, load_runs(runs)[0])
    assert metric_cell(ours(block, "Mean depth map (train)"), "abs_rel").text == "0.400 ± 0.020"


def test_lines_stand_in_the_paper_s_order_each_beside_ours(three_seeds):
    got = [(line.label, line.role) for line in three_seeds[0].lines["last"]]
    rows = [(row.label, role) for row in RESOLUTION.rows for role in ("paper", "level")]
    assert got == [*rows, ("Mean depth map (train)", "baseline"), ("SGBM (sees both images)", "baseline")]


def test_best_and_second_best_of_our_levels_are_marked_in_the_metric_s_direction(runs, add_run):
    deltas = {"L9": 0.6, "L10": 0.72, "L11": 0.71, "L12": 0.7}
    levels = {name: metrics(a, delta1=deltas[name]) for name, a in zip(SIZES, (0.3, 0.25, 0.2502, 0.2601), strict=True)}
    add_run("garg_kitti/seed=0", levels=levels)
    (block,) = build_blocks(RESOLUTION, load_runs(runs)[0])
    marks = {name: ours(block, name).marks for name in SIZES}
    # 0.25 and 0.2502 print alike and are both best; SGBM's 0.05 does not compete.
    assert {name: m.get("abs_rel", 0) for name, m in marks.items()} == {"L9": 0, "L10": 1, "L11": 1, "L12": 2}
    assert {name: m.get("delta1", 0) for name, m in marks.items()} == {"L9": 0, "L10": 1, "L11": 2, "L12": 0}
    assert all("rmse" not in m for m in marks.values())  # the same everywhere: nothing is best
    assert all(not line.marks for line in block.lines["last"] if line.role != "level")


def test_gaps_and_missing_runs_are_told_apart(runs, add_run):
    add_run("garg_kitti/seed=0", levels={"L9": metrics(0.3), "L12": metrics(0.2)}, baselines={"mean_map": metrics(0.4)})
    rows = (
        PaperRow("L9", {"abs_rel": 0.205}, ours=Ours("L9", experiment=("garg_kitti",))),
        PaperRow("L10", {"rmse": 5.0}, ours=Ours("L10", experiment=("garg_kitti",))),
    )
    rows = (*rows, PaperRow("Eigen", {"rmse": 7.2}, published_only=True))
    table = PaperTable(**{**vars(RESOLUTION), "rows": rows, "metrics": ("abs_rel", "rmse")})
    (block,) = build_blocks(table, load_runs(runs)[0])
    body = [[cell.text for cell in row] for row in grid(table, block, "last")]
    assert body == [
        ["L9", "paper, KITTI", "", "", "0.205", "–"],
        ["", "ours, streets (synthetic)", "12×40", "1", "0.300", "5.000"],
        ["L10", "paper, KITTI", "", "", "–", "5.000"],
        ["", "ours, streets (synthetic)", "", "", "missing", "missing"],
        ["Eigen", "paper, KITTI", "", "", "–", "7.200"],
        ["Mean depth map (train)", "ours, streets (synthetic)", "", "", "0.400", "5.000"],
        ["SGBM (sees both images)", "ours, streets (synthetic)", "", "", "missing", "missing"],
    ]


def test_last_and_best_are_separate_tables(runs, add_run):
    add_run("garg_kitti/seed=0", metrics_best={"L12": metrics(0.2)})
    (block,) = build_blocks(RESOLUTION, load_runs(runs)[0])
    assert ours(block, "L12").values["abs_rel"].mean == 0.24
    assert ours(block, "L12", "best").values["abs_rel"].mean == 0.2
    assert ours(block, "L9", "best").missing
    text = markdown(MeasuredTable(RESOLUTION, [block]), {})
    assert text.index("### Last checkpoint") < text.index("### Best checkpoint")


@pytest.mark.parametrize(
    "other",
    [
        {"data": KITTI2012},
        {"data": {"fingerprint": "another"}},
        {"scale": "paper"},
        {"protocol": Protocol(crop=Crop.eigen).as_dict()},
        {"images": 59},
        {"overrides": ["+experiment=garg_kitti", "trainer.max_steps=2"]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_numbers_that_do_not_compare_never_share_a_block(runs, add_run, other):
    add_run("garg_kitti/seed=0")
    add_run("other/seed=1", seed=1, levels={name: metrics(0.9) for name in SIZES}, **other)
    blocks = build_blocks(RESOLUTION, load_runs(runs)[0])
    assert len(blocks) == 2 and len({block.slug for block in blocks}) == 2
    assert [ours(block, "L12").values["abs_rel"].mean for block in blocks] in ([0.24, 0.9], [0.9, 0.24])
    assert all(ours(block, "L12").values["abs_rel"].std is None for block in blocks)


def test_a_plain_run_comes_before_a_changed_one(runs, add_run):
    add_run("a/seed=0", overrides=["+experiment=garg_kitti", "loss=l1"])
    add_run("b/seed=0")
    titles = [block.title for block in build_blocks(RESOLUTION, load_runs(runs)[0])]
    assert titles == ["streets (synthetic) · scale demo", "streets (synthetic) · scale demo · loss=l1"]


def test_the_newer_of_two_runs_of_one_seed_counts_and_the_other_is_named(runs, add_run):
    old = add_run("a/seed=0", levels={"L12": metrics(0.5)}, created="2026-01-01T00:00:00+00:00")
    add_run("b/seed=0", levels={"L12": metrics(0.3)}, created="2026-01-02T00:00:00+00:00")
    (block,) = build_blocks(RESOLUTION, load_runs(runs)[0])
    assert ours(block, "L12").values["abs_rel"].mean == 0.3
    assert f"Left out, a newer run has the same experiment, settings and seed: runs/a/{old.name}." in markdown(
        MeasuredTable(RESOLUTION, [block]), {}
    )


def test_rows_with_their_own_experiment_share_one_block(runs, add_run):
    add_run("aug/none/seed=0", experiment="aug/none", levels={"L12": metrics(0.3)})
    add_run("aug/all/seed=0", experiment="aug/all", levels={"L12": metrics(0.2)})
    rows = tuple(
        PaperRow(name, {"abs_rel": 0.2}, ours=Ours("L12", experiment=(f"aug/{name}",)))
        for name in ("none", "flip", "all")
    )
    table = PaperTable(**{**vars(RESOLUTION), "rows": rows, "claims": ()})
    (block,) = build_blocks(table, load_runs(runs)[0])
    cells = {name: metric_cell(ours(block, name), "abs_rel") for name in ("none", "flip", "all")}
    assert cells == {"none": Cell("0.300", 2), "flip": Cell("missing"), "all": Cell("0.200", 1)}


def test_other_experiments_stay_out(runs, add_run):
    add_run("da/seed=0", experiment="da_teacher")
    assert build_blocks(RESOLUTION, load_runs(runs)[0]) == []


def test_what_rows_were_trained_on_is_said_and_which_of_them_are_older(runs, add_run):
    table = replace(
        RESOLUTION,
        rows=tuple(PaperRow(name, {}, ours=Ours("L12", experiment=(name,))) for name in ("old", "new")),
    )
    add_run("old/seed=0", experiment="old")
    assert not {"Trained", "Older"} & set(dict(caption(build_blocks(table, load_runs(runs)[0])[0])))
    made = {"recipe": "r", "device": "cpu", "precision": "bf16", "train_seconds": 1800.0}
    for seed in (0, 1):
        add_run(f"new/seed={seed}", experiment="new", seed=seed, **made)
    said = dict(caption(build_blocks(table, load_runs(runs)[0])[0]))
    assert said["Trained"] == "1.0 hours in all, on cpu in bf16."
    assert said["Older"] == "old: of an earlier recipe, not to be compared with the other rows."


def test_markdown_says_what_its_numbers_are_and_where_they_come_from(three_seeds, runs, add_run):
    waiting = add_run("garg_kitti/seed=9", status="running")
    figures = {three_seeds[0].slug: {"Panel": "panel.png"}}
    text = markdown(MeasuredTable(RESOLUTION, three_seeds, unfinished=load_runs(runs)[1]), figures)
    assert "## streets (synthetic) · scale demo" in text
    assert "**Synthetic data, not photographs**" in text
    assert "fingerprint abc123def456; train 200, val 24, test 60" in text
    assert f"**Protocol**: {Protocol().describe()}." in text
    assert "60 test images scored;" in text
    assert "0, 1, 2; cells are mean ± standard deviation (n − 1) over n seeds" in text
    assert re.search(r"\| L9 +\| 0 1 2 +\| hash0 hash1 hash2 +\| 0123456 +\| runs/garg_kitti/seed=\* +\|", text)
    assert f"- `runs/garg_kitti/{waiting.name}`: stopped at step 120 of 750" in text
    assert "![Panel: streets (synthetic) · scale demo](panel.png)" in text
    assert "arXiv:1603.04992" in text


def test_real_data_is_not_called_synthetic_and_a_part_of_a_split_is_named(runs, add_run):
    add_run("garg_kitti2012/seed=0", data=KITTI2012 | {"expected_test": 45}, images=39, images_without_ground_truth=2)
    text = markdown(MeasuredTable(RESOLUTION, build_blocks(RESOLUTION, load_runs(runs)[0])), {})
    assert "Synthetic data" not in text
    assert "39 test images scored, 2 more have no ground truth, a part of the split's 45;" in text
    assert "0; one seed, so no spread." in text


def test_headers_carry_direction_and_the_paper_s_columns():
    assert header(RESOLUTION)[4:8] == ["RMSE ↓", "RMSE log ↓", "AbsRel ↓", "SqRel ↓"]
    assert header(RESOLUTION)[8:] == ["δ < 1.25 ↑", "δ < 1.25² ↑", "δ < 1.25³ ↑"]


def test_pipe_table_lines_up_and_escapes_its_own_mark():
    text = pipe_table(["A", "B"], [["x|y", "1.0"], ["z", "10.0"]], text_columns=1)
    assert text.splitlines() == ["| A    |    B |", "| :--- | ---: |", "| x\\|y |  1.0 |", "| z    | 10.0 |"]


def test_csv_holds_the_unrounded_numbers_of_the_table(three_seeds):
    text = csv_frame(RESOLUTION, three_seeds).to_csv(index=False)
    frame = pd.read_csv(io.StringIO(text))
    row = frame[(frame["row"] == "L9") & (frame["source"] == "ours") & (frame["checkpoint"] == "last")].iloc[0]
    assert row["abs_rel"] == pytest.approx(0.29, abs=1e-15)
    assert row["abs_rel_std"] == pytest.approx(0.0007**0.5, abs=1e-15)
    assert (row["n"], row["seeds"], row["config_hashes"]) == (3, "0 1 2", "hash0 hash1 hash2")
    assert bool(row["synthetic"]) and row["height"] == 12
    skip = frame[(frame["row"] == "L10 + skip") & (frame["checkpoint"] == "last")].set_index("source")
    assert skip.loc["paper", "abs_rel"] == 0.246 and not skip.loc["paper", "missing"]
    assert np.isnan(skip.loc["ours", "abs_rel"]) and skip.loc["ours", "missing"]
    body = [row for checkpoint in ("last", "best") for row in grid(RESOLUTION, three_seeds[0], checkpoint)]
    shown = [re.match(r"[\d.]+", row[6].text) for row in body]  # AbsRel
    for cell, value in zip(shown, frame["abs_rel"], strict=True):
        assert (cell is None) == bool(np.isnan(value))
        assert cell is None or float(cell[0]) == pytest.approx(value, abs=5e-4)
    assert "22.0" not in text


def test_latex_escapes_every_reserved_character_and_symbol():
    got = escape(r"a_b & 5% {x} #1 $ ~ ^ \ δ < 1.25² ± 3 × 4 – ↑")
    expected = r"a\_b \& 5\% \{x\} \#1 \$ \textasciitilde{} \textasciicircum{} \textbackslash{} "
    assert got == expected + r"$\delta$ $<$ 1.25$^2$ $\pm$ 3 $\times$ 4 -- $\uparrow$"


def test_latex_is_plain_ascii_balanced_and_rectangular(runs, add_run):
    add_run("garg_kitti/seed=0", data={"name": "my_data & 100% #1"})
    text = latex(MeasuredTable(RESOLUTION, build_blocks(RESOLUTION, load_runs(runs)[0])))
    assert text.isascii()
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    bare = re.sub(r"\\[{}]", "", code)
    assert bare.count("{") == bare.count("}")
    assert r"my\_data \& 100\% \#1" in code
    rows = [line for line in code.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {10}
    assert code.count(r"\begin{table}") == code.count(r"\end{table}") == 2
    assert r"\textbf{0.240}" in code and r"\underline{0.250}" in code
    assert len(set(re.findall(r"\\label\{(.*?)\}", code))) == 2


def test_a_table_whose_runs_measured_no_row_has_no_lines():
    assert csv_frame(RESOLUTION, []).empty
