"""The record of a run: status, configuration, environment, tags, summary and figures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from depthrepro.config.composed import ComposedRun
from depthrepro.core import distributed
from depthrepro.core.code_state import git_state
from depthrepro.core.files import write_atomic, write_json
from depthrepro.core.protocol import Protocol
from depthrepro.core.reproducibility import describe_environment
from depthrepro.core.run_dir import RunDir, now
from depthrepro.data.base import DataSplits, DepthDataset
from depthrepro.evaluation.test_sets import TestSet
from depthrepro.runs.summary import main_output, read_summary
from depthrepro.tracking import Tracker
from depthrepro.tracking.state import STATUSES, read_tags
from depthrepro.training.trainer import Trainer


def say(text: str) -> None:
    """Print a line on rank 0."""
    if distributed.is_main():
        print(text, flush=True)


class Record:
    """Writes the record of one run; on all ranks but the first, its methods do nothing.

    Args:
        job: The run as it was asked for.
    """

    def __init__(self, job: ComposedRun) -> None:
        self.cfg, self.overrides, self.run, self.hash = job.cfg, job.overrides, job.run, job.hash
        self.recipe = job.recipe
        self.logger, self.protocol = job.settings.logger, job.settings.eval
        self.commit, self.dirty = git_state()
        self._origin = {"rerun_of": job.cfg.rerun_of} if job.cfg.rerun_of else {}
        self.tracker: Tracker | None = None
        self._started = self._was_done = False

    def start_afresh(self) -> None:
        """Throw away what the run directory holds, and start."""
        if distributed.is_main():
            self.run.clear()
        distributed.barrier()
        self.start()

    def start(self) -> None:
        """Write status, configuration and environment, and start the tracker; once."""
        if not distributed.is_main() or self._started:
            return
        known = {"step": 0, "total_steps": None, **self.run.status()}
        self._started, self._was_done = True, known.get("status") == "done"
        identity = {"experiment": self.cfg.name, "seed": self.cfg.seed, "config_hash": self.hash}
        self.run.write_status("running", **identity, step=known["step"], total_steps=known["total_steps"])
        write_atomic(self.run.config, OmegaConf.to_yaml(self.cfg, resolve=True))
        write_atomic(self.run.environment, describe_environment())
        say(f"experiment {self.cfg.name}, scale {self.cfg.scale}, seed {self.cfg.seed} -> {self.run.path}")
        self.tracker = Tracker.start(self.run.path, self.logger, root=Path(self.cfg.root).resolve())
        self.tracker.set_tags({"overrides": self.overrides})

    def finish(self, status: str, message: str | None = None) -> None:
        """Tell status.json and the tracker how the run ended; nothing where it has not started.

        A finished run whose further test sets could not be scored stays finished, and the same command scores them.
        """
        if not self._started:
            return
        status = "done" if self._was_done else status
        self.run.write_status(status, message)
        if self.tracker is not None:
            self.tracker.finish(STATUSES[status])

    def announce(self, data: DataSplits, output: str) -> None:
        """Tag the tracker's run with its data and its main output, and wait until the tracker is reached.

        Raises:
            UserError: If it cannot be reached, and is required.
        """
        if self.tracker is None:
            return
        tags = {
            "scale": self.cfg.scale,
            "data": data.name,
            "data_fingerprint": data.fingerprint,
            "synthetic": data.synthetic,
            "git_commit": self.commit or "unknown",
            "git_dirty": self.dirty,
            "config_hash": self.hash,
            "run_dir": str(self.run.path),
            "output": output,
        }
        self.tracker.set_tags(tags | self._origin)
        self.tracker.ready()

    def adopt(self, equivalent: RunDir) -> dict[str, Any]:
        """Write the summary of a run whose files were taken over from `equivalent`, and wait for the tracker."""
        source = Path(os.path.relpath(equivalent.path, Path(self.cfg.root).resolve())).as_posix()
        typed = {"overrides": self.overrides, "reused_from": source}
        summary = {**read_summary(equivalent), "experiment": self.cfg.name, **typed}
        self.run.write_status("running", step=summary["steps"], total_steps=summary["steps"])
        if self.tracker is not None:
            self.tracker.set_tags({**read_tags(equivalent.path), **typed, "run_dir": str(self.run.path)})
            self.tracker.ready()
            summary["run_id"] = self.tracker.run_id
        for name in summary.get("tests", {}):
            file = self.run.path / "tests" / name / "summary.json"
            identity = {key: summary[key] for key in ("experiment", "overrides", "reused_from", "run_id")}
            write_json(file, {**json.loads(file.read_text(encoding="utf-8")), **identity})
        write_json(self.run.summary, summary)
        return summary

    def results(self, data: DataSplits, trainer: Trainer, results: dict[str, Any]) -> dict[str, Any]:
        """Write the summary with the evaluation's results, the test metrics and the figures; returns the summary."""
        about = {
            "name": data.name,
            "synthetic": data.synthetic,
            "fingerprint": data.fingerprint,
            "encodings": data.train.encodings,
            "counts": data.counts,
            "expected_test": data.test.expected if isinstance(data.test, DepthDataset) else data.counts.get("test", 0),
        }
        self._log_results(trainer, results)
        return self._write_summary(self.run.path, about, self.protocol, trainer, results)

    def test_results(self, test: TestSet, trainer: Trainer, results: dict[str, Any]) -> None:
        """Write the summary of one set of `tests` into its folder; to the report it is a run's."""
        about = {
            "name": test.data.name,
            "synthetic": test.data.synthetic,
            "fingerprint": test.data.fingerprint[:12],
            "encodings": test.data.encodings,
            "counts": {"test": len(test.data)},
            "expected_test": test.data.expected,
        }
        self._write_summary(self.run.path / "tests" / test.name, about, test.protocol, trainer, results)

    def _write_summary(
        self, folder: Path, data: dict[str, Any], protocol: Protocol, trainer: Trainer, results: dict[str, Any]
    ) -> dict[str, Any]:
        """Write summary.json and the figures of a run, or of one of its test sets; returns the summary."""
        # Imported here: matplotlib and pandas take 0.7 s, which only the end of a run needs.
        from depthrepro.report.figures.of_run import write_run_figures

        cfg, progress = self.cfg, trainer.progress
        summary = {
            "experiment": cfg.name,
            "scale": cfg.scale,
            "seed": cfg.seed,
            "overrides": self.overrides,
            "data": data,
            "protocol": protocol.as_dict(),
            **results,
            "git_commit": self.commit,
            "git_dirty": self.dirty,
            "config_hash": self.hash,
            "recipe": self.recipe,
            "run_id": self.tracker.run_id if self.tracker else None,
            "output": trainer.plan.stages[-1].levels[-1],
            "steps": progress.step,
            "best_step": progress.best_step,
            "device": trainer.device.type,
            "precision": trainer.precision.value,
            "train_seconds": round(progress.seconds, 1),
            "images_per_second": round(progress.step * cfg.trainer.batch_size / max(progress.seconds, 1e-9), 3),
            "created": now(),
            **self._origin,
        }
        write_json(folder / "summary.json", summary)
        write_run_figures(folder, cfg.name, f"{cfg.name}, {data['name']}, scale {cfg.scale}, seed {cfg.seed}")
        return summary

    def _log_results(self, trainer: Trainer, results: dict[str, Any]) -> None:
        """Test metrics of every output as the last row of metrics.jsonl."""
        row = {f"test/{level}/{k}": v for level, values in results["metrics"].items() for k, v in values.items()}
        output = trainer.plan.stages[-1].levels[-1]
        for name, levels in results["tests"].items():  # one output each, so the set's name stands for it
            row |= {f"test/{name}/{k}": v for k, v in main_output(levels, output).items()}
        step = trainer.progress.step
        if row:
            with trainer.log.rows as rows:
                rows.drop_group("test")
                rows.append(step, trainer.plan.epoch(step - 1), row)
