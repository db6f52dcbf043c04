"""Imports run one way: programs, then trainer and evaluation, then losses and models, then data and worlds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "depthrepro"

# Lower number = further down; a module may import from its own layer and below.
LAYERS = {
    "errors": 0,
    "results": 0,
    "files": 0,
    "progress": 0,
    "evaluation.protocol": 0,
    "kinds": 0,
    "geometry": 1,
    "input_policy": 2,
    "perturb": 2,
    "evaluation_sets": 5,
    "pseudo_label": 5,
    "labelling": 4,
    "depth_maps": 4,
    "predict": 5,
    "tracking": 1,
    "config": 1,
    "identity": 1,
    "resolvers": 1,
    "run_dir": 1,
    "reproducibility": 1,
    "distributed": 1,
    "checkpoint": 1,
    "interrupt": 1,
    "schedules": 1,
    "plan": 1,
    "prerequisites": 1,
    "parameter_groups": 1,
    "summary": 5,
    "reuse": 5,
    "sweep": 5,
    "rerun": 5,
    "device": 2,
    "training_log": 2,
    "augment": 1,
    "program": 1,
    "worlds": 2,
    "data": 2,
    "losses": 3,
    "models": 3,
    "report": 4,
    "evaluation": 4,
    "trainer": 4,
    "record": 5,
    "experiment": 5,
    "train": 5,
    "evaluate": 5,
    "doctor": 5,
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def layer(module: str) -> int:
    known = [name for name in LAYERS if module == name or module.startswith(name + ".")]
    assert known, f"{module} has no layer: add it to LAYERS"
    return LAYERS[max(known, key=len)]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("depthrepro."):
            names.add(node.module.removeprefix("depthrepro."))
        if isinstance(node, ast.Import):
            names |= {a.name.removeprefix("depthrepro.") for a in node.names if a.name.startswith("depthrepro.")}
    return names


SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: module_name(p))
def test_imports_run_one_way(path):
    own = layer(module_name(path))
    upward = {name for name in imported(path) if layer(name) > own}
    assert not upward, f"{module_name(path)} imports {sorted(upward)} from above"


@pytest.mark.parametrize(
    "module",
    ["depthrepro.train", "depthrepro.config", "depthrepro.tracking", "depthrepro.report", "depthrepro.results"],
)
def test_start_up_stays_light(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'mlflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
