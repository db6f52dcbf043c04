"""Metrics of a run: written locally first, mirrored to MLflow by a process of its own.

`MetricsLog` writes RUN/metrics.jsonl, the truth. `Tracker` starts the mirror, which reads that file and feeds MLflow,
so that a slow or dead store never delays a training step. `python -m depthrepro.tracking sync RUN_DIR` catches up.

MLflow's own asynchronous `log_batch` in the training process was measured and rejected: with a server away for 4 s
of 10 it lost 80 of 200 rows (the mirror none), a killed run stayed RUNNING, and a server that hung delayed the end of
training by 114 s (25 s).

The mirror reads in the run directory, all of it optional and written by the training process:

- `config.yaml`: scalar leaves become parameters, once; it should be there before `Tracker.start`;
- `metrics.jsonl`: rows become metrics;
- `mlflow_tags.json`: one flat object of tags, written by `Tracker.set_tags`, sent again when it changes;
- at the end `figures/*.png`, config.yaml, environment.txt, summary.json, per_image.csv: artifacts;
- at the end `checkpoints/last.pt`: its path and SHA-256 become tags, the file itself stays where it is.

It writes `mlflow.json` (which MLflow run this is, how far it got), `mlflow.lock` and `mlflow_mirror.log`; training
writes `mlflow.owner`, upon which mirrors of earlier processes leave.

Nothing here imports torch or mlflow until the mirror process runs.
"""

from depthrepro.config.logger import LoggerConfig
from depthrepro.core.metrics_log import MetricsLog
from depthrepro.tracking.tracker import Tracker

__all__ = ["LoggerConfig", "MetricsLog", "Tracker"]
