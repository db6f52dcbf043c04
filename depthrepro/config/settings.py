"""Settings typed as `key=value` after a program's name: a dataclass is the schema, and its fields' texts are the help.

@dataclass(frozen=True)
class Settings:
    output: Path = setting("folder for the results", Path("out"), read=to_path)
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from depthrepro.core.errors import UserError, did_you_mean

T = TypeVar("T")
Reader = Callable[[str, str], Any]  # from a setting's name and what was typed to its value
_NAME_WIDTH, _LINE_WIDTH = 17, 118


def to_path(key: str, value: str) -> Path:
    """A file or folder; ~ is the home folder."""
    return Path(value).expanduser()


def to_folder(key: str, value: str) -> Path:
    """A folder that is there."""
    path = to_path(key, value)
    if not path.is_dir():
        raise UserError(f"{key}={value}: no such folder")
    return path


def to_output_folder(key: str, value: str) -> Path:
    """A folder that is there, or can be made."""
    path = to_path(key, value)
    if any(place.is_file() for place in (path, *path.parents)):
        raise UserError(f"{key}={value}: a file is in the way; name a folder")
    return path


def to_bool(key: str, value: str) -> bool:
    """True or false."""
    if value.lower() not in ("true", "false"):
        raise UserError(f"{key}={value}: write true or false")
    return value.lower() == "true"


def to_count(key: str, value: str) -> int:
    """A whole number of at least 1."""
    if not value.isdecimal() or int(value) < 1:
        raise UserError(f"{key}={value}: a whole number of at least 1 is needed")
    return int(value)


def number(least: float, most: float = math.inf, *, above: bool = False, endless: bool = False) -> Reader:
    """A number from `least` to `most`; `above` leaves the lower end out, `endless` lets inf be a number."""

    def read(key: str, value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            raise UserError(f"{key}={value}: is no number") from None
        if not least <= found <= most or (above and found == least) or (math.isinf(found) and not endless):
            bound = f"more than {least:g}" if above else f"at least {least:g}"
            raise UserError(f"{key}={value}: must be {bound}" + (f" and at most {most:g}" if most < math.inf else ""))
        return found

    return read


def numbers(key: str, value: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers with commas between them."""
    try:
        found = tuple(float(part) for part in value.strip("[]() ").split(","))
    except ValueError:
        found = ()
    if len(found) != count or not all(map(math.isfinite, found)):
        raise UserError(f"{key}={value}: {count} numbers with commas between them are needed")
    return found


def choice(*legal: str) -> Reader:
    """One of a few words."""

    def read(key: str, value: str) -> str:
        if value not in legal:
            raise UserError(f"{key}={value}{did_you_mean(value, legal)}")
        return value

    return read


def choices(*legal: str) -> Reader:
    """Some of a few words, with commas between them."""

    def read(key: str, value: str) -> tuple[str, ...]:
        words = (word.strip() for word in value.strip("[]() ").split(","))
        return tuple(dict.fromkeys(choice(*legal)(key, word) for word in words if word))

    return read


def setting(
    about: str, default: Any = dataclasses.MISSING, *, read: Reader = lambda key, value: value, heading: str = ""
) -> Any:
    """A field of a schema.

    Args:
        about: Its line in `--help`.
        default: Its value where nothing is typed; without one it must be typed.
        read: From what was typed to its value; by default any text.
        heading: A line before it in `--help`.
    """
    return dataclasses.field(default=default, metadata={"about": about, "read": read, "heading": heading})


def parse(schema: type[T], arguments: Sequence[str], program: str, *, further: Iterable[str] = (), **given: Any) -> T:
    """The settings in `key=value` arguments.

    Args:
        schema: A dataclass whose fields are made by `setting`; others are `given`.
        arguments: As typed.
        program: Module that is run, for messages.
        further: Keys that the program reads by itself, to be suggested.
        given: Values that are not typed this way.

    Raises:
        UserError: If a setting is unknown or missing, or its value does not fit.
    """
    known = _settings(schema)
    values: dict[str, Any] = dict(given)
    for argument in arguments:
        key, _, value = argument.partition("=")
        legal = [*known, *further]
        if key.startswith("-") and key.lstrip("-") in legal:
            raise UserError(f"{argument}: settings have no dashes: write {key.lstrip('-')}={value or '...'}")
        if "=" not in argument and key not in legal and not key.startswith("-"):
            raise UserError(f"{argument} is no setting: write {next(iter(known))}={argument}")
        if key not in legal:
            raise UserError(f"unknown setting {key!r}{did_you_mean(key, legal)}")
        if not value.strip():
            raise UserError(f"{key} has no value: write {key}=...")
        values[key] = known[key].metadata["read"](key, value)
    for key, field in known.items():
        if field.default is dataclasses.MISSING and key not in values:
            raise UserError(f"{key}= is missing; python -m {program} --help lists the settings")
    return schema(**values)


def help_text(schema: type) -> str:
    """A line or more for each setting, with its default."""
    lines = []
    for name, field in _settings(schema).items():
        if field.metadata["heading"]:
            lines += ["", field.metadata["heading"]]
        about = field.metadata["about"]
        about += "" if "(default: " in about else _default(field.default)
        indent = " " * _NAME_WIDTH
        wrapped = textwrap.fill(about, _LINE_WIDTH, initial_indent=indent, subsequent_indent=indent)
        lines.append(f"{name}=".ljust(_NAME_WIDTH) + wrapped.lstrip())
    return "\n".join(lines)


def _settings(schema: type) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(schema) if "read" in field.metadata}


def _default(value: Any) -> str:
    if value in (None, dataclasses.MISSING, ""):
        return ""
    shown = ",".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else value
    return f" (default: {shown})"


def typed_value(value: str) -> Any:
    """A value as YAML reads it: 80 is a number, [1, 2] a list, null nothing."""
    return OmegaConf.from_dotlist([f"value={value}"]).value


def override(cfg: DictConfig, values: Mapping[str, Any]) -> None:
    """Set values, by dotted key, in a configuration that is there, each of the type that it has.

    Raises:
        UserError: If a key is unknown or a value has the wrong type.
    """
    for key, value in values.items():
        node: Any = cfg
        before = ""
        for name in key.split("."):
            if not isinstance(node, DictConfig) or name not in node:
                legal = map(str, node) if isinstance(node, DictConfig) else ()
                raise UserError(f"unknown setting {key!r}{did_you_mean(name, legal, before)}")
            node, before = node[name], f"{before}{name}."
        try:
            OmegaConf.update(cfg, key, value)
        except OmegaConfBaseException as error:
            raise UserError(f"{key}: {str(error).splitlines()[0]}") from error
