"""The same tables from run directories and from committed files (a store: test_mlflow_source.py)."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.files import sha256
from depthrepro.report.__main__ import main
from depthrepro.report.assembly import Report
from depthrepro.report.blocks import build_blocks
from depthrepro.report.claims import decide
from depthrepro.report.committed import commit, from_committed
from depthrepro.report.figures.painter import MEMORY
from depthrepro.report.paper import Claim, Ours, PaperRow, find_tables, load_paper
from depthrepro.report.sources import for_table, from_runs, rounded
from tests.report.conftest import metrics, written_files

TABLES = Path(__file__).parent / "experiments"
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
TABLE = load_paper(TABLES / "garg_resolution" / "paper.yaml")


def test_only_what_a_table_shows_is_kept(two_seeds):
    results = for_table(from_runs(two_seeds, [TABLE]), TABLE)
    assert set(results.rows["run"]) == {"runs/garg_kitti/seed=0", "runs/garg_kitti/seed=1"}
    assert set(results.images["method"]) == {"L9", "L10", "L11", "L12", "mean_map", "sgbm"}
    assert set(results.images["checkpoint"]) == {"last", "-"}
    baselines = results.images[results.images["checkpoint"] == "-"]
    assert baselines["run"].nunique() == 1  # the same in every run
    one = results.ranges[(results.ranges["method"] == "L9") & (results.ranges["run"] == "runs/garg_kitti/seed=0")]
    assert one["images"].tolist() == [4, 4]
    assert one["abs_rel"].tolist() == pytest.approx([0.25, 0.30])  # the mean 0.2, and what the fixture adds by depth
    curve = results.curves[results.curves["name"] == "train/loss"].groupby("epoch")["value"].first()
    assert curve.tolist() == pytest.approx([1.0, 0.5, 0.333333])
    assert [u.run for u in results.unfinished] == ["runs/garg_kitti/seed=2"]


def test_a_table_reads_alike_alone_and_beside_others(runs, add_run):
    """Also its baselines, which are kept once: a claim against one must not depend on what else is reported."""
    claim = Claim("beats the mean", "x", "mean_map", ("abs_rel",))
    tables = []
    for name in ("a", "b"):
        row = PaperRow("x", {}, ours=Ours("L12", experiment=(f"{name}/x",)))
        tables.append(replace(TABLE, name=name, rows=(row,), claims=(claim,), plot=()))
        for seed in (0, 1):
            add_run(f"{name}/x/seed={seed}", experiment=f"{name}/x", seed=seed)
    together = from_runs(runs, tables)
    for table in tables:
        mine, alone = for_table(together, table), for_table(from_runs(runs, [table]), table)
        for part in ("rows", "images", "ranges", "curves"):
            pd.testing.assert_frame_equal(getattr(mine, part), getattr(alone, part))
        (block,) = build_blocks(table, mine.rows)
        (verdict,) = decide(table, block, mine.images)
        assert verdict.interval.high < 0 and verdict.images == 4


def test_rows_and_claims_stand_with_the_test_sets_that_they_belong_to(runs, add_run):
    """Two trainings, each scored on its own images and on one set elsewhere: the table has the sets, a row each."""
    rows, claims = [], []
    for name, test in (("indoors", "halls"), ("outdoors", "yards")):
        rows.append(PaperRow(name, {}, ours=Ours("L12", experiment=(name,)), tests=(test,)))
        claims.append(Claim(f"{name}: beats the mean", name, "mean_map", ("abs_rel",)))
        for seed in (0, 1):
            add_run(f"{name}/seed={seed}", experiment=name, seed=seed)
            elsewhere = {"name": test, "fingerprint": test}
            add_run(f"{name}/seed={seed}/tests/{test}", experiment=name, seed=seed, data=elsewhere, status=None)
    table = replace(TABLE, rows=tuple(rows), claims=tuple(claims), plot=())
    mine = for_table(from_runs(runs, [table]), table)
    blocks = build_blocks(table, mine.rows)
    assert [(block.test, next(line.label for line in block.lines["last"])) for block in blocks] == [
        ("halls", "indoors"),
        ("yards", "outdoors"),
    ]
    assert not any(line.missing for block in blocks for line in block.lines["last"])
    for block, claim in zip(blocks, claims, strict=True):
        (verdict,) = decide(table, block, mine.images)
        assert verdict.claim == claim and verdict.interval.high < 0


def test_the_baselines_of_a_run_that_a_newer_one_replaces_are_not_read(runs, add_run):
    add_run("old/seed=0", created="2026-01-01T00:00:00+00:00", baselines={"mean_map": metrics(0.9)})
    add_run("new/seed=0", created="2026-01-02T00:00:00+00:00", baselines={"mean_map": metrics(0.4)})
    images = for_table(from_runs(runs, [TABLE]), TABLE).images
    assert set(images.loc[images["method"] == "mean_map", "run"]) == {"runs/new/seed=0"}


def test_run_directories_are_found_from_wherever_one_stands(two_seeds, monkeypatch):
    here = from_runs(two_seeds, [TABLE])
    monkeypatch.chdir(two_seeds)
    pd.testing.assert_frame_equal(from_runs(Path("."), [TABLE]).images, here.images)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("per_image.csv", "image0,100,", "image0,100,x", "abs_rel has the value 'x0.16"),
        ("per_range.csv", "checkpoint", "chekpoint", "has no column"),
        ("metrics.jsonl", '"epoch"', '"epok"', "is no line of metrics"),
    ],
)
def test_a_damaged_file_of_a_run_is_named_in_one_line(two_seeds, file, old, new, said):
    path = two_seeds / "garg_kitti" / "seed=0" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        from_runs(two_seeds, [TABLE])
    assert str(caught.value).startswith(f"{path}: ") and said in str(caught.value) and "\n" not in str(caught.value)


def test_a_half_written_last_line_of_a_killed_run_is_passed_over(two_seeds):
    before = from_runs(two_seeds, [TABLE]).curves
    with (two_seeds / "garg_kitti" / "seed=0" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "epo')
    pd.testing.assert_frame_equal(from_runs(two_seeds, [TABLE]).curves, before)


def test_numbers_have_six_significant_digits():
    frame = rounded(pd.DataFrame({"x": [0.123456789, 123456.789, float("nan")], "n": [1, 2, 3], "t": ["a", "b", "c"]}))
    assert frame["x"].tolist()[:2] == [0.123457, 123457.0] and frame["x"].isna().tolist() == [False, False, True]
    assert frame["n"].tolist() == [1, 2, 3]


def test_committed_files_give_the_same_tables(two_seeds, tmp_path):
    folder = tmp_path / "experiments" / TABLE.name
    folder.mkdir(parents=True)
    (folder / "paper.yaml").write_bytes((TABLES / TABLE.name / "paper.yaml").read_bytes())
    commit(from_runs(two_seeds, [TABLE]), TABLE, folder)
    text = (folder / "results.csv").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and "da_teacher" not in text
    assert "0.212346" in text and "0.2123456" not in text  # as every source is rounded
    (two_seeds / "garg_kitti" / "seed=2" / "status.json").unlink()
    (two_seeds / "garg_kitti" / "seed=2").rmdir()
    ours = written_files(TABLE, "runs", two_seeds, tmp_path / "a")
    assert ours == written_files(TABLE, "committed", two_seeds, tmp_path / "b", experiments=tmp_path / "experiments")
    assert ours == written_files(
        TABLE, "auto", tmp_path / "absent", tmp_path / "c", experiments=tmp_path / "experiments"
    )


def test_committing_leaves_real_images_out(runs, add_run, add_pictures, tmp_path):
    add_pictures(add_run("garg_kitti/seed=0", data={"name": "KITTI raw", "synthetic": False}))
    add_pictures(add_run("garg_kitti/seed=1", seed=1))
    experiments = tmp_path / "experiments"
    (experiments / TABLE.name).mkdir(parents=True)
    (experiments / TABLE.name / "paper.yaml").write_bytes((TABLES / TABLE.name / "paper.yaml").read_bytes())
    assert main([f"runs={runs}", f"experiments={experiments}", "commit=true"]) == 0
    plots = {path.name for path in (experiments / TABLE.name / "plots").iterdir()}
    assert "panel_streets-synthetic-demo.png" in plots and "panel_kitti-raw-demo.png" not in plots
    assert {p.name for p in (experiments / TABLE.name).iterdir() if ".csv" in p.suffixes} == {
        *("results.csv", "images.csv.gz", "ranges.csv", "curves.csv")
    }
    assert (experiments / TABLE.name / "tables" / "table.md").read_text().count("](../plots/panel_streets") == 1


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in a table, packed or not, at its first place."""
    packed = file.suffix == ".gz"
    text = (gzip.decompress(file.read_bytes()) if packed else file.read_bytes()).decode()
    assert old in text
    content = text.replace(old, new, 1).encode(errors="surrogateescape")
    file.write_bytes(gzip.compress(content) if packed else content)


