"""The processes that train: side by side, stopped in time, each with a log of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from depthrepro.campaign.plan import Training
from depthrepro.campaign.rows import Row
from depthrepro.core.interrupt import StopRequest

_POLL_S, _TIME_TO_STOP_S = 0.2, 60.0
_DIES_WITH_PARENT = 1  # Linux' prctl


@dataclass
class Job:
    """A training under way.

    Attributes:
        training: What is trained.
        steps: What is still to be typed; the first runs.
        environment: Of its processes.
        log: Where they print.
    """

    training: Training
    steps: list[tuple[str, ...]]
    environment: dict[str, str]
    log: Path
    begun: float = field(default_factory=time.monotonic)
    process: subprocess.Popen[bytes] | None = None

    def ended(self) -> int | None:
        """Exit code of the job; None while it runs; the next step is started when one is through."""
        if self.process is not None:
            code = self.process.poll()
            if code is None or code != 0:
                return code
            self.steps.pop(0)
        if not self.steps:
            return 0
        module, *words = self.steps[0]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is for this program, which then stops its jobs
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        return None

    def shares_with(self, steps: Sequence[tuple[str, ...]]) -> bool:
        """Whether something is left to do here that is among these steps, too: it is to be done once."""
        return bool({*map(_thing, self.steps)} & {*map(_thing, steps)})

    def why(self) -> str:
        """The last thing that was printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return next((line.strip().removeprefix("error: ")[:300] for line in reversed(lines) if line.strip()), "")


def _thing(step: tuple[str, ...]) -> tuple[str, ...]:
    """What two steps must share to be one: labels are the same for all students of a seed."""
    module, experiment, seed, *_ = step
    return (module, seed) if module.endswith("pseudo_label") else (module, experiment, seed)


def _die_with_parent() -> None:
    """In the new process: end, with a checkpoint, when the program that started it is killed."""
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)


class Workers:
    """Trains what it is given, and says what is through.

    Args:
        jobs: Trainings side by side.
        seconds: Time for all; nothing is started that would not end in it.
        forecast: Seconds of a training.
        row_of: The row that a training belongs to.
    """

    def __init__(
        self,
        jobs: int,
        seconds: float,
        forecast: Callable[[Training], float],
        row_of: Callable[[Training], Row],
    ) -> None:
        self._jobs, self._end, self._forecast, self._row_of = jobs, time.monotonic() + seconds, forecast, row_of
        self._running: list[Job] = []
        self.failed: dict[tuple[str, int], str] = {}
        self.stopped_by: int | None = None
        self._done: set[tuple[str, int]] = set()  # of which a claim may still want what they do not have

    def finished(self, due: Callable[[], Sequence[Training]]) -> Iterator[Training]:
        """Train until nothing is left, time is up or a signal asks to stop; yields each training that is done.

        Args:
            due: What is missing, most urgent first; asked anew whenever there is room.
        """
        with StopRequest() as stop:
            try:
                steps = -1
                while stop.signal_number is None:
                    if steps != (steps := sum(len(job.steps) for job in self._running)) or not self._running:
                        self._fill(due)  # only where something has ended: what is due takes a moment to find
                    if not self._running:
                        return
                    for job in [job for job in self._running if (code := job.ended()) is not None]:
                        self._running.remove(job)
                        code = job.process.returncode if job.process else 0
                        if code == 0:
                            self._done.add(job.training.key)
                            yield job.training
                        elif stop.signal_number is None:
                            self._tell_failure(job, code)
                    time.sleep(_POLL_S)
            finally:
                self.stopped_by = stop.signal_number
                self._stop()

    def _fill(self, due: Callable[[], Sequence[Training]]) -> None:
        if len(self._running) >= self._jobs:
            return
        busy = {job.training.key for job in self._running} | self._done
        for training in due():
            if len(self._running) >= self._jobs:
                return
            late = time.monotonic() + self._forecast(training) > self._end
            if late or training.key in busy or training.key in self.failed:
                continue
            row = self._row_of(training)
            steps = row.steps(training.seed)
            if any(job.shares_with(steps) for job in self._running):
                continue
            self._start(training, row, steps)

    def _start(self, training: Training, row: Row, steps: list[tuple[str, ...]]) -> None:
        environment = row.environment
        if self._jobs > 1:
            environment = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | environment
        log = row.root / "runs" / ".decide" / f"{training.experiment.replace('/', '_')}_seed={training.seed}.log"
        job = Job(training, steps, environment, log)
        print(f"training   {training.experiment} seed={training.seed}", flush=True)
        job.ended()
        self._running.append(job)

    def _tell_failure(self, job: Job, code: int) -> None:
        self.fail(job.training, f"{job.why() or f'exit code {code}'} (log {job.log})")

    def fail(self, training: Training, why: str) -> None:
        """Say that a training failed, and try it no more."""
        name = f"{training.experiment} seed={training.seed}"
        self.failed[training.key] = name
        print(f"failed     {name}: {why}", flush=True)

    def _stop(self) -> None:
        """Have all that runs write its checkpoint and end."""
        running = [job for job in self._running if job.process is not None and job.process.poll() is None]
        if running:
            names = ", ".join(f"{job.training.experiment} seed={job.training.seed}" for job in running)
            print(f"stopping   {names}: waiting for the checkpoint", file=sys.stderr, flush=True)
        for job in running:
            assert job.process is not None
            job.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + _TIME_TO_STOP_S
        for job in running:
            assert job.process is not None
            with suppress(subprocess.TimeoutExpired):
                job.process.wait(max(0.1, end - time.monotonic()))
            if job.process.poll() is None:
                os.kill(job.process.pid, signal.SIGKILL)
        self._running.clear()
