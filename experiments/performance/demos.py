"""What takes minutes, whole and from an empty cache: the demos, one row of a table, the tests.

    python -m experiments.performance demos            # 30 to 40 minutes
    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 PRECISION=fp32 python -m experiments.performance demos

The second keeps a newer processor to AVX2 without bf16, which the musts are for. Times are the clock's, so nothing else
should run. "Before" was a processor with AVX2.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiments.performance.lines import Line, show

ROW = "+experiment/garg_resolution=l12"
STUDENT = "+experiment=da_student"


def minutes(folder: Path, *commands: str) -> float:
    """Of programs of this package one after the other, with their cache in `folder`; raises where one fails."""
    names = ("KITTI", "MLFLOW", "DEPTHREPRO", "OMP_")
    given = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    environment = {**given, "DEPTHREPRO_CACHE": str(folder / "cache")}
    begin = time.perf_counter()
    for command in commands:
        print(f"python -m depthrepro.{command}", file=sys.stderr, flush=True)
        words = f"depthrepro.{command}".split()
        subprocess.run([sys.executable, "-m", *words], env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) / 60


def _train(what: str, folder: Path) -> str:
    return f"train {what} {_settings(folder)}"


def _settings(folder: Path) -> str:
    return f"root={folder} trainer.precision={os.environ.get('PRECISION', 'auto')}"


def _line(what: str, measured: float, note: str, before: float, must: float) -> Line:
    text = f"{measured:.1f} min{note}"
    return Line(
        what, text, f"before: {before:g} min", f"{before / measured:.1f} ×", f"≤ {must:g} min", measured <= must
    )


def _summary(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Of the only run with baselines in the folder."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("runs/**/summary.json")]
    summary: dict[str, dict[str, dict[str, float]]] = next(each for each in found if each.get("baselines"))
    return summary


def demo() -> list[Line]:
    """`make demo`, and how good it is: L12 against the mean map of the training set's depths, SGBM beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        taken = minutes(
            folder,
            _train("+experiment=garg_kitti", folder),
            f"report garg_kitti runs={folder}/runs out={folder}/report",
        )
        found = _summary(folder)
    errors = {key: value["abs_rel"] for key, value in {**found["metrics"], **found["baselines"]}.items()}
    share = errors["L12"] / errors["mean_map"]
    quality = Line(
        "its L12, AbsRel", f"{errors['L12']:.3f}", f"mean map {errors['mean_map']:.3f}, SGBM {errors['sgbm']:.3f}",
        f"{share:.2f} × mean map", "≤ 0.62 × mean map, SGBM below both",
        share <= 0.62 and errors["sgbm"] < min(errors["L12"], errors["mean_map"]),
    )  # fmt: skip
    return [_line("`make demo`", taken, "", 21, 6), quality]


def row() -> Line:
    """One row of a table of Garg et al. on images that another row has rendered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        minutes(folder, _train(f"{ROW} trainer.max_steps=1", folder))
        return _line("one row of a Garg table, images rendered", minutes(folder, _train(ROW, folder)), "", 6, 2.5)


def student() -> Line:
    """The three steps of Depth Anything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        labels = f"{STUDENT} data.teacher={folder}/teacher/checkpoints/last.pt"
        steps = (
            _train(f"+experiment=da_teacher run_dir={folder}/teacher", folder),
            f"pseudo_label {labels} {_settings(folder)}",
            _train(labels, folder),
        )
        each = [minutes(folder, step) for step in steps]
    parts = " (teacher {:.1f}, labels {:.1f}, student {:.1f})".format(*each)
    return _line("the three steps of `make student`", sum(each), parts, 60, 20)


def tests() -> Line:
    """`make test`; its answer stands in the terminal."""
    begin = time.perf_counter()
    subprocess.run(["make", "test"], cwd=Path(__file__).parents[2], stdout=sys.stderr, check=True)
    return _line("`make test`", (time.perf_counter() - begin) / 60, "", 10, 6)


def lines() -> list[Line]:
    """All of them."""
    return [*demo(), row(), student(), tests()]


if __name__ == "__main__":
    show(lines())