def test_scores_of_images_are_small_and_written_alike_at_any_time(two_seeds, tmp_path, monkeypatch):
    results = from_runs(two_seeds, [TABLE])
    commit(results, TABLE, tmp_path)
    packed = (tmp_path / "images.csv.gz").read_bytes()
    monkeypatch.setattr("time.time", lambda: 4e9)
    commit(results, TABLE, tmp_path)
    assert (tmp_path / "images.csv.gz").read_bytes() == packed
    text = gzip.decompress(packed).decode()
    assert text.startswith("n,checkpoint,method,id,n_valid,") and "\n0," in text
    assert ",0.1699," in text and "0.16988" not in text  # 0.8 x 0.2123456
    assert set(from_committed(tmp_path, TABLE).images["run"]) == set(results.rows["run"])


def test_a_damaged_committed_file_is_named(two_seeds, tmp_path):
    commit(from_runs(two_seeds, [TABLE]), TABLE, tmp_path)
    file = tmp_path / "images.csv.gz"
    edit(file, "method,", "methode,")
    with pytest.raises(UserError, match=r"images\.csv\.gz: has no column 'method'"):
        from_committed(tmp_path)
    file.unlink()
    with pytest.raises(UserError, match=r"images\.csv\.gz: no such file"):
        from_committed(tmp_path)


