"""The task of a launcher, here or in a worker: start a job's process, wait for it, and say how it went."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from depthrepro.core.code_state import code_state, fingerprint
from depthrepro.core.interrupt import stop_signals
from depthrepro.core.processes import is_alive, started_at
from depthrepro.sweep.folder import SweepFolder
from depthrepro.sweep.listing import outcome_line, short
from depthrepro.tracking.store import PARENT_VARIABLE, SWEEP_VARIABLE

_MESSAGE_CHARS = 300
_TIME_TO_STOP_S = 40.0
_STOPPED = (*(128 + number for number in stop_signals()), *(-number for number in stop_signals()))

_idle = threading.Event()  # no job runs in this process
_idle.set()


def start_job(cfg: DictConfig) -> str:
    """Run one job to its end in a process of its own; its status: done, failed, stopped or queued (not started).

    Args:
        cfg: From `launch.SavedJobs`: `path`, the sweep's folder, `number`, the job, from 1, and `launch`, the mark of
            the launch that asks; a queue may still hold jobs of an earlier one.
    """
    folder, number = SweepFolder(Path(cfg.path)), cfg.number
    sweep = folder.read()
    process_of_sweep = (sweep["pid"], sweep["pid_started"])
    tied = sweep["launcher"] != "submitit_slurm"  # there the process that submitted may go home
    if tied and os.getpid() != sweep["pid"]:
        _follow(process_of_sweep)
    if sweep["launch"] != cfg.launch or folder.stop_requested() or (tied and not is_alive(*process_of_sweep)):
        return "queued"
    if fingerprint(code_state()) != sweep["code"] and folder.first("code_changed"):
        told = f"the code in depthrepro/ has changed since the sweep was launched: from job {number} on another runs"
        print(f"warning: {told}", file=sys.stderr, flush=True)
    job = sweep["jobs"][number - 1]
    says = "submitit" not in sweep["launcher"]  # whose workers nobody sees; the sweep tells it for them
    if says:
        _say(f"[{number}/{len(sweep['jobs'])}] {job['label']} -> {short(Path(sweep['root']) / job['run_dir'])}")
    _idle.clear()
    try:
        status = _run(sweep, folder, number, [process_of_sweep] if tied else [])
    finally:
        _idle.set()
    if says:
        _say(outcome_line(sweep, folder, number))
    return status


def _follow(process_of_sweep: tuple[int, float]) -> None:
    """In a worker: leave Ctrl-C to the sweep, and leave when it is gone (its queue may hold jobs still)."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def leave() -> None:
        while is_alive(*process_of_sweep):
            time.sleep(1.0)
        _idle.wait(_TIME_TO_STOP_S)  # the job is writing its checkpoint
        os._exit(1)

    threading.Thread(target=leave, daemon=True, name="sweep").start()


def _run(sweep: dict[str, Any], folder: SweepFolder, number: int, watched: list[tuple[int, float]]) -> str:
    """Start the process, wait for it, and note how it ended."""
    begin, own = time.monotonic(), (os.getpid(), started_at(os.getpid()))
    watched = list(dict.fromkeys([*watched, own]))
    with folder.log(number).open("ab") as log:
        process = _popen(sweep, folder, number, watched, log)
        running = {"pid": process.pid, "pid_started": started_at(process.pid), "host": socket.gethostname()}
        folder.set_state(number, "running", **running)
        try:
            process.wait()
        finally:  # when the sweep is stopped, by whatever
            code = _ended(process, folder)
            stopped = folder.stop_requested() or not all(is_alive(*other) for other in watched)
            status, message = ("stopped", None) if stopped and code in _STOPPED else _outcome(code, folder.log(number))
            seconds = round(time.monotonic() - begin, 1)
            folder.set_state(number, status, exit_code=code, seconds=seconds, message=message)
    return status


def _popen(
    sweep: dict[str, Any], folder: SweepFolder, number: int, watched: list[tuple[int, float]], log: Any
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "depthrepro.sweep", str(folder.snapshot(number))]
    command += [f"--stop-with={pid}:{started}" for pid, started in watched]
    terminal: tuple[int, ...] = ()
    if sweep["at_once"] == 1 and sys.stderr is not None and sys.stderr.isatty() and os.name == "posix":
        terminal = (os.dup(sys.stderr.fileno()),)  # its own number is the log's in the new process
        command.append(f"--terminal={terminal[0]}")
    environment = {**os.environ, SWEEP_VARIABLE: folder.path.name, "PYTHONIOENCODING": "utf-8"}
    if sweep.get("mlflow_run_id"):
        environment[PARENT_VARIABLE] = sweep["mlflow_run_id"]
    if sweep["threads"] is not None:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(sweep["threads"]))
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            pass_fds=terminal,
            start_new_session=True,  # Ctrl-C is for the sweep, which then stops its jobs
        )
    finally:
        for file in terminal:
            os.close(file)


def _ended(process: subprocess.Popen[bytes], folder: SweepFolder) -> int:
    """Exit code; a process that still runs is stopped first."""
    if process.poll() is None:
        folder.request_stop()
        try:
            process.wait(_TIME_TO_STOP_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return int(process.returncode)


def _outcome(code: int, log: Path) -> tuple[str, str | None]:
    """(status, message) of a process that ended by itself with `code`."""
    if code == 0:
        return "done", None
    if code < 0:
        return "failed", f"ended by {signal.Signals(-code).name}" + (" (out of memory?)" if code == -9 else "")
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = lines[-1].strip().removeprefix("error: ") if lines else f"exit code {code}"
    return "failed", last[:_MESSAGE_CHARS]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")  # in one piece: other workers write to the same terminal
    sys.stdout.flush()
