"""Imports run one way: a folder imports those that stand above it in `ORDER`; programs, at the root, import all."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "depthrepro"

ORDER = (
    "core",
    "config",
    "worlds",
    "data",
    "models",
    "losses",
    "training",
    "inference",
    "evaluation",
    "tracking",
    "report",
    "runs",
    "sweep",
    "campaign",
    "predict",
)
# Rooms with an order of their own; "" stands for the loose modules, but for those that the order names.
INNER = {
    "data": ("io", "", "readers", "items"),
    "worlds": ("", "streets", "indoors", "sets"),
    "report": ("", "tables", "figures", "page", "assembly", "__main__"),
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}


def imports(path: Path) -> set[str]:
    """Modules of this package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "depthrepro":
            base = node.module.removeprefix("depthrepro").lstrip(".")
            names = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
            found |= {name if name in MODULES else base for name in names}
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix("depthrepro.") for a in node.names if a.name.startswith("depthrepro.")}
    return found - {""}


IMPORTS = {module: imports(path) for module, path in MODULES.items()}


def place(module: str) -> tuple[int, int]:
    """Position of a module's folder, and within that of the room; programs come last."""
    room, _, rest = module.partition(".")
    if (PACKAGE / f"{room}.py").is_file():
        return len(ORDER), 0
    order, first = INNER.get(room, ("",)), rest.split(".")[0]
    is_folder = "." in rest or (PACKAGE / room / rest).is_dir()
    return ORDER.index(room), order.index(first if room in INNER and (is_folder or first in order) else "")


def test_every_folder_has_its_place():
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))} == set(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module):
    upward = {name for name in IMPORTS[module] if place(name) > place(module)}
    assert not upward, f"{module} imports {sorted(upward)} from below it in ORDER"


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; [] without one."""
    state: dict[str, int] = {}

    def visit(node: str, path: list[str]) -> list[str]:
        state[node] = 1
        for other in sorted(graph.get(node, ())):
            if state.get(other) == 1:
                return [*path[path.index(other) :], other] if other in path else [node, other]
            if other not in state and (found := visit(other, [*path, other])):
                return found
        state[node] = 2
        return []

    return next((found for node in graph if node not in state and (found := visit(node, [node]))), [])


def test_no_circles():
    assert circle(IMPORTS) == []


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize(
    "module",
    [
        "depthrepro.train",
        "depthrepro.config.schema",
        "depthrepro.tracking",
        "depthrepro.report",
        "depthrepro.core.metric_names",
    ],
)
def test_start_up_stays_light(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'mlflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
