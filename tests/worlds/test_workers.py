"""Worker processes: none is left behind, and they import only what renders."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from depthrepro.worlds.sets.streets import Streets
from depthrepro.worlds.workers import run_workers
from depthrepro.worlds.world import Unit

# As from standard input or a notebook: there is no main module that a process could import, and no guard.
SCRIPT = """
import sys
from pathlib import Path
from depthrepro.worlds.sets.views import StreetsDepth, ViewsConfig
from depthrepro.worlds.workers import run_workers
world, root = StreetsDepth(ViewsConfig(images=int(sys.argv[2]), per_scene=1, width=96, height=48)), Path(sys.argv[1])
run_workers(world, root, world.units(), 2, lambda unit: print(unit.name, flush=True))
"""


def start(root: Path, images: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-", str(root), str(images)]
    script = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    script.stdin.write(SCRIPT.encode())
    script.stdin.close()
    return script


def test_a_failing_worker_is_reported_with_its_last_line(tiny_config, tmp_path):
    with pytest.raises(RuntimeError, match="unit absent failed: IndexError"):
        run_workers(Streets(tiny_config), tmp_path, [Unit(99, "absent", 1)], 2, print)


def test_a_script_without_a_main_guard_renders(tmp_path):
    with start(tmp_path, 3) as script:
        assert script.stdout.read().split() == [b"scene_0000", b"scene_0001", b"scene_0002"]
    assert script.returncode == 0
    assert len(list(tmp_path.glob("images/*/0.png"))) == 3 and not list(tmp_path.glob(".render-*"))


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_outlives_its_parent(way, tmp_path):
    with start(tmp_path, 5000) as script:
        assert script.stdout.readline() == b"scene_0000\n"
        workers = psutil.Process(script.pid).children()
        script.send_signal(way)  # to the parent alone
        assert script.wait(timeout=30) != 0
    _, left = psutil.wait_procs(workers, timeout=30)
    for process in left:
        process.kill()
    assert len(workers) == 2 and not left


def test_workers_import_only_what_renders():
    code = "import sys, depthrepro.worlds.workers, depthrepro.worlds.sets.places as _; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