def test_committed_files_that_do_not_fit_are_named_in_one_line(two_seeds, tmp_path):
    commit(from_runs(two_seeds, [TABLE]), TABLE, tmp_path)
    draws_more = replace(TABLE, plot=("delta3",))
    with pytest.raises(UserError, match=r"images\.csv\.gz: has no column 'delta3'"):
        from_committed(tmp_path, draws_more)
    file = tmp_path / "results.csv"
    file.write_text(file.read_text().replace(",demo,", ",demo,", 1).replace(",0.2,", ",zero,", 1))
    with pytest.raises(UserError, match=r"results\.csv: abs_rel has the value 'zero', which is no number") as caught:
        from_committed(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("results.csv", ",0.2,", ",nan,", "abs_rel has the value 'nan', which is no number in its range"),
        ("results.csv", ",0.2,", ",inf,", "abs_rel has the value 'inf', which is no number in its range"),
        ("results.csv", ",0.2,", ",-0.2,", "abs_rel has the value '-0.2', which is no number in its range"),
        ("results.csv", ",0.2,", ",,0.2,", "columns, not"),
        ("results.csv", "abs_rel", "abs-rel", "no column 'abs_rel'"),
        ("results.csv", ",demo,", ",demo", "columns, not"),
        ("results.csv", '""garg""', '""grag""', "a protocol, count or encoding cannot be read"),
        ("images.csv.gz", ",L12,image0,", ",L12,image0,x", "n_valid has the value"),
        ("images.csv.gz", ",100,", ",,", "n_valid has a gap"),
        ("images.csv.gz", "\n0,", "\n9,", "n names a run that results.csv does not have"),
        ("curves.csv", "\n", "\n\udcff", "the table cannot be read"),
    ],
)
def test_a_committed_file_with_one_fault_is_one_line(two_seeds, tmp_path, file, old, new, said):
    commit(from_runs(two_seeds, [TABLE]), TABLE, tmp_path)
    edit(tmp_path / file, old, new)
    with pytest.raises(UserError) as caught:
        from_committed(tmp_path, TABLE)
    assert str(caught.value).startswith(f"{tmp_path / file}: ") and said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["results.csv", "images.csv.gz", "ranges.csv", "curves.csv"])
