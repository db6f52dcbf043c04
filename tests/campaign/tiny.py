"""A table of one tiny row, with a claim that is looked at after two seeds, and the program that decides it."""

import os
import subprocess
import sys

from tests.sweep.helpers import TINY

ROW = """# @package _global_

name: tiny/{name}
"""
PAPER = """title: "Nobody: tiny"
cite: nobody
source: made up
data: streets
protocol: none
command: none
metrics: [abs_rel]
rows:
  - {label: a, paper: {}, ours: {level: L12, experiment: tiny/a}}
baselines: {mean_map: mean}
claims:
  - {text: a beats the mean, better: a, worse: mean_map, metrics: [abs_rel]}
"""
CLAIMS = """table,claim,asked_by,data,photographs,metric,margin,relative,looks,added,reason
tiny,a beats the mean,paper,streets (synthetic),false,abs_rel,0.03,true,2:0.05,2026-01-01,
"""


def write_table(folder, epochs=3, **rates):
    """experiments/tiny with its claim, and the configurations of its rows by learning rate."""
    table = folder / "extra" / "experiment" / "tiny"
    table.mkdir(parents=True, exist_ok=True)
    words = [
        word.replace("test_pairs: 3", "test_pairs: 8") for word in TINY if not word.startswith("reuse")
    ]  # 2 scenes
    settings = [word.partition("=") for word in [*words, f"trainer.epochs={epochs}"]]
    for name, lr in rates.items():
        lines = [f"optimizer: {{lr: {lr}}}"]
        groups = {}
        for key, _, value in settings:
            node, _, leaf = key.partition(".")
            groups.setdefault(node, []).append(f"{leaf}: {value}" if leaf else value)
        for node, values in groups.items():
            lines.append(f"{node}: {values[0]}" if node == "input_size" else f"{node}: {{{', '.join(values)}}}")
        (table / f"{name}.yaml").write_text(ROW.format(name=name) + "\n".join(lines).replace("=", ": ") + "\n")
    experiments = folder / "experiments"
    (experiments / "tiny").mkdir(parents=True, exist_ok=True)
    (experiments / "tiny" / "paper.yaml").write_text(PAPER)
    (experiments / "claims.csv").write_text(CLAIMS)


def decide(folder, *arguments):
    """`python -m depthrepro.decide tiny` in `folder`, in a process group of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KITTI", "MLFLOW", "DEPTHREPRO_PARENT"))}
    command = [sys.executable, "-m", "depthrepro.decide", "tiny", "experiments=experiments", "logger=none"]
    return subprocess.Popen(
        [*command, f"hydra.searchpath=[file://{folder / 'extra'}]", *arguments],
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
