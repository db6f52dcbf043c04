"""Rules that hold for every source file of the package."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "depthrepro"
# What must be written out at each call: a default here has silently shifted many a published depth map.
EXPLICIT = {
    "interpolate": {"mode", "align_corners"},
    "grid_sample": {"mode", "padding_mode", "align_corners"},
    "affine_grid": {"align_corners"},
    "Upsample": {"mode", "align_corners"},
}
TORCH_NAMES = {"F", "functional", "nn"}


def bare_calls(source: str) -> list[str]:
    """`name:line missing ...` for each resampling call that leaves a convention to the library's default."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = resampling_function(node.func)
        missing = EXPLICIT.get(name, set()) - {keyword.arg for keyword in node.keywords}
        if missing:
            found.append(f"{name}:{node.lineno} missing {sorted(missing)}")
    return found


def resampling_function(func: ast.expr) -> str:
    """Name of a torch function called as F.name, nn.functional.name, nn.Name or name; "" for others."""
    if isinstance(func, ast.Name):
        return func.id
    if isinstance(func, ast.Attribute):
        owner = func.value
        owner_name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        return func.attr if owner_name in TORCH_NAMES else ""
    return ""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_resampling_is_written_out(path):
    assert bare_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_numpy_files_are_read_in_one_place(path):
    assert path.name == "arrays.py" or "np.load(" not in path.read_text(encoding="utf-8")


def test_hydra_is_used_by_its_public_parts_alone():
    files = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "hydra_plugins").rglob("*.py")]
    assert [path for path in files if "hydra._internal" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("F.interpolate(x, s, mode='bilinear')", 1),
        ("torch.nn.functional.interpolate(x, s)", 1),
        ("F.grid_sample(x, g, align_corners=False)", 1),
        ("grid_sample(x, g)", 1),
        ("F.interpolate(x, s, mode='bilinear', align_corners=False)", 0),
        ("frame.interpolate()", 0),  # pandas
    ],
)
def test_the_rule_sees_bare_calls(call, missing):
    assert len(bare_calls(call)) == missing
