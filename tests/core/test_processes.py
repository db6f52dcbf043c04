import os
import subprocess
import sys

from depthrepro.core.processes import is_alive, started_at


def test_a_process_is_told_from_a_later_one_with_its_number():
    own = os.getpid()
    assert is_alive(own, started_at(own))
    assert not is_alive(own, started_at(own) - 3600)


def test_a_process_that_ended_is_dead_also_as_a_zombie():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = started_at(process.pid)
    assert is_alive(process.pid, started)
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, not yet collected
    assert not is_alive(process.pid, started)
    process.wait()
    assert not is_alive(process.pid, started)
    assert started_at(process.pid) == 0
