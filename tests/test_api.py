"""The public interface: light to import, complete, documented with its true signatures."""

from __future__ import annotations

import enum
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import depthrepro
from depthrepro.__main__ import PROGRAMS

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")


def signature(name: str, target: Any) -> str:
    """A class or function as docs/api.md writes it; an enum with its values."""
    if isinstance(target, type) and issubclass(target, enum.Enum):
        return f"{name}: {', '.join(member.value for member in target)}"
    if isinstance(target, type) and issubclass(target, Exception):
        return name
    written, star = [], False
    for p in inspect.signature(target).parameters.values():
        if p.kind is p.KEYWORD_ONLY and not star:
            written.append("*")
            star = True
        default = str(p.default) if isinstance(p.default, enum.Enum) else repr(p.default)
        kind = p.annotation if isinstance(p.annotation, str) else p.annotation.__name__
        written.append(f"{p.name}: {kind}" + ("" if p.default is p.empty else f" = {default}"))
    return f"{name}({', '.join(written)})"


@pytest.mark.parametrize("name", depthrepro.__all__)
def test_every_public_name_is_documented_with_its_signature(name):
    target = getattr(depthrepro, name)
    assert inspect.getdoc(target)
    assert f"```\n{signature(name, target)}\n```" in PAGE


def test_the_page_documents_nothing_else():
    documented = re.findall(r"^```\n(\w+)", PAGE, flags=re.M)
    assert documented == depthrepro.__all__ and set(depthrepro.__all__) <= set(dir(depthrepro))


def test_no_public_name_is_a_program_s():
    assert not set(depthrepro.__all__) & set(PROGRAMS)


def test_importing_is_light():
    code = "import sys, depthrepro; print([m for m in ('torch', 'mlflow', 'matplotlib', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_answered_with_the_public_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'GargNets'; its public names are GargNet, "):
        _ = depthrepro.GargNets


def test_the_page_s_example_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < 1
