import json

import pytest

from depthrepro.core.metrics_log import MetricsLog, Tail


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_row_is_in_the_file_when_append_returns(tmp_path):
    with MetricsLog(tmp_path / "new" / "metrics.jsonl") as log:
        log.append(3, 1, {"train/loss": 0.25, "val/loss": float("nan"), "grad": float("-inf"), "none": None})
        (row,) = rows(log.path)
    assert row["step"] == 3
    assert row["epoch"] == 1
    assert row["time"] > 1.7e9
    assert row["metrics"] == {"train/loss": 0.25, "val/loss": None, "grad": None, "none": None}


def test_steps_never_decrease(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.append(4, 0, {})
        log.append(4, 0, {"val/loss": 1.0})
        with pytest.raises(ValueError, match="row of step 3 after one of step 4"):
            log.append(3, 0, {})


def test_the_last_step_is_known_after_opening_again(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.append(4, 0, {})
    with MetricsLog(tmp_path / "metrics.jsonl") as log, pytest.raises(ValueError, match="step 4"):
        log.append(3, 0, {})


def test_half_a_last_line_is_dropped_before_the_next_row(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.append(1, 0, {"a": 1})
    with path.open("a") as file:
        file.write('{"step": 2, "epoch": 0, "ti')
    with MetricsLog(path) as log:
        log.append(2, 0, {"a": 2})
    assert [(r["step"], r["metrics"]["a"]) for r in rows(path)] == [(1, 1.0), (2, 2.0)]


def test_making_a_log_touches_nothing(tmp_path):
    """Other ranks may hold one too, while rank 0 writes."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2, "ep')
    MetricsLog(path)
    assert path.read_text() == '{"step": 2, "ep'


def test_truncate_after_keeps_the_checkpoints_own_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        for step in (1, 2, 2, 3, 4):
            log.append(step, 0, {"a": step})
        with path.open("a") as file:
            file.write('{"step": 5')
        log.truncate_after(2)
        assert [r["step"] for r in rows(path)] == [1, 2, 2]
        log.append(3, 0, {"a": 30})
    assert [r["metrics"]["a"] for r in rows(path)] == [1, 2, 2, 30]
    assert list(tmp_path.iterdir()) == [path]


def test_truncate_after_of_a_missing_file(tmp_path):
    MetricsLog(tmp_path / "metrics.jsonl").truncate_after(0)
    assert not list(tmp_path.iterdir())


def test_tail_yields_complete_rows_in_batches_and_follows(tmp_path):
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    assert list(tail.batches(2)) == []
    log = MetricsLog(path)
    for step in (1, 2, 3):
        log.append(step, 0, {"a": step, "b": None})
    with path.open("a") as file:
        file.write('{"step": 4')
    assert [[r["step"] for r in batch] for batch in tail.batches(2)] == [[1, 2], [3]]
    assert tail.nulls == {"b": 3}
    log.append(4, 0, {})  # glued to the half line: an unreadable line, skipped
    log.append(5, 0, {})
    log.close()
    assert [[r["step"] for r in batch] for batch in tail.batches(2)] == [[5]]


def test_tail_gives_a_batch_again_that_could_not_be_sent(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.append(1, 0, {"a": None})
    tail = Tail(log.path)
    with pytest.raises(ConnectionError):
        for _ in tail.batches(10):
            raise ConnectionError
    assert tail.nulls == {}
    assert [[r["step"] for r in batch] for batch in tail.batches(10)] == [[1]]


def test_tail_starts_again_when_the_file_was_rewritten(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        for step in (1, 2, 3):
            log.append(step, 0, {"a": None})
        tail = Tail(log.path)
        list(tail.batches(10))
        log.truncate_after(1)
        for step in (2, 3, 4, 5):
            log.append(step, 0, {"a": None})
        assert [r["step"] for batch in tail.batches(10) for r in batch] == [1, 2, 3, 4, 5]
    assert tail.nulls == {"a": 5}
