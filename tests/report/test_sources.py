"""The same tables from run directories, from an MLflow store and from committed files."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from depthrepro.errors import UserError
from depthrepro.report.__main__ import main
from depthrepro.report.committed import commit, from_committed
from depthrepro.report.paper import find_tables, load_paper
from depthrepro.report.render import Report
from depthrepro.report.sources import for_table, from_runs, rounded
from depthrepro.tracking.process import started_at
from depthrepro.tracking.settings import artifact_root
from depthrepro.tracking.state import MirrorState, take_over
from depthrepro.tracking.sync import sync
from tests.report.conftest import metrics
from tests.tracking.helpers import STORE_WARNINGS

pytestmark = [pytest.mark.filterwarnings(rule) for rule in STORE_WARNINGS]
TABLES = Path(__file__).parent / "tables"
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
TABLE = load_paper(TABLES / "garg_resolution" / "paper.yaml")


@pytest.fixture
def two_seeds(runs, add_run):
    for seed in (0, 1):
        levels = {name: metrics(0.2 + 0.0123456789 * seed) for name in ("L9", "L10", "L11", "L12")}
        add_run(f"garg_kitti/seed={seed}", seed=seed, levels=levels, run_id=f"id{seed}")
    add_run("da_teacher/seed=0", experiment="da_teacher")
    add_run("garg_kitti/seed=2", status="running")
    return runs


def test_only_what_the_tables_show_is_read(two_seeds):
    results = from_runs(two_seeds, [TABLE])
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
    assert [u.run for u in for_table(results, TABLE).unfinished] == ["runs/garg_kitti/seed=2"]


def test_numbers_have_six_significant_digits():
    frame = rounded(pd.DataFrame({"x": [0.123456789, 123456.789, float("nan")], "n": [1, 2, 3], "t": ["a", "b", "c"]}))
    assert frame["x"].tolist()[:2] == [0.123457, 123457.0] and frame["x"].isna().tolist() == [False, False, True]
    assert frame["n"].tolist() == [1, 2, 3]


def rendered(source, runs, out, uri="", experiments=TABLES):
    report = Report(source, runs, uri, experiments, [TABLE])
    report.write([TABLE], out)
    return {
        name: (out / TABLE.name / name).read_text(encoding="utf-8") for name in ("table.md", "table.tex", "table.csv")
    }


def test_committed_files_give_the_same_tables(two_seeds, tmp_path):
    folder = tmp_path / "experiments" / TABLE.name
    folder.mkdir(parents=True)
    (folder / "paper.yaml").write_bytes((TABLES / TABLE.name / "paper.yaml").read_bytes())
    commit(from_runs(two_seeds, [TABLE]), TABLE, folder)
    text = (folder / "results.csv").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and "da_teacher" not in text
    (two_seeds / "garg_kitti" / "seed=2" / "status.json").unlink()
    (two_seeds / "garg_kitti" / "seed=2").rmdir()
    ours = rendered("runs", two_seeds, tmp_path / "a")
    assert ours == rendered("committed", two_seeds, tmp_path / "b", experiments=tmp_path / "experiments")
    assert ours == rendered("auto", tmp_path / "absent", tmp_path / "c", experiments=tmp_path / "experiments")


def test_committing_leaves_real_images_out(runs, add_run, add_pictures, tmp_path):
    add_pictures(add_run("garg_kitti/seed=0", data={"name": "KITTI raw", "embedded": False}))
    add_pictures(add_run("garg_kitti/seed=1", seed=1))
    experiments = tmp_path / "experiments"
    (experiments / TABLE.name).mkdir(parents=True)
    (experiments / TABLE.name / "paper.yaml").write_bytes((TABLES / TABLE.name / "paper.yaml").read_bytes())
    assert main([f"runs={runs}", f"experiments={experiments}", "commit=true"]) == 0
    plots = {path.name for path in (experiments / TABLE.name / "plots").iterdir()}
    assert "panel_streets-embedded-demo.png" in plots and "panel_kitti-raw-demo.png" not in plots
    assert {p.name for p in (experiments / TABLE.name).iterdir() if p.suffix == ".csv"} == {
        *("results.csv", "images.csv", "ranges.csv", "curves.csv")
    }
    assert (experiments / TABLE.name / "tables" / "table.md").read_text().count("](../plots/panel_streets") == 1


@pytest.mark.slow
def test_an_mlflow_store_gives_the_same_tables(two_seeds, tmp_path):
    uri = f"sqlite:///{tmp_path.as_posix()}/mlflow.db"
    for seed in (0, 1):
        run = two_seeds / "garg_kitti" / f"seed={seed}"
        state = MirrorState(uri, "garg2016", f"seed {seed}", artifact_root(uri, tmp_path), pid=os.getpid())
        state.pid_started, state.owner = started_at(state.pid), take_over(run)
        state.save(run)
        sync(run)
        summary = json.loads((run / "summary.json").read_text())
        assert summary["run_id"] == f"id{seed}"
    (two_seeds / "garg_kitti" / "seed=2" / "status.json").unlink()
    (two_seeds / "garg_kitti" / "seed=2").rmdir()
    assert rendered("mlflow", tmp_path, tmp_path / "a", uri) == rendered("runs", two_seeds, tmp_path / "b")


def test_a_damaged_committed_file_is_named(two_seeds, tmp_path):
    commit(from_runs(two_seeds, [TABLE]), TABLE, tmp_path)
    file = tmp_path / "images.csv"
    file.write_text(file.read_text().replace("method,", "methode,", 1))
    with pytest.raises(UserError, match=r"images\.csv: has no column 'method'"):
        from_committed(tmp_path)
    file.unlink()
    with pytest.raises(UserError, match=r"images\.csv: not readable"):
        from_committed(tmp_path)


COMMITTED = [name for name in find_tables(EXPERIMENTS) if (EXPERIMENTS / name / "results.csv").exists()]


@pytest.mark.parametrize("name", COMMITTED)
def test_the_repository_s_tables_are_those_of_its_committed_results(name, tmp_path, monkeypatch):
    table = load_paper(EXPERIMENTS / name / "paper.yaml")
    report = Report("committed", tmp_path, "", EXPERIMENTS, [table])
    monkeypatch.setattr("depthrepro.report.assemble._figures", lambda *arguments, **options: {})
    report.write([table], tmp_path)
    for file in ("table.tex", "table.csv"):
        assert (tmp_path / name / file).read_bytes() == (EXPERIMENTS / name / "tables" / file).read_bytes()
    without_figures = [
        line for line in (EXPERIMENTS / name / "tables" / "table.md").read_text().splitlines() if line[:2] != "!["
    ]
    mine = (tmp_path / name / "table.md").read_text().splitlines()
    assert [line for line in without_figures if line] == [line for line in mine if line]
    assert str(Path.home()) not in (EXPERIMENTS / name / "results.csv").read_text()
