import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from depthrepro.core.errors import UserError
from depthrepro.core.run_dir import RunDir
from depthrepro.report.__main__ import main, parse
from depthrepro.report.assembly import Report

TABLES = Path(__file__).parent / "experiments"
ENDING = "streets-synthetic-demo.png"
FIGURES = {f"{name}_{ENDING}" for name in ("error_vs_resolution", "ranges", "distribution", "curves", "panel")}
FIGURE = f"curves_{ENDING}"
FILES = {"table.md", "table.tex", "table.csv"} | FIGURES
LISTENING = """
import runpy, sys
try:
    runpy.run_module("depthrepro.report", run_name="__main__", alter_sys=True)
finally:
    print("HEAVY", sorted({name.split(".")[0] for name in sys.modules} & {"torch", "mlflow", "hydra", "torchvision"}))
"""


@pytest.fixture
def experiments(tmp_path):
    """A folder with the resolution table only, whatever tables the repository has by now."""
    shutil.copytree(Path(__file__).parent / "experiments", tmp_path / "experiments")
    return tmp_path / "experiments"


@pytest.fixture
def report(tmp_path, runs, experiments):
    """The program, in this process; returns its exit code."""
    return lambda *words: main([*words, f"runs={runs}", f"out={tmp_path / 'out'}", f"experiments={experiments}"])


def test_the_program_writes_everything_without_torch_or_mlflow(tmp_path, runs, add_run, add_pictures):
    add_pictures(add_run("garg_kitti/seed=0"), count=1)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LISTENING, f"experiments={TABLES}", "garg_resolution"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "HEAVY []" in done.stdout
    out = tmp_path / "report" / "garg_resolution"
    assert {path.name for path in out.iterdir()} == FILES
    assert done.stdout.splitlines()[-2] == f"Page: {tmp_path.resolve() / 'report' / 'index.html'}"
    text = (out / "table.md").read_text(encoding="utf-8")
    assert text in done.stdout and text.count(f"](panel_{ENDING})") == 1
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000


def test_without_a_name_each_table_is_one_line_and_the_page_comes_last(report, add_run, capsys, tmp_path):
    add_run("garg_kitti/seed=0")
    assert report() == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "garg_resolution: 1 data set, 8 undecided, 4 not measured",
        f"Page: {tmp_path / 'out' / 'index.html'}",
    ]
    assert said.err == ""  # no bar in a file


@pytest.fixture
def made(monkeypatch):
    """How often a report has been made, and not found to lie there already."""
    times = []

    class Counted(Report):
        def write_page(self, path):
            times.append(path)
            return super().write_page(path)

    monkeypatch.setattr("depthrepro.report.assembly.Report", Counted)
    return times


def test_a_report_of_what_has_not_changed_is_left_and_says_the_same(report, add_run, made, capsys, tmp_path):
    run = add_run("garg_kitti/seed=0")
    said = []
    for _ in range(2):
        assert report("garg_resolution") == 0
        said.append(capsys.readouterr().out)
    assert len(made) == 1 and said[0] == said[1] and "| L9" in said[0]
    out = tmp_path / "out"
    whole = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    for path in (out / "index.html", out / "garg_resolution" / "table.csv", out / "garg_resolution" / FIGURE):
        for spoil in (lambda p: p.write_bytes(p.read_bytes()[:-1]), lambda p: p.unlink()):
            before = len(made)
            spoil(path)
            assert report("garg_resolution") == 0 and len(made) == before + 1
            assert {p: p.read_bytes() for p in whole} == whole
    before = len(made)
    (out / "garg_resolution" / "foreign.png").write_bytes(b"another picture")
    assert report("garg_resolution") == 0 and len(made) == before + 1
    assert not (out / "garg_resolution" / "foreign.png").exists()
    (out / ".report.json").write_text("{not json")
    assert report("garg_resolution") == 0 and len(made) == before + 2
    summary = json.loads((run / "summary.json").read_text())
    summary["metrics"]["L9"]["abs_rel"] = 0.5
    (run / "summary.json").write_text(json.dumps(summary))
    assert report("garg_resolution") == 0 and len(made) == before + 3
    assert "0.500" in capsys.readouterr().out


def test_a_report_beside_a_run_that_goes_on_is_made_anew(report, add_run, made, monkeypatch):
    """Whether its process still lives stands in no file."""
    add_run("garg_kitti/seed=0")
    add_run("garg_kitti/seed=1", status="running")
    monkeypatch.setattr(RunDir, "_is_locked", lambda run: True)
    assert [report(), report()] == [0, 0] and len(made) == 2
    monkeypatch.setattr(RunDir, "_is_locked", lambda run: False)
    assert [report(), report()] == [0, 0] and len(made) == 3


def test_no_run_yet_names_the_command_and_exits_1(report, capsys):
    assert report() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "Type: python -m depthrepro.train +experiment=garg_kitti" in said.err


def test_an_unfinished_run_is_told_where_no_other_exists(report, add_run, capsys):
    add_run("garg_kitti/seed=0", status="failed")
    assert report("garg_resolution") == 1
    assert "(runs/garg_kitti/seed=0 is failed at step 120 of 750" in capsys.readouterr().err


def test_blocks_get_figures_of_their_own_and_stale_ones_go(report, add_run, add_pictures, tmp_path):
    add_pictures(add_run("garg_kitti/seed=0"), count=1)
    real = add_run(
        "garg_kitti2012/seed=0", experiment="garg_kitti2012", data={"name": "KITTI 2012", "synthetic": False}
    )
    assert report() == 0
    out = tmp_path / "out" / "garg_resolution"
    assert {path.name for path in out.iterdir()} - FILES == {
        name.replace("streets-synthetic", "kitti-2012") for name in FIGURES if not name.startswith("panel")
    }
    shutil.rmtree(real)
    assert report() == 0
    assert {path.name for path in out.iterdir()} == FILES


def test_the_same_runs_give_the_same_files(report, add_run, add_pictures, tmp_path):
    add_pictures(add_run("garg_kitti/seed=0"), count=1)
    out = tmp_path / "out" / "garg_resolution"
    contents = []
    for _ in range(2):
        assert report() == 0
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert contents[0] == contents[1]


def test_mistakes_are_one_line_with_exit_code_2(report, add_run, capsys, monkeypatch):
    path = add_run("garg_kitti/seed=0") / "summary.json"
    path.write_text(json.dumps({"experiment": "garg_kitti"}))
    assert report() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {path}: ") and said.count("\n") == 1
    monkeypatch.setenv("DEPTHREPRO_TRACEBACK", "1")
    with pytest.raises(UserError):
        report()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["garg_resolutoin"], "no table is called 'garg_resolutoin': did you mean 'garg_resolution'?"),
        (["run=x"], "unknown setting 'run': did you mean 'runs'?"),
        (["source=mlfow"], "source=mlfow: did you mean 'mlflow'?"),
        (["commit=yes"], "commit=yes: write true or false"),
    ],
)
def test_misspelt_words_are_put_right(words, said, experiments):
    with pytest.raises(UserError) as caught:
        parse([*words, f"experiments={experiments}"])
    assert str(caught.value) == said


def test_a_folder_of_runs_that_is_not_there_is_no_report(tmp_path, capsys):
    assert main(["runs=nowhere", f"out={tmp_path / 'out'}"]) == 2
    assert capsys.readouterr().err == "error: runs=nowhere: no such folder\n" and not (tmp_path / "out").exists()


def test_an_empty_experiments_folder_is_told(tmp_path):
    with pytest.raises(UserError, match=r"holds no <table>/paper\.yaml"):
        parse([f"experiments={tmp_path}"])
