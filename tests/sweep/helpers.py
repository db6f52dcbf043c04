"""A table of two or three tiny rows in a folder of its own, and the command that sweeps over it."""

import json
import os
import subprocess
import sys
import time

ROW = """# @package _global_

name: tiny/{name}
logger: {{system_metrics: false}}
optimizer: {{lr: {lr}}}
"""

TINY = [
    "data.synthetic={train_pairs: 8, val_pairs: 2, test_pairs: 3, width: 310, height: 94, seed: 0}",
    "input_size=[48,160]",
    "model.c6_filters=8",
    "model.output_scale=1",
    "trainer.batch_size=4",
    "trainer.checkpoint_seconds=0",
    "trainer.precision=fp32",
    "reuse=false",
]


def write_rows(folder, **rates):
    """One row of the table `tiny` for each name, with its learning rate."""
    table = folder / "extra" / "experiment" / "tiny"
    table.mkdir(parents=True, exist_ok=True)
    for name, lr in rates.items():
        (table / f"{name}.yaml").write_text(ROW.format(name=name, lr=lr))
    return table


def start(folder, *arguments, epochs=5, **environment):
    """`python -m depthrepro.train -m ...` in `folder`, in a process group of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KITTI", "MLFLOW", "DEPTHREPRO_PARENT"))}
    command = [sys.executable, "-m", "depthrepro.train", "-m"]
    if (folder / "extra").is_dir():
        command += ["--config-dir", "extra"]
    return subprocess.Popen(
        [*command, *TINY, f"trainer.epochs={epochs}", *arguments],
        cwd=folder,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process, code=0, timeout=120):
    """(stdout, stderr) of the ended process."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == code, out + err
    return out, err


def sweep_folder(folder):
    """The one sweep's folder; None before it is there."""
    found = list((folder / "runs" / ".sweeps").glob("*/sweep.json"))
    assert len(found) < 2
    return found[0].parent if found else None


def read_json(path):
    return json.loads(path.read_text())


def wait_for_training(process, folder, runs=1, seconds=90):
    """Until `runs` runs have done a training step."""
    end = time.monotonic() + seconds
    while len(list(folder.glob("runs/tiny/**/last.pt"))) < runs:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
