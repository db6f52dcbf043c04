import json
from pathlib import Path

import pandas as pd
import pytest

from depthrepro.core.errors import UserError
from depthrepro.report.rows import find_runs, load_runs, variant
from tests.report.conftest import metrics, summary


def test_one_row_per_level_and_checkpoint_and_one_per_baseline(runs, add_run):
    best = {"L12": metrics(0.22)}
    add_run("garg_kitti/seed=0", metrics_best=best, levels={"L9": metrics(0.28), "L12": metrics(0.24)})
    rows, unfinished = load_runs(runs)
    got = {(r.kind, r.method, r.checkpoint): r.abs_rel for r in rows.itertuples()}
    assert got == {
        ("level", "L9", "last"): 0.28,
        ("level", "L12", "last"): 0.24,
        ("level", "L12", "best"): 0.22,
        ("baseline", "mean_map", "-"): 0.39,
        ("baseline", "sgbm", "-"): 0.05,
    }
    assert unfinished == []
    assert set(rows["run"]) == {"runs/garg_kitti/seed=0"}  # no machine's path
    last = rows[(rows["method"] == "L12") & (rows["checkpoint"] == "last")].iloc[0]
    assert (last["height"], last["width"], last["commit"]) == (96, 320, "0123456")


def test_uncommitted_changes_show_in_the_commit(runs, add_run):
    add_run("garg_kitti/seed=0", git_dirty=True)
    assert set(load_runs(runs)[0]["commit"]) == {"0123456+changes"}


@pytest.mark.parametrize("status", ["running", "failed", "stopped"])
def test_a_run_that_is_not_done_is_listed_and_gives_no_rows(runs, add_run, status):
    run = add_run("garg_kitti/seed=0", status=status)
    (run / "summary.json").write_text(json.dumps(summary()))  # a stale one, of the run before this one
    rows, unfinished = load_runs(runs)
    assert rows.empty
    assert [u.run for u in unfinished] == ["runs/garg_kitti/seed=0"]
    status = "stopped" if status == "running" else status  # no process has it
    assert unfinished[0].state.startswith(f"{status} at step 120 of 750")
    assert unfinished[0].feeds(("garg_kitti",))
    assert not unfinished[0].feeds(("garg",))


def test_a_done_run_without_summary_or_scores_is_listed(runs, add_run):
    (add_run("garg_kitti/seed=0") / "summary.json").unlink()
    add_run("garg_kitti/seed=1", levels={}, baselines={})
    (runs / "garg_kitti" / "seed=2").mkdir()
    (runs / "garg_kitti" / "seed=2" / "config.yaml").write_text("name: garg_kitti\n")
    rows, unfinished = load_runs(runs)
    assert rows.empty
    assert [u.state for u in unfinished] == [
        "done, but its summary.json is missing",
        "done, but not scored: no test image was present",
        "has neither a status nor a summary",
    ]
    assert all(u.feeds(("garg_kitti",)) for u in unfinished)


def test_nothing_is_searched_below_a_run_or_in_hidden_folders(runs, add_run):
    run = add_run("garg_kitti/seed=0")
    (run / "predictions" / "last").mkdir(parents=True)
    (run / "predictions" / "last" / "summary.json").write_text("{}")
    (runs / ".sweeps").mkdir()
    (runs / ".sweeps" / "status.json").write_text("{}")
    assert find_runs(runs) == [run]


def test_no_runs_folder_is_no_run(tmp_path):
    rows, unfinished = load_runs(tmp_path / "absent")
    assert isinstance(rows, pd.DataFrame) and rows.empty and "abs_rel" in rows
    assert unfinished == []


def damage(path: Path, how: str) -> None:
    content = json.loads(path.read_text())
    if how == "cut":
        path.write_text(path.read_text()[:100])
        return
    if how == "key":
        del content["protocol"]
    if how == "nan":
        content["metrics"]["L9"]["rmse"] = float("nan")
    if how == "null":
        content["metrics"]["L9"]["rmse"] = None
    if how == "delta":
        content["metrics"]["L9"]["delta1"] = 1.67
    if how == "crop":
        content["protocol"]["crop"] = "kb"
    if how == "range":
        content["protocol"]["cap_m"] = 0.5
    if how == "list":
        content = [content]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "cannot be read"),
        ("key", "has no 'protocol'"),
        ("nan", "rmse of L9 (last) is nan"),
        ("null", "typed again"),
        ("delta", "delta1 of L9 (last) is 1.67, outside its range"),
        ("crop", "'kb' is not a valid Crop"),
        ("range", "min_depth_m < cap_m"),
        ("list", "holds no JSON object"),
    ],
)
def test_a_damaged_summary_is_named_in_one_line(runs, add_run, how, said):
    path = add_run("garg_kitti/seed=0") / "summary.json"
    damage(path, how)
    with pytest.raises(UserError) as caught:
        load_runs(runs)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and said in message and "\n" not in message


def test_variant_keeps_what_changes_the_result():
    typed = ["+experiment=garg_kitti", "seed=3", "scale=paper", "logger=none", "logger.required=false"]
    assert variant(typed) == ""
    assert variant([*typed, "data.root=somewhere", "trainer.device=cpu", "hydra/launcher=joblib"]) == ""
    assert variant([*typed, "trainer.max_steps=2", "loss=l1"]) == "loss=l1 trainer.max_steps=2"
    assert variant(["model.padding=zero", "+experiment/garg=row"]) == "model.padding=zero"
    assert variant(["rooted=1"]) == "rooted=1"  # only whole names are left out
