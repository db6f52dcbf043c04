"""A whole run: files, numbers, each image once, checkpoints, the shared cache of baselines, and two ranks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from depthrepro.core.checkpoint import save_checkpoint
from depthrepro.core.errors import UserError
from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.data.input_transform import InputTransform
from depthrepro.evaluation import baseline_rows
from depthrepro.evaluation.rows import summarise
from depthrepro.evaluation.run_evaluation import evaluate_run
from depthrepro.evaluation.scoring import evaluate_predictions, score
from depthrepro.inference.forward import predict
from depthrepro.inference.predictions import load_prediction, prediction_path
from tests.evaluation.scenes import HEIGHT, PROTOCOL, WIDTH, TwoLevels, build, protocol, read_rows

SIZE = InputTransform(24, 80)
IDS = ["scene/00", "scene/01", "scene/02"]


def make_run(run_dir: Path, **gains: float) -> Path:
    for name, gain in gains.items():
        save_checkpoint(run_dir / "checkpoints" / f"{name}.pt", {"model": TwoLevels(gain).state_dict()})
    return run_dir


def evaluate(run_dir, splits, case=PROTOCOL, model=None, **options):
    options = {"cache_dir": run_dir / "cache", **options}
    return evaluate_run(run_dir, model or TwoLevels(), splits.test, splits.train, case, transform=SIZE, **options)


@pytest.fixture
def splits(tmp_path):
    return build(str(tmp_path / "data"))


def test_a_run_leaves_rows_predictions_and_a_summary_that_agree(tmp_path, splits):
    run = make_run(tmp_path / "run", last=0.05, best=0.07)
    summary = evaluate(run, splits)
    rows = read_rows(run / "per_image.csv")
    keys = [(r["checkpoint"], r["method"], r["id"]) for r in rows]
    expected = [(c, m, i) for c in ("last", "best") for i in IDS for m in ("L9", "L12")]
    assert keys == expected + [("-", m, i) for i in IDS for m in ("mean_map", "sgbm")]
    for name, key in (("last", "metrics"), ("best", "metrics_best"), ("-", "baselines")):
        assert summary[key] == summarise([r for r in rows if r["checkpoint"] == name], IDS)
    assert summary["metrics"] != summary["metrics_best"]
    assert summary["baselines"]["sgbm"]["abs_rel"] < summary["baselines"]["mean_map"]["abs_rel"]
    assert (summary["images"], summary["images_without_ground_truth"]) == (3, 0)
    assert summary["level_sizes"] == {"L9": [6, 20], "L12": [12, 40]}
    assert summary["baseline_notes"] == {"mean_map": "mean of 4 ground-truth maps"}
    assert json.loads(json.dumps(summary)) == summary


def test_saved_predictions_score_as_direct_ones(tmp_path, splits):
    run = make_run(tmp_path / "run", last=0.06)
    evaluate(run, splits)
    again = evaluate_predictions(run / "predictions" / "last", splits.test, range(3), PROTOCOL)
    direct = [
        row
        for i, p in enumerate(predict(TwoLevels(0.06), splits.test, range(3), transform=SIZE))
        for row in score(p, splits.test.records[i], splits.test.depth_gt(i, PROTOCOL.ground_truth), PROTOCOL)
    ]
    assert again == direct


def test_the_model_gets_its_own_weights_and_modes_back(tmp_path, splits):
    model = TwoLevels(0.123)
    evaluate(make_run(tmp_path / "run", last=0.05, best=0.07), splits, model=model)
    assert model.gain.item() == pytest.approx(0.123) and model.training


def test_equal_checkpoints_are_predicted_once_and_both_can_be_scored_again(tmp_path, splits):
    model, run = TwoLevels(), make_run(tmp_path / "run", last=0.05, best=0.05)
    summary = evaluate(run, splits, model=model)
    assert model.calls == 3
    assert summary["metrics_best"] == summary["metrics"]
    maps = [load_prediction(prediction_path(run / "predictions" / name, IDS[2])).levels for name in ("last", "best")]
    np.testing.assert_array_equal(maps[0]["L12"], maps[1]["L12"])
    evaluate(make_run(run, best=0.08), splits, model=model)
    changed = [
        load_prediction(prediction_path(run / "predictions" / n, IDS[2])).levels["L12"] for n in ("last", "best")
    ]
    np.testing.assert_array_equal(changed[0], maps[0]["L12"])
    assert not np.array_equal(*changed), "writing one of two linked files leaves the other alone"


def test_without_a_best_checkpoint_there_is_no_best_number(tmp_path, splits):
    assert evaluate(make_run(tmp_path / "run", last=0.05), splits)["metrics_best"] == {}
    with pytest.raises(UserError, match=r"last\.pt"):
        evaluate(tmp_path / "empty", splits)


def test_images_without_ground_truth_are_predicted_counted_and_not_scored(tmp_path):
    splits = build(str(tmp_path / "data"), test=4, without_depth=(1,))
    run = make_run(tmp_path / "run", last=0.05)
    summary = evaluate(run, splits)
    assert (summary["images"], summary["images_without_ground_truth"]) == (3, 1)
    assert prediction_path(run / "predictions" / "last", "scene/01").is_file()
    assert "scene/01" not in {r["id"] for r in read_rows(run / "per_image.csv")}


def test_panels_hold_what_a_figure_needs(tmp_path):
    splits = build(str(tmp_path / "data"), test=6)
    run = make_run(tmp_path / "run", last=0.05)
    evaluate(run, splits)
    assert sorted(p.stem for p in (run / "panel").iterdir()) == [f"scene__0{i}" for i in (0, 2, 3, 5)]
    with np.load(run / "panel" / "scene__02.npz") as panel:
        assert set(panel.files) == {"image", "depth_gt", "L9", "L12", "mean_map", "sgbm"}
        assert panel["image"].shape == (HEIGHT, WIDTH, 3) and panel["image"].dtype == np.uint8
        np.testing.assert_array_equal(panel["depth_gt"], splits.test.depth_gt(2, PROTOCOL.ground_truth))
        for name in ("L9", "L12", "mean_map", "sgbm"):
            assert panel[name].shape == (HEIGHT, WIDTH) and panel[name].dtype == np.float32
            assert PROTOCOL.min_depth_m <= panel[name].min() < panel[name].max() <= PROTOCOL.cap_m


def test_baselines_are_computed_once_for_all_runs_under_one_protocol(tmp_path, splits, monkeypatch):
    computed = []
    real = baseline_rows.baseline_predictions
    monkeypatch.setattr(
        baseline_rows, "baseline_predictions", lambda record, *rest: computed.append(record.id) or real(record, *rest)
    )
    cache = tmp_path / "cache"
    first = evaluate(make_run(tmp_path / "one", last=0.05), splits, cache_dir=cache)
    assert computed == IDS
    second = evaluate(make_run(tmp_path / "two", last=0.07), splits, cache_dir=cache)
    assert computed == IDS and second["baselines"] == first["baselines"]
    assert second["baseline_notes"] == first["baseline_notes"]
    evaluate(make_run(tmp_path / "three", last=0.05), splits, protocol(cap_m=12.0), cache_dir=cache)
    assert len(computed) == 6, "another protocol is another computation"


def test_a_cache_made_from_other_ground_truth_or_damaged_is_not_used(tmp_path, splits):
    cache = tmp_path / "cache"
    before = evaluate(make_run(tmp_path / "one", last=0.05), splits, cache_dir=cache)
    dense = splits.test.depth_gt
    splits.test.depth_gt = lambda *args: np.where(np.arange(HEIGHT)[:, None] < 10, 0, dense(*args))  # fewer pixels
    after = evaluate(tmp_path / "one", splits, cache_dir=cache)
    assert after["baselines"] != before["baselines"]
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert evaluate(tmp_path / "one", splits, cache_dir=cache)["baselines"] == after["baselines"]


def test_a_model_that_collapsed_stops_the_evaluation_with_the_image(tmp_path, splits):
    run = make_run(tmp_path / "run", last=0.0)
    with pytest.raises(UserError, match="scene/00, L9: the prediction is constant"):
        evaluate(run, splits)
    assert not (run / "per_image.csv").exists()
    assert len(list((run / "predictions" / "last").iterdir())) == 3, "another protocol may be able to score them"


def test_what_was_predicted_is_not_read_back_from_disk(tmp_path, splits, monkeypatch):
    monkeypatch.setattr(np, "load", lambda *args, **options: pytest.fail("read from disk"))
    evaluate(make_run(tmp_path / "run", last=0.05, best=0.07), splits)
    assert len(list((tmp_path / "run" / "panel").iterdir())) == 3


SCRIPT = """
import sys
from pathlib import Path
import torch
from depthrepro.core import distributed
from depthrepro.core.errors import UserError
from tests.evaluation.scenes import build
from tests.evaluation.test_run_evaluation import evaluate
run, bad, data = map(Path, sys.argv[1:])
torch.set_num_threads(1)
splits = build(str(data / str(distributed.rank())))
distributed.start(torch.device("cpu"))
summary = evaluate(run, splits)
assert summary["images"] == 3 and distributed.gather(summary)[0] == summary
splits.test.records[1].left.unlink()  # rank 1's image
try:
    evaluate(bad, splits)
