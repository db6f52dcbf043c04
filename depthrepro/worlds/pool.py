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
from pathlib import Path

from depthrepro.worlds.streets import StreetsConfig, list_drives


def run_workers(config: StreetsConfig, root: Path, drives: list[int], count: int) -> Iterator[int]:
    """Render drives in `count` processes and yield each drive's index when it is done.

    Raises:
        RuntimeError: If a worker fails; its message ends with the worker's last line.
    """
    task = json.dumps({"config": dataclasses.asdict(config), "root": str(root)})
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[int | Exception] = queue.SimpleQueue()
    for index in drives:
        todo.put(index)
    children = [_start() for _ in range(count)]
    threads = [threading.Thread(target=_feed, args=(c, task, todo, done), daemon=True) for c in children]
    try:
        for thread in threads:
            thread.start()
        for _ in drives:
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
    """Hand drives to one worker until none is left."""
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    try:
        child.stdin.write(task + "\n")
        while True:
            index = todo.get_nowait()
            child.stdin.write(f"{index}\n")
            child.stdin.flush()
            if child.stdout.readline().strip() != str(index):
                lines = child.stderr.read().strip().splitlines()
                done.put(RuntimeError(f"rendering drive {index} failed: {lines[-1] if lines else 'worker died'}"))
                return
            done.put(index)
    except queue.Empty:
        return
    except OSError as error:
        done.put(RuntimeError(f"a rendering process ended early: {error}"))


def main() -> None:
    """A worker: the task on the first line of standard input, then one drive a line; answers each when it is done."""
    import cv2

    from depthrepro.worlds.build import render_drive

    cv2.setNumThreads(1)
    task = json.loads(sys.stdin.readline())
    config, root = StreetsConfig(**task["config"]), Path(task["root"])
    drives = list_drives(config)
    for line in sys.stdin:
        render_drive(config, root, drives[int(line)])
        print(int(line), flush=True)


if __name__ == "__main__":
    main()
