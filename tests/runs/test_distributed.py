"""Two gloo ranks under torchrun do what one process does with the same global batch."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from tests.tiny import tiny_trainer

SCRIPT = """
import sys, time
from pathlib import Path
import torch
from depthrepro.core import distributed
from tests.tiny import tiny_trainer, tiny_loss
torch.set_num_threads(1)
distributed.start(torch.device("cpu"))
def slow_loss(*arguments):
    time.sleep(2)
    return tiny_loss(*arguments)
for path in map(Path, sys.argv[1:]):
    first = path.name == "cut" and not path.exists()
    tiny_trainer(path, loss=slow_loss if first else tiny_loss).fit()
distributed.stop()
"""


def torchrun(script: Path, *arguments, wait=True):
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        str(script),
        *arguments,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    if wait:
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output
    return process


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "ranks.py"
    path.write_text(SCRIPT)
    return path


def kill_all(launcher):
    """SIGKILL to the launcher and its ranks, which have sessions of their own."""
    processes = [launcher, *psutil.Process(launcher.pid).children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGKILL)
    launcher.communicate()


def final_weights(path):
    return torch.load(path / "checkpoints" / "last.pt", weights_only=True)["model"]


def assert_same(one, two):
    for name, value in one.items():
        torch.testing.assert_close(value, two[name], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_two_ranks_reach_the_weights_of_one_also_after_sigkill(tmp_path, script):
    tiny_trainer(tmp_path / "one").fit()
    killed = torchrun(script, str(tmp_path / "two"), str(tmp_path / "cut"), wait=False)  # one after the other
    last = tmp_path / "cut" / "checkpoints" / "last.pt"
    deadline = time.monotonic() + 120
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    kill_all(killed)
    assert_same(final_weights(tmp_path / "one"), final_weights(tmp_path / "two"))
    assert torch.load(last, weights_only=True)["progress"]["step"] < 6, "killed too late to prove anything"
    torchrun(script, str(tmp_path / "cut"))
    for name, value in final_weights(tmp_path / "two").items():
        assert torch.equal(value, final_weights(tmp_path / "cut")[name]), name
    steps = [json.loads(line)["step"] for line in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()]
    whole = [json.loads(line)["step"] for line in (tmp_path / "two" / "metrics.jsonl").read_text().splitlines()]
    assert steps == whole, "rank 0 alone writes, each row once"


@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_divide_each_batch_between_them(world_size):
    from depthrepro.data.items.loader import EpochBatches

    whole = EpochBatches(11, 4, seed=3)
    parts = [EpochBatches(11, 4, 3, rank, world_size) for rank in range(world_size)]
    for batch, *shards in zip(whole, *parts, strict=True):
        assert sorted(batch) == sorted(key for shard in shards for key in shard)
        assert len({len(shard) for shard in shards}) == 1