except UserError as error:
    (bad / f"rank{distributed.rank()}.txt").write_text(str(error))
distributed.stop()
"""


@pytest.mark.slow
def test_two_ranks_write_what_one_writes_and_a_fault_of_one_stops_both(tmp_path, splits):
    one, two, bad = (make_run(tmp_path / name, last=0.05, best=0.07) for name in ("one", "two", "bad"))
    evaluate(one, splits)
    (tmp_path / "ranks.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*command, str(tmp_path / "ranks.py"), str(two), str(bad), str(tmp_path / "by_rank")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    a, b = read_rows(one / "per_image.csv"), read_rows(two / "per_image.csv")
    assert [(r["checkpoint"], r["method"], r["id"]) for r in a] == [(r["checkpoint"], r["method"], r["id"]) for r in b]
    for mine, theirs in zip(a, b, strict=True):
        assert [theirs[k] for k in DEPTH_METRICS] == pytest.approx([mine[k] for k in DEPTH_METRICS], rel=1e-4)
    messages = {(bad / f"rank{r}.txt").read_text() for r in (0, 1)}
    assert len(messages) == 1 and "3_1_left.png" in messages.pop()


def test_weights_are_read_as_data_only(tmp_path, splits):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    torch.save({"model": {}, "evil": os.system}, run / "checkpoints" / "last.pt")
    with pytest.raises(UserError, match=r"last\.pt"):
        evaluate(run, splits)
