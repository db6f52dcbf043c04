"""Seeds that count, and what a finished run or another table adds, from made-up committed results."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from depthrepro.campaign.book import Book
from depthrepro.campaign.rows import Scored
from depthrepro.report.committed import commit, from_committed
from depthrepro.report.paper import load_paper
from depthrepro.report.sources import from_runs
from tests.report.conftest import add_run, runs  # noqa: F401 - fixtures

TABLE = load_paper(Path(__file__).parents[1] / "report" / "experiments" / "garg_resolution" / "paper.yaml")
SETS = [Scored("", "streets (synthetic)", "abc123def456", "")]


def row(recipe="r", experiment="garg_kitti"):
    return SimpleNamespace(
        recipe=recipe,
        experiment=experiment,
        scale="demo",
        hash=lambda seed: f"hash{seed}",
        run_name=lambda seed: f"runs/{experiment}/seed={seed}",
    )


@pytest.fixture
def book(runs, add_run, tmp_path):  # noqa: F811
    """A book of one table, committed from runs of these summaries whose directories are gone."""

    def of(*summaries, tables=(TABLE,)):
        for number, changed in enumerate(summaries):
            add_run(f"r{number}", **{"recipe": "r", "device": "cpu", "precision": "fp32", "seed": number} | changed)
        commit(from_runs(runs, [TABLE]), TABLE, tmp_path / TABLE.name)
        shutil.rmtree(runs)
        runs.mkdir()
        return Book(tmp_path, tables, write=True)

    return of


def test_seeds_are_counted_by_recipe_and_fingerprint_with_their_machines(book):
    found = book({}, {"device": "cuda", "precision": "bf16"})
    assert found.seeds(TABLE.name, row(), SETS) == {0: ("cpu", "fp32"), 1: ("cuda", "bf16")}
    assert found.seeds(TABLE.name, row("other"), SETS) == {}
    assert found.seeds(TABLE.name, row(), [replace(SETS[0], fingerprint="changed")]) == {}
    assert found.seeds(TABLE.name, row(), [*SETS, replace(SETS[0], data="KITTI 2015")]) == {}  # a pool needs both
    assert found.seconds(row()) == 300.0 and found.seconds(row("other", "da_teacher")) is None


def test_rows_of_before_there_were_recipes_count_by_their_hash(book):
    found = book({"recipe": "", "config_hash": "hash0"}, {"recipe": "", "config_hash": "of before"})
    assert found.seeds(TABLE.name, row(), SETS) == {}
    found.name_recipes([row()])
    assert list(found.seeds(TABLE.name, row(), SETS)) == [0]


def test_a_finished_run_is_on_disk_at_once(book, add_run, tmp_path):  # noqa: F811
    found = book({}, {})
    run = add_run("garg_kitti/seed=2", seed=2, recipe="r", device="cpu", precision="fp32")
    assert found.add(run, "runs/garg_kitti/seed=2") == [TABLE.name] == [*found.changed]
    kept = from_committed(tmp_path / TABLE.name, TABLE)
    assert sorted(set(kept.rows["seed"])) == [0, 1, 2] and kept.images["run"].nunique() == 3


def test_a_seed_of_the_same_recipe_in_another_table_is_taken_over(book, tmp_path):
    def moved(one):
        return (
            replace(one, ours=replace(one.ours, experiment=("another/name",))) if one.ours and one.ours.level else one
        )

    rows = tuple(map(moved, TABLE.rows))
    other = replace(TABLE, name="other", rows=rows)
    found = book({}, tables=(TABLE, other))
    assert found.adopt("other", row(experiment="another/name"), 0, SETS)
    assert list(found.seeds("other", row(experiment="another/name"), SETS)) == [0]
    kept = from_committed(tmp_path / "other", other)
    assert set(kept.rows["run"]) == {"runs/another/name/seed=0"} == set(kept.images["run"])
    assert not found.adopt("other", row("unknown", "another/name"), 0, SETS)
