"""Processes that are started in time, stopped, and told of; their steps are programs of a line."""

import os
import signal
import sys
import time

import pytest

from depthrepro.campaign.plan import Training
from depthrepro.campaign.work import Workers


class FakeRow:
    """A row whose trainings are lines of Python."""

    def __init__(self, root, lines):
        self.root, self.environment, self._lines = root, dict(os.environ), lines

    def steps(self, seed):
        return [("timeit", "-n1", "-r1", line.format(seed=seed)) for line in self._lines]


def trainings(*seeds):
    return [Training("r", seed, "tiny/a") for seed in seeds]


def work(tmp_path, lines, due, jobs=1, seconds=60.0, forecast=lambda t: 1.0):
    row = FakeRow(tmp_path, lines)
    workers, left = Workers(jobs, seconds, forecast, lambda t: row), list(due)
    found = []
    for training in workers.finished(lambda: left):
        found.append(training.seed)
        left.remove(training)
    return workers, found


def test_steps_follow_each_other_and_failures_are_told_and_skipped(tmp_path, capsys):
    lines = [f"open(r'{tmp_path}/{{seed}}', 'w')", "if {seed} == 1: raise SystemExit('error: no luck')"]
    workers, found = work(tmp_path, lines, trainings(0, 1, 2))
    assert found == [0, 2] and list(workers.failed.values()) == ["tiny/a seed=1"]
    assert (tmp_path / "1").exists()
    said = capsys.readouterr().out
    assert "failed     tiny/a seed=1: " in said and "no luck (log " in said


def test_nothing_is_started_that_would_end_too_late(tmp_path):
    took = {0: 5.0, 1: 500.0, 2: 5.0}
    _, found = work(tmp_path, ["pass"], trainings(0, 1, 2), forecast=lambda t: took[t.seed])
    assert found == [0, 2]


def test_two_run_side_by_side_but_never_the_same_step(tmp_path):
    begin = time.monotonic()
    _, found = work(tmp_path, ["import time; time.sleep(1.5)"], trainings(0), jobs=2)
    alone = time.monotonic() - begin
    lines = ["import time; time.sleep(1.5)"]
    _, same = work(tmp_path, lines, trainings(0, 1), jobs=2)
    assert found == [0] and sorted(same) == [0, 1]
    assert time.monotonic() - begin >= 3 * 1.5 > alone - 30  # one after the other: their steps read the same


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_signal_stops_what_runs_and_starts_nothing_more(tmp_path, capsys):
    mark = tmp_path / "stopped"
    line = (
        "import signal, os, time, sys; "
        f"signal.signal(signal.SIGTERM, lambda *a: (open(r'{mark}', 'w'), sys.exit(143))); "
        f"os.kill({os.getpid()}, signal.SIGTERM); time.sleep(60)"
    )
    workers, found = work(tmp_path, [line], trainings(0, 1))
    assert workers.stopped_by == signal.SIGTERM and found == [] and not workers.failed
    assert mark.exists() and "waiting for the checkpoint" in capsys.readouterr().err
    assert sys.modules  # this process lives
