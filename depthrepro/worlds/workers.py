"""Worker processes for rendering: plain child processes that talk over pipes.

They import only what renders, never the program that called, work from a notebook or a script without a main guard,
and end when their pipe closes, so none outlives its parent. `ProcessPoolExecutor` with spawn or forkserver was tried:
from a script without a guard it ends in BrokenProcessPool, and its workers stay after a SIGKILL of their parent.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2

from depthrepro.config.cli import one_line_errors
from depthrepro.core.errors import UserError
from depthrepro.worlds.units import render_unit
from depthrepro.worlds.world import Unit, World


def run_workers(
    world: World, root: Path, units: Sequence[Unit], count: int, finished: Callable[[Unit], object]
) -> None:
    """Render units in `count` processes.

    Args:
        world: The world.
        root: Its folder.
        units: Units to render.
        count: Number of processes.
        finished: Called with each unit, in order, when its files are in their places.

    Raises:
        UserError: If a worker's disk is full, or it was killed.
        RuntimeError: If it fails otherwise; its message ends with the worker's last line.
    """
    # One process a core: threads inside the libraries would only get in each other's way.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command, pipe = [sys.executable, "-m", "depthrepro.worlds.workers"], subprocess.PIPE
    idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()

    def render(unit: Unit) -> Unit:
        worker = idle.get()
        try:
            return _answer(worker, unit)
        finally:
            idle.put(worker)

    workers: list[subprocess.Popen[bytes]] = []
    threads = ThreadPoolExecutor(count)  # a thread waits for each worker
    try:
        for _ in range(count):
            workers.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment))
            _send(workers[-1], (world, root))
            idle.put(workers[-1])
        for unit in threads.map(render, units):
            finished(unit)
    finally:
        for worker in workers:
            worker.kill()
        threads.shutdown(cancel_futures=True)
        for worker in workers:
            worker.communicate()


def _send(worker: subprocess.Popen[bytes], value: object) -> None:
    """Hand a worker its task or its next unit."""
    assert worker.stdin is not None
    pickle.dump(value, worker.stdin)
    worker.stdin.flush()


def _answer(worker: subprocess.Popen[bytes], unit: Unit) -> Unit:
    """Hand a unit to a worker, and return it when it is rendered."""
    assert worker.stdout is not None
    try:
        _send(worker, unit)
        answer = worker.stdout.readline()
    except OSError:  # it has ended
        answer = b""
    if answer != b"done\n":
        lines = worker.communicate()[1].decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "error: its process was killed (out of memory?); the same command goes on"
        kind = UserError if last.startswith("error: ") else RuntimeError
        raise kind(f"rendering unit {unit.name} failed: {last.removeprefix('error: ')}")
    return unit


def main() -> None:
    """A worker: reads world and folder from standard input, then one unit after another; answers each with a line."""
    cv2.setNumThreads(1)
    world, root = pickle.load(sys.stdin.buffer)
    while True:
        try:
            unit = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        render_unit(world, root, unit)
        print("done", flush=True)


if __name__ == "__main__":
    one_line_errors(main)
