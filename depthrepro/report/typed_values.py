"""Values of a YAML file as dataclasses, each of its type; whatever is not raises a ValueError that names it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from depthrepro.core.errors import did_you_mean

T = TypeVar("T")


def build(kind: type[T], content: Any, where: str) -> T:
    """`kind(**content)` with lists as tuples, and a misspelt or missing key named."""
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    content = mapping(content, where)
    for key in content:
        if key not in known:
            raise ValueError(f"{where} has an unknown key {key!r}{did_you_mean(str(key), known)}")
    check_types(kind, content, where)
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in content.items()})
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).replace('__init__() ', '')}") from None


def check_types(kind: type, content: dict[str, Any], where: str) -> None:
    """Stop at a text, or a list or mapping of texts, that is something else."""
    types = {f.name: str(f.type) for f in fields(kind)}
    for key, value in content.items():
        if types[key] == "tuple[str, ...]":
            form, fits = "a list of texts", isinstance(value, (list, tuple)) and _texts(value)
        elif types[key] == "dict[str, str]":
            form, fits = "a mapping of texts", isinstance(value, dict) and _texts([*value, *value.values()])
        else:
            empty = value is None and types[key].endswith("None")
            form, fits = "a text; put it in quotes", empty or not types[key].startswith("str") or _texts([value])
        if not fits:
            raise ValueError(f"{where}: {key} must be {form}")


def _texts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def mapping(content: Any, where: str) -> dict[str, Any]:
    """The same content, which must be a mapping."""
    if not isinstance(content, dict):
        raise ValueError(f"{where} must be a mapping of keys to values")
    return content


def numbers(content: Any, where: str) -> dict[str, float]:
    """A mapping of names to finite numbers; nothing is {}."""
    content = mapping(content or {}, where)
    for key, value in content.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            found = value if isinstance(value, float) else f"a {type(value).__name__}"
            raise ValueError(f"{where}: {key} must be a number, not {found}")
    return {str(key): float(value) for key, value in content.items()}
