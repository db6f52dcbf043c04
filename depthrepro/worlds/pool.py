"""Worker processes for rendering.

Plain child processes that talk over pipes, instead of `multiprocessing`: they import only what renders, never the
program that called, and work from a notebook or a script without a main guard. A worker ends when its pipe closes, so
none outlives its parent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from depthrepro.worlds.world import World


def run_workers(world: World, root: Path, units: list[int], count: int) -> Iterator[int]:
    """Render units in `count` processes and yield each unit's index when it is done.

    Raises:
        RuntimeError: If a worker fails; its message ends with the worker's last line.
    """
    kind = {"module": type(world).__module__, "class": type(world).__name__}
    task = json.dumps({**kind, "config": dataclasses.asdict(world.config), "root": str(root)})
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[int | Exception] = queue.SimpleQueue()
    for index in units:
        todo.put(index)
    children = [_start() for _ in range(count)]
    threads = [threading.Thread(target=_feed, args=(c, task, todo, done), daemon=True) for c in children]
    try:
        for thread in threads:
            thread.start()
        for _ in units:
            answer = done.get()
            if isinstance(answer, Exception):
                raise answer
            yield answer
    finally:
        for child in children:
            child.kill()
        for thread, child in zip(threads, children, strict=True):
            thread.join()
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                with contextlib.suppress(OSError):  # what was not yet sent is lost on purpose
                    if pipe is not None:
                        pipe.close()


def _start() -> subprocess.Popen[str]:
    """A worker that waits for its task."""
    # One process a core: threads inside the libraries would only get in each other's way.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "depthrepro.worlds.pool"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _feed(
    child: subprocess.Popen[str],
    task: str,
    todo: queue.SimpleQueue[int],
    done: queue.SimpleQueue[int | Exception],
) -> None:
    """Hand units to one worker until none is left."""
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    try:
        child.stdin.write(task + "\n")
        while True:
            index = todo.get_nowait()
            child.stdin.write(f"{index}\n")
            child.stdin.flush()
            if child.stdout.readline().strip() != str(index):
                lines = child.stderr.read().strip().splitlines()
                done.put(RuntimeError(f"rendering unit {index} failed: {lines[-1] if lines else 'worker died'}"))
                return
            done.put(index)
    except queue.Empty:
        return
    except OSError as error:
        done.put(RuntimeError(f"a rendering process ended early: {error}"))


def main() -> None:
    """A worker: the task on the first line of standard input, then one unit a line; answers each when it is done."""
    import cv2

    from depthrepro.worlds.build import render_unit

    cv2.setNumThreads(1)
    task = json.loads(sys.stdin.readline())
    world = getattr(import_module(task["module"]), task["class"]).from_dict(task["config"])
    units = world.units()
    for line in sys.stdin:
        render_unit(world, Path(task["root"]), units[int(line)])
        print(int(line), flush=True)


if __name__ == "__main__":
    main()