def test_a_committed_file_that_was_cut_off_is_no_smaller_table(two_seeds, tmp_path, file):
    commit(from_runs(two_seeds, [TABLE]), TABLE, tmp_path)
    data = (tmp_path / file).read_bytes()
    for length in (len(data) - 1, len(data) - 4, len(data) // 2, 3, 0):
        (tmp_path / file).write_bytes(data[:length])
        with pytest.raises(UserError, match=rf"{file}: .*git checkout"):
            from_committed(tmp_path, TABLE)


def test_nothing_is_written_of_a_report_that_stops(two_seeds, tmp_path, capsys):
    """The second table's file is damaged: the first one's are not written either."""
    for name in ("a_first", "b_second"):
        folder = tmp_path / "experiments" / name
        folder.mkdir(parents=True)
        (folder / "paper.yaml").write_bytes((TABLES / TABLE.name / "paper.yaml").read_bytes())
        commit(from_runs(two_seeds, [TABLE]), TABLE, folder)
    (folder / "images.csv.gz").write_bytes(gzip.compress(b"run\n"))
    out = tmp_path / "out"
    assert main(["source=committed", f"experiments={tmp_path / 'experiments'}", f"out={out}"]) == 2
    assert "images.csv.gz: has no column" in capsys.readouterr().err and not out.exists()


def test_a_newcomer_without_runs_sees_the_committed_tables_and_is_told(runs, add_run, add_pictures, tmp_path, capsys):
    for seed in (0, 1):
        add_pictures(add_run(f"garg_kitti/seed={seed}", seed=seed))
    add_run("garg_kitti/seed=2", status="running")
    experiments = tmp_path / "experiments"
    shutil.copytree(TABLES, experiments)
    assert main([f"runs={runs}", f"experiments={experiments}", "commit=true"]) == 0
    said = capsys.readouterr().out
    assert "without numbers yet: runs/garg_kitti/seed=2 is stopped" in said and "as committed" not in said
    shutil.rmtree(runs)
    runs.mkdir()
    words = [f"runs={runs}", f"experiments={experiments}", f"out={tmp_path / 'out'}"]
    assert main(words) == 0
    assert f"{TABLE.name} (as committed): 1 data set" in capsys.readouterr().out
    assert main([*words, TABLE.name]) == 0
    assert f"No run below {runs} feeds it: read from experiments/{TABLE.name}, as committed." in capsys.readouterr().out
    assert main([*words, "source=runs"]) == 1  # who asks for runs gets none else
    kept, shown = experiments / TABLE.name, tmp_path / "out" / TABLE.name
    pictures = {path.name: path.read_bytes() for path in (kept / "plots").iterdir()}
    assert "panel_streets-synthetic-demo.png" in pictures
    assert {path.name: path.read_bytes() for path in shown.glob("*.png")} == pictures
    committed = (kept / "tables" / "table.md").read_text().replace("../plots/", "")
    assert committed == (shown / "table.md").read_text()


COMMITTED = [name for name in find_tables(EXPERIMENTS) if (EXPERIMENTS / name / "results.csv").exists()]


@pytest.mark.parametrize("name", COMMITTED)
def test_the_repository_s_tables_are_those_of_its_committed_results(name, tmp_path, monkeypatch):
    table = load_paper(EXPERIMENTS / name / "paper.yaml")
    report = Report("committed", tmp_path, "", EXPERIMENTS, [table])
    monkeypatch.setattr("depthrepro.report.assembly.figures_of", lambda *arguments, **options: {})
    report.write([table], tmp_path)
    for file in ("table.tex", "table.csv"):
        assert (tmp_path / name / file).read_bytes() == (EXPERIMENTS / name / "tables" / file).read_bytes()
    kept, built = (folder / "table.md" for folder in (EXPERIMENTS / name / "tables", tmp_path / name))
    assert _without_figures(built) == _without_figures(kept)
    assert str(Path.home()) not in (EXPERIMENTS / name / "results.csv").read_text()


def test_committed_figures_are_those_of_the_code_and_are_not_drawn_again(tmp_path, monkeypatch):
    """So a report of committed results takes seconds."""
    known = json.loads((EXPERIMENTS / MEMORY).read_text())
    drawn = {name: known[name]["drawn"] for name in known if known[name]["drawn"]}
    plots = {path.relative_to(EXPERIMENTS).as_posix() for path in EXPERIMENTS.glob("*/plots/*.png")}
    # Panels are drawn from runs' pictures: only who has the runs has drawn them.
    assert {name for name in drawn if "/panel_" not in name} == {name for name in plots if "/panel_" not in name}
    assert {name: sha256(EXPERIMENTS / name)[:16] for name in drawn} == drawn
    if not all(entry["of"].startswith(f"{mpl.__version__} ") for entry in known.values()):
        pytest.skip("drawn by another matplotlib")
    drawn_anew = "figures or their code have changed: `python -m depthrepro.report source=committed commit=true`"
    monkeypatch.setattr("depthrepro.report.figures.painter._write", lambda draw, path: pytest.fail(drawn_anew))
    assert main(["source=committed", "garg_padding", f"out={tmp_path}"]) == 0
    assert len(list(tmp_path.glob("garg_padding/*.png"))) == len(list(EXPERIMENTS.glob("garg_padding/plots/*.png")))


def _without_figures(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[:2] != "!["]
