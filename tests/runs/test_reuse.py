"""A finished run of the same configuration gives its result to another name."""

import json

from depthrepro.core.run_dir import RunDir
from depthrepro.runs.reuse import find_equivalent, take_over


def finished(path, config_hash="abc", seed=0):
    run = RunDir(path)
    for folder in ("checkpoints", "predictions/last", "panel", "figures"):
        (path / folder).mkdir(parents=True)
    (path / "checkpoints" / "last.pt").write_text("weights")
    (path / "predictions" / "last" / "a.npz").write_text("map")
    (path / "metrics.jsonl").write_text("{}\n")
    (path / "per_image.csv").write_text("rows\n")
    run.summary.write_text(json.dumps({"seed": seed}))
    run.write_status("done", config_hash=config_hash)
    return run


def test_only_a_finished_run_of_the_same_configuration_elsewhere_is_equivalent(tmp_path):
    own = RunDir(tmp_path / "runs" / "table" / "row" / "seed=0")
    assert find_equivalent(own, tmp_path, "abc") is None  # no runs at all
    finished(tmp_path / "runs" / "other" / "seed=0", config_hash="xyz")
    stopped = finished(tmp_path / "runs" / "stopped" / "seed=0")
    stopped.write_status("stopped", "stopped by SIGTERM")
    finished(own.path)
    assert find_equivalent(own, tmp_path, "abc") is None
    equivalent = finished(tmp_path / "runs" / "table2" / "base" / "none-1234" / "seed=0")
    found = find_equivalent(own, tmp_path, "abc")
    assert found is not None and found.path == equivalent.path


def test_the_training_is_taken_over_and_the_record_is_not(tmp_path):
    equivalent, run = finished(tmp_path / "equivalent"), RunDir(tmp_path / "run")
    (equivalent.path / "mlflow.json").write_text("{}")
    run.path.mkdir()
    for _ in range(2):  # an interrupted take-over is repeated
        take_over(equivalent, run)
    names = {p.relative_to(run.path).as_posix() for p in run.path.rglob("*") if p.is_file()}
    assert names == {"checkpoints/last.pt", "predictions/last/a.npz", "metrics.jsonl", "per_image.csv"}
    assert (run.path / "checkpoints" / "last.pt").read_text() == "weights"


def test_appending_to_the_copy_leaves_the_equivalent_run_alone(tmp_path):
    equivalent, run = finished(tmp_path / "equivalent"), RunDir(tmp_path / "run")
    run.path.mkdir()
    take_over(equivalent, run)
    with run.metrics.open("a") as file:
        file.write("more\n")
    assert equivalent.metrics.read_text() == "{}\n"
