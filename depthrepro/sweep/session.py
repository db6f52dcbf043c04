"""A sweep from launch to its last line: lock, folder, parent run in MLflow, signals, list of jobs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from depthrepro.core.code_state import code_state, fingerprint
from depthrepro.core.errors import UserError
from depthrepro.core.files import write_atomic
from depthrepro.core.interrupt import stop_signals
from depthrepro.core.processes import started_at
from depthrepro.core.run_dir import now
from depthrepro.runs.summary import is_answered
from depthrepro.sweep.folder import SweepFolder
from depthrepro.sweep.listing import failures, names, outcome_line, short, table
from depthrepro.sweep.plan import Job, snapshot_text
from depthrepro.tracking import Tracker
from depthrepro.tracking.shown import changes
from depthrepro.tracking.state import STATUSES

_TIME_TO_STOP_S, _MAX_TITLE_CHARS = 60.0, 200


class Session:
    """The sweep that this process runs.

    Args:
        folder: Its folder; taken for this process.
        name: Table or experiment.
        jobs: All jobs, finished ones too.
        typed: What was typed.
    """

    def __init__(self, folder: SweepFolder, name: str, jobs: Sequence[Job], typed: Sequence[str]) -> None:
        self.folder, self.name, self.jobs, self.typed = folder, name, jobs, list(typed)
        self.sweep: dict[str, Any] = {}
        self._recipes: dict[tuple[str, ...], str] = {}
        self._tracker: Tracker | None = None
        self._untold: set[int] = set()  # jobs whose outcome this process has to tell, not their own
        self._telling = threading.Lock()
        self._lock = FileLock(folder.lock, timeout=0)

    def _take_folder(self) -> None:
        self.folder.jobs.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            pid = self.folder.read().get("pid", "unknown")
            raise UserError(f"this sweep is running already, as process {pid} ({short(self.folder.path)})") from None

    def launch(self, launcher: str, at_once: int, threads: int | None) -> list[int]:
        """Save everything and start the parent run; the numbers of the jobs to run.

        Args:
            launcher: Name of Hydra's launcher.
            at_once: Jobs that run side by side on one machine.
            threads: Threads of each job; None = as without a sweep.

        Raises:
            UserError: If another process runs this sweep, or the tracker cannot be reached and is required.
        """
        self._take_folder()
        before, code = self.folder.read(), code_state()
        done = [job for job in self.jobs if is_answered(job)]
        launched = [job.number for job in self.jobs if job not in done]
        self.folder.forget_last_launch()
        root = Path(self.jobs[0].cfg.root).expanduser().resolve()
        self.sweep = {
            "name": self.name,
            "status": "running",
            "launch": uuid.uuid4().hex,
            "overrides": self.typed,
            "launcher": launcher,
            "at_once": at_once,
            "threads": threads,
            "root": str(root),
            "started": now(),
            "pid": os.getpid(),
            "pid_started": started_at(os.getpid()),
            "git_commit": code[0],
            "code": fingerprint(code),
            "mlflow_run_id": before.get("mlflow_run_id"),
            "launched": launched,
            "jobs": [self._entry(job, root, done=job in done) for job in self.jobs],
        }
        if launched or before.get("status") != "finished":
            self._start_tracker(root)
        self._save_jobs(before, code[1])
        self.folder.write(self.sweep)
        self._say_what_is_launched(done)
        if self._tracker is not None:
            self._tracker.ready()
            self.sweep["mlflow_run_id"] = self._tracker.run_id
            self.folder.write(self.sweep)
        return launched

    def _entry(self, job: Job, root: Path, *, done: bool) -> dict[str, Any]:
        return {
            "number": job.number,
            "label": job.label,
            "row": job.row,
            "seed": int(job.cfg.seed),
            "overrides": job.overrides,
            "run_dir": Path(os.path.relpath(job.run.path, root)).as_posix(),
            "config_hash": job.hash,
            "recipe": self._recipe(job),
            "status": "done" if done else "queued",
        }

    def _recipe(self, job: Job) -> str:
        """The job's recipe, made once for jobs that differ in the seed alone: it takes as long as the hash."""
        row = tuple(override for override in job.overrides if not override.startswith("seed="))
        if row not in self._recipes:
            self._recipes[row] = job.recipe
        return self._recipes[row]

    def _save_jobs(self, before: dict[str, Any], changes: str) -> None:
        """Write each job's configuration but that of one which was done from it, whose file is its record.

        A log goes on if the job is the same as at the last launch.
        """
        former = {entry["number"]: entry for entry in before.get("jobs", [])}
        for job, entry in zip(self.jobs, self.sweep["jobs"], strict=True):
            if entry["status"] != "done" or former.get(job.number) != entry:
                write_atomic(self.folder.snapshot(job.number), snapshot_text(job))
            if former.get(job.number, {}).get("run_dir") != entry["run_dir"]:
                self.folder.log(job.number).unlink(missing_ok=True)
            if entry["status"] != "done" or not self.folder.state(job.number):
                self.folder.set_state(job.number, entry["status"])
        write_atomic(self.folder.code, changes)

    def _start_tracker(self, root: Path) -> None:
        settings = replace(self.jobs[0].settings.logger, run_name=self._title(), system_metrics=False)
        self._tracker = Tracker.start(self.folder.path, settings, root=root)
        self._tracker.set_tags(
            {
                "sweep_id": self.folder.path.name,
                "table": self.name,
                "jobs": len(self.jobs),
                "overrides": " ".join(self.typed),
                "scale": self.jobs[0].cfg.scale,
            }
        )

    def _title(self) -> str:
        """Name of the parent run: the table, and what was changed for all of its rows."""
        return " ".join([self.name, *changes(self.typed)])[:_MAX_TITLE_CHARS]

    def _say_what_is_launched(self, done: Sequence[Job]) -> None:
        at_once = self.sweep["at_once"]
        side_by_side = "" if at_once == 1 else f", {at_once} at a time"
        if self.sweep["threads"] is not None:
            side_by_side += f", threads of each: {self.sweep['threads']}"
        jobs = "1 job" if len(self.jobs) == 1 else f"{len(self.jobs)} jobs"
        print(f"sweep      {self.name}: {jobs}{side_by_side} -> {short(self.folder.path)}")
        if done:
            print(f"done       {len(done)} of {len(self.jobs)} already: {names([job.label for job in done])}")
        sys.stdout.flush()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around the jobs: `stop_signals` stop them, then the sweep, and its record says how it was broken off."""
        self._listen()
        try:
            yield
        except BaseException as error:
            self.folder.request_stop()
            self._close("failed" if isinstance(error, Exception) else "stopped")
            if isinstance(error, KeyboardInterrupt):
                raise SystemExit(128 + signal.SIGINT) from None
            if isinstance(error, Exception) and self.sweep["launcher"] != "basic":
                raise UserError(f"hydra/launcher={self.sweep['launcher']}: {' '.join(str(error).split())}") from error
            raise

    def _listen(self) -> None:
        for number in stop_signals():
            signal.signal(number, self._stop)
        if "submitit" in self.sweep["launcher"]:
            self._untold = set(self.sweep["launched"])
            threading.Thread(target=self._follow_jobs, daemon=True, name="outcomes").start()

    def _stop(self, number: int, frame: Any) -> None:
        for other in stop_signals():
            signal.signal(other, signal.default_int_handler)  # a second one does not wait
        self.folder.request_stop()
        running = [self.sweep["jobs"][n - 1]["label"] for n in self.folder.running()]
        if running:
            print(f"\nstopping   {names(running)}: waiting for the checkpoint", file=sys.stderr, flush=True)
        end = time.monotonic() + _TIME_TO_STOP_S
        while self.folder.running() and time.monotonic() < end:
            time.sleep(0.1)
        sys.exit(128 + number)

    def _follow_jobs(self) -> None:
        """Say how jobs end whose own words go to another place (a thread of its own)."""
        while self._untold:
            self._tell_outcomes()
            time.sleep(1.0)

    def _tell_outcomes(self) -> None:
        with self._telling:
            for number in sorted(self._untold):
                if self.folder.state(number).get("status") in ("done", "failed", "stopped"):
                    self._untold.discard(number)
                    print(outcome_line(self.sweep, self.folder, number), flush=True)

    def finish(self) -> None:
        """List all jobs and leave: exit code 0, or 1 if a job failed."""
        self._close("finished")
        if self.sweep["status"] == "failed":
            sys.exit(1)

    def _close(self, status: str) -> None:
        self._tell_outcomes()
        for entry in self.sweep["jobs"]:
            if entry["number"] in self.sweep["launched"]:
                status_of_job = self.folder.state(entry["number"])["status"]
                entry["status"] = "stopped" if status_of_job == "running" else status_of_job
        counts = {kind: sum(e["status"] == kind for e in self.sweep["jobs"]) for kind in ("done", "failed")}
        if status == "finished" and counts["done"] < len(self.jobs):
            status = "failed"
        self.sweep |= {"status": status, "ended": now()}
        self.folder.write(self.sweep)
        print(table(self.sweep))
        told = failures(self.sweep, self.folder)
        if told:
            print(told)
        elif status != "finished":
            print(f"{counts['done']} of {len(self.jobs)} jobs done; the same command again runs only what is missing")
        sys.stdout.flush()
        if self._tracker is not None:
            self._tracker.set_tags({"jobs_done": counts["done"], "jobs_failed": counts["failed"]})
            self._tracker.finish(STATUSES["done" if status == "finished" else status])
        self._lock.release()
