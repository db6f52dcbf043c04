"""What a command costs before its work begins: help, configuration, what is done already, the plan of a sweep.

    python -m experiments.performance.startup

CPU seconds of the command's process, which on an idle machine are its time: it computes on one core and hardly waits.
"Before" are those of the same commands before they were made faster, on a processor with AVX2 beside other work.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

import depthrepro.train  # noqa: F401 - makes the schema and the sweeper known to Hydra
from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.metric_names import DEPTH_METRICS
from depthrepro.sweep.plan import plan_jobs
from experiments.performance.lines import Line, show
from experiments.performance.timing import command_seconds

TRAIN = (sys.executable, "-u", "-m", "depthrepro.train")
TABLE = "+experiment/garg_augmentation=glob(*)"  # five rows
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("KITTI", "MLFLOW"))}


def cpu_seconds(arguments: list[str], folder: Path, runs: int = 5) -> float:
    """Median over so many runs of `depthrepro.train`; raises CalledProcessError where it fails."""
    return statistics.median(command_seconds([*TRAIN, *arguments], folder, ENVIRONMENT) for _ in range(runs))


def write_finished(folder: Path, typed: list[str]) -> None:
    """Leave behind in `folder` what a sweep's finished runs would, as far as the same command asks for it."""
    with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)
        jobs = plan_jobs([*typed, f"root={folder}"], master, loader)
    for job in jobs:
        run = job.run
        run.path.mkdir(parents=True)
        run.status_file.write_text(json.dumps({"status": "done", "config_hash": job.hash}), encoding="utf-8")
        metrics = {"L12": dict.fromkeys(DEPTH_METRICS, 0.2)}
        about = {"images": 1, "data": {"name": "streets"}, "scale": "demo", "protocol": job.settings.eval.as_dict()}
        run.summary.write_text(json.dumps({"metrics": metrics, "baselines": {}, **about}), encoding="utf-8")


def cpu_seconds_to_first_job(folder: Path) -> float:
    """What the sweep's process has used when the first of its 300 jobs starts, which is then stopped."""
    command = [*TRAIN, "-m", TABLE, "seed=range(0,60)"]
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as sweep:
        assert sweep.stdout is not None
        for line in sweep.stdout:
            if line.startswith("["):
                used = psutil.Process(sweep.pid).cpu_times()
                sweep.terminate()
                sweep.communicate()
                return float(used.user + used.system)
    raise RuntimeError("the sweep of 300 jobs started none")


def _line(what: str, seconds: float, before: float, must: float) -> Line:
    ratio = f"{before / seconds:.2f} × as fast"
    return Line(what, f"{seconds:.2f} s", f"before: {before:.2f} s", ratio, f"≤ {must:g} s", seconds <= must)


def lines() -> list[Line]:
    """The lines of this table; about a minute on two cores."""
    done = [TABLE, "seed=0,1"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        write_finished(folder, done)
        cpu_seconds(["-m", *done], folder, runs=1)  # writes the sweep's record
        job, run = ["+experiment=garg_kitti", "--cfg", "job"], ["+experiment/garg_augmentation=all"]
        return [
            _line("`--help`", cpu_seconds(["--help"], folder), 1.90, 1.0),
            _line("`--cfg job`", cpu_seconds(job, folder), 0.49, 0.7),
            _line("a finished run's command", cpu_seconds(run, folder), 0.60, 0.7),
            _line("a finished sweep of 10", cpu_seconds(["-m", *done], folder), 2.42, 1.5),
            _line("a sweep of 300 jobs, until the first starts", cpu_seconds_to_first_job(folder), 67.8, 20),
        ]


if __name__ == "__main__":
    show(lines())
