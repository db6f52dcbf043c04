"""Every speed beside its peer's or its former one: `make bench`, or python -m experiments.performance [part ...]."""

from __future__ import annotations

import importlib
import sys
import time

import torch

from experiments.performance.lines import show

PARTS = ("startup", "report", "scoring", "inference", "throughput", "rendering", "scale", "gpu")
LONG = ("demos",)  # only when named
SIZE, ROUNDS = 2048, 5


def rate(dtype: torch.dtype) -> float:
    """Matrix products on all cores, in GFLOP/s: the best of some rounds."""
    a = torch.rand(SIZE, SIZE).to(dtype)
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - begin)
    return 2 * SIZE**3 / min(seconds) / 1e9


def main() -> None:
    """Print the machine's rates, then a table for each part."""
    parts = sys.argv[1:] or PARTS
    for part in parts:
        if part not in PARTS + LONG:
            sys.exit(f"error: no part {part!r}, choose from {', '.join(PARTS + LONG)}")
    print(
        f"{torch.get_num_threads()} threads: {rate(torch.float32):.0f} GFLOP/s in fp32, "
        f"{rate(torch.bfloat16):.0f} in bf16"
    )
    for part in parts:
        print(f"\n## {part}\n", flush=True)
        show(importlib.import_module(f"experiments.performance.{part}").lines())


if __name__ == "__main__":
    main()
