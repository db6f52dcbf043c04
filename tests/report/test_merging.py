"""Committing adds to what is committed, and mixes nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from depthrepro.report.__main__ import main
from depthrepro.report.committed import from_committed
from depthrepro.report.merging import merged
from depthrepro.report.paper import load_paper
from depthrepro.report.sources import for_table, from_runs

TABLES = Path(__file__).parent / "experiments"
TABLE = load_paper(TABLES / "garg_resolution" / "paper.yaml")
DAY = "2026-01-0{}T00:00:00+00:00"


@pytest.fixture
def commit(runs, tmp_path, capsys):
    """Commit the runs that are there, delete them, and return the table's committed results and what was said."""
    experiments = tmp_path / "experiments"
    (experiments / TABLE.name).mkdir(parents=True)
    shutil.copy(TABLES / TABLE.name / "paper.yaml", experiments / TABLE.name)

    def write():
        assert main([f"runs={runs}", f"experiments={experiments}", "commit=true"]) == 0
        shutil.rmtree(runs)
        runs.mkdir()
        return from_committed(experiments / TABLE.name, TABLE), capsys.readouterr().out

    return write


def seeds(results):
    return sorted(set(results.rows.loc[results.rows["kind"] == "level", "seed"]))


def add(add_run, seed, day=1, recipe="r", **changed):
    known = {"recipe": recipe, "config_hash": f"{recipe}{seed}", "created": DAY.format(day)}
    return add_run(f"garg_kitti/seed={seed}", seed=seed, **known | changed)


def test_seeds_without_run_directories_stay(add_run, commit):
    for seed in (0, 1):
        add(add_run, seed)
    commit()
    add(add_run, 2, day=2)
    results, said = commit()
    assert seeds(results) == [0, 1, 2] and "out:" not in said
    scores = results.images[results.images["method"] == "L12"]
    assert len(scores) == 12 and scores["run"].nunique() == 3
    assert (results.images["method"] == "mean_map").sum() == 4  # one copy, of the newest run
    assert set(results.curves["run"]) == set(results.rows["run"])


@pytest.mark.parametrize(
    "changed",
    [
        {"recipe": "s"},
        {"data": {"fingerprint": "fed"}},
        {"recipe": "", "config_hash": "x"},
    ],
)
def test_a_row_that_is_trained_otherwise_drops_all_its_older_seeds(add_run, commit, changed):
    for seed in (0, 1, 2):
        add(add_run, seed)
    commit()
    add(add_run, 0, day=2, **changed)
    results, said = commit()
    assert seeds(results) == [0] and set(results.images["run"]) == {"runs/garg_kitti/seed=0"}
    assert "garg_kitti on streets (synthetic): trained otherwise than today, so out: seed 1, 2" in said


def test_without_recipes_a_replaced_seed_takes_the_others_with_it(add_run, commit):
    for seed in (0, 1, 2):
        add(add_run, seed, recipe="", config_hash=f"old{seed}")
    commit()
    add(add_run, 3, day=2, recipe="", config_hash="old3")
    assert seeds(commit()[0]) == [0, 1, 2, 3]
    for seed in (1, 2):
        add(add_run, seed, day=3 + seed, recipe="", config_hash=f"new{seed}")
    assert seeds(commit()[0]) == [1, 2]


def test_a_committed_seed_takes_the_recipe_of_its_own_hash(add_run, commit):
    for seed in (0, 1):
        add(add_run, seed, recipe="", config_hash=f"r{seed}")
    commit()
    for seed in (0, 1, 2):
        add(add_run, seed, day=2)
    results, _ = commit()
    assert seeds(results) == [0, 1, 2] and set(results.rows["recipe"]) == {"r"}


def test_a_run_that_is_older_than_the_committed_row_does_not_come_back(add_run, commit):
    add(add_run, 0, day=3, recipe="new")
    commit()
    for seed in (0, 1):
        add(add_run, seed, day=1, recipe="old")
    results, _ = commit()
    assert seeds(results) == [0] and set(results.rows["recipe"]) == {"new"}


def test_merging_the_same_changes_nothing(runs, add_run):
    for seed in (0, 1):
        add(add_run, seed)
    mine = for_table(from_runs(runs, [TABLE]), TABLE)
    both, told = merged(mine, replace(mine))
    assert told == []
    for name in ("rows", "images", "ranges", "curves"):
        assert len(getattr(for_table(both, TABLE), name)) == len(getattr(mine, name))
