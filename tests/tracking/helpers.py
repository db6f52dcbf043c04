"""Short ways to ask a store, and to wait for what other processes do."""

import time

from depthrepro.tracking import MetricsLog

# What the store's own libraries do when it is used in this process.
STORE_WARNINGS = ("ignore:The ``noload`` loader strategy", "ignore:unclosed database:ResourceWarning")


def only_run(client, experiment="garg2016"):
    """The one run of the experiment."""
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len(runs) == 1, [run.info for run in runs]
    return runs[0]


def points(client, run_id, name):
    """[(step, value), ...] of a metric, in the order of steps."""
    return sorted((m.step, m.value) for m in client.get_metric_history(run_id, name))


def write_rows(run_dir, steps, scale=1.0):
    """Rows of train/loss = scale * step."""
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        for step in steps:
            log.append(step, 0, {"train/loss": scale * step})


def wait_until(condition, what, seconds=60):
    """Poll until `condition()` is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain until {what}"
        time.sleep(0.05)
