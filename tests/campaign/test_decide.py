"""The program as people type it."""

import shutil

import pandas as pd
import pytest

from depthrepro.core.errors import UserError
from depthrepro.decide import parse
from tests.campaign.tiny import decide, write_table
from tests.sweep.helpers import finish, wait_for_training


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which table"),
        (["garg_resolutoin"], "did you mean 'garg_resolution'"),
        (["all", "max_seed=3"], "did you mean 'max_seeds'"),
        (["all", "trainer.epochs=3"], "would change what is trained"),
        (["all", "minutes=0"], "minutes=0"),
    ],
)
def test_a_mistake_is_one_line(words, said):
    with pytest.raises(UserError, match=said):
        parse(words)


def test_what_changes_no_result_is_passed_on():
    assert parse(["all", "jobs=2", "logger=none", "trainer.device=cpu"]).trainings == (
        "logger=none",
        "trainer.device=cpu",
    )


@pytest.mark.slow
def test_two_seeds_killed_typed_again_and_without_runs_nothing_is_trained_twice(tmp_path):
    write_table(tmp_path, a=0.0005)
    results = tmp_path / "experiments" / "tiny" / "results.csv"
    out, _ = finish(decide(tmp_path, "plan=true"), timeout=300)
    assert "tiny: 1 of 1 claims open, 2 runs" in out and not results.exists()

    process = decide(tmp_path)
    wait_for_training(process, tmp_path, seconds=300)
    process.terminate()
    out, err = finish(process, code=143, timeout=300)
    assert "tiny/a seed=0: waiting for the checkpoint" in err or results.exists()

    out, _ = finish(decide(tmp_path), timeout=300)
    assert "tiny · a beats the mean · AbsRel · streets (synthetic): " in out and " after 2 seeds (" in out
    rows = pd.read_csv(results)
    assert set(rows["seed"]) == {0, 1} and set(rows["device"]) == {"cpu"} and set(rows["precision"]) == {"fp32"}
    assert rows["recipe"].nunique() == 1 and (rows["seconds"] > 0).all()

    shutil.rmtree(tmp_path / "runs")
    before = results.read_bytes()
    out, _ = finish(decide(tmp_path), timeout=300)
    assert "training " not in out and not (tmp_path / "runs").exists() and results.read_bytes() == before
