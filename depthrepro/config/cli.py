"""Shared by every program: Hydra start-up, and mistakes answered in one line instead of a traceback."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from depthrepro.config.schema import CONFIG_DIR, RootConfig
from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.core.files import full_disk
from depthrepro.core.streams import make_streams_last

_SWEEP = {"-m", "--multirun"}
_PLAIN_WORDS = {
    r"^Error merging override '?(.*?)'? (?=Value |field |Invalid )": r"\1: ",
    r"Value '(?:.*)' .*could not be converted to Integer": "a whole number is needed",
    r"Value '(?:.*)' .*could not be converted to Float": "a number is needed",
    r"Value '(?:.*)' is not a valid bool.*": "true or false is needed",
    r"field '.*' is not Optional": "null is not possible",
    r"Structured config of type `?RootConfig`? has missing mandatory value: (\w+)": r"a run needs \1=...",
    r"Invalid value assigned: \w+ is not a ListConfig, list or tuple\.": "a list is needed, such as [64,192]",
}


def one_line_errors(main: Callable[[], Any]) -> None:
    """Run `main`; print a person's mistake as one line and exit 2, an interruption 130, a stop by signal 143.

    Anything else is a defect and keeps its traceback. With DEPTHREPRO_TRACEBACK=1 everything does.
    """
    make_streams_last()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, so that the message is ours to print
    try:
        with mistakes_answered():
            main()
    except KeyboardInterrupt:
        fail("interrupted", code=130)


def hydra_program(main: Callable[[], Any]) -> None:
    """`one_line_errors` of a program whose `main` is Hydra's: what was typed is first made fit for Hydra's grammar."""

    def run() -> None:
        sys.argv[1:] = for_hydra(sys.argv[1:])
        main()

    one_line_errors(run)


@contextmanager
def mistakes_answered() -> Iterator[None]:
    """Print a person's mistake as one line and exit 2; inside Hydra's main, before it adds lines of its own."""
    try:
        yield
    except Exception as error:
        if tracebacks_wanted() or not (isinstance(error, mistakes()) or full_disk(error)):
            raise
        fail(readable(error), code=2)


def check_named(cfg: DictConfig) -> None:
    """Make sure that an experiment was chosen.

    Raises:
        UserError: If none was; the message lists them.
    """
    if OmegaConf.is_missing(cfg, "name"):
        raise UserError(f"which experiment? Type +experiment=<name>, one of {', '.join(options('experiment'))}")


def mistakes() -> tuple[type[Exception], ...]:
    """Kinds of exception that the person at the prompt can put right."""
    from hydra.errors import HydraException  # hydra takes 0.2 s

    return UserError, HydraException, OmegaConfBaseException


def tracebacks_wanted() -> bool:
    """Whether DEPTHREPRO_TRACEBACK=1 is set."""
    return os.environ.get("DEPTHREPRO_TRACEBACK") == "1"


def fail(message: str, code: int) -> NoReturn:
    """Print `message` to stderr and leave with `code`."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def readable(error: BaseException, typed: Iterable[str] | None = None) -> str:
    """One line for a person: the cause closest to their typing, and the nearest legal name.

    Args:
        error: What was raised.
        typed: The overrides that led to it; None = those of the command line.
    """
    user_error, full = _find_cause(error, UserError), full_disk(error)
    if user_error is not None:
        return str(user_error)
    if full is not None:
        where = f"the disk of {full.filename}" if full.filename else "a disk"
        return f"no space is left on {where}: make room, and the same command goes on from what is there"
    typed = list(sys.argv[1:] if typed is None else typed)
    text = str(error)
    cause = error.__cause__ or error.__context__
    if cause is not None and str(cause) not in text:
        text = f"{text}\n{cause}"
    unknown_key = re.search(r"Could not override '([\w.@/]+)'", text)
    if unknown_key:
        return _unknown_key(unknown_key[1], typed)
    missing_config = re.search(r"Could not find '([\w/.-]+)/([\w.-]+)'", text)
    if missing_config:
        return _suggest_option(*missing_config.groups())
    several = re.search(r"Ambiguous value for argument '(.+?)'|Sweep parameters '(.+)' requires", text)
    if several:
        word = several[1] or several[2]
        return f"{word} has several values: -m makes a sweep of them, and {quoted(word)!r} one text"
    return told_plainly(text)


def told_plainly(text: str) -> str:
    """What Hydra and OmegaConf say, in one line and in words for somebody who does not know them."""
    kept = (line.strip() for line in text.splitlines())
    line = " ".join(
        k for k in kept if k and not k.startswith(("full_key", "reference_type", "object_type", "See http"))
    )
    for theirs, ours in _PLAIN_WORDS.items():
        line = re.sub(theirs, ours, line)
    return line


def _find_cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def for_hydra(arguments: Iterable[str]) -> list[str]:
    """Arguments with those values in quotes that Hydra's grammar could not read otherwise: runs/x/seed=0, it's, ~/data.

    Raises:
        UserError: For a word that is no setting, such as garg_kitti or --seed, with what to type instead.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser  # hydra takes 0.2 s

    arguments = sorted(arguments, key=lambda word: word not in _SWEEP)  # argparse finds no flag between settings
    parser = OverridesParser.create()
    sweep = bool(_SWEEP & set(arguments))
    for place, word in enumerate(arguments):
        if word.startswith("-"):
            bare = word.lstrip("-") + ("" if "=" in word else "=...")
            name = re.split(r"[=.]", bare)[0]
            if name == "experiment" or name in RootConfig.__dataclass_fields__:
                raise UserError(f"{word}: settings have no dashes: type {'+' * (name == 'experiment')}{bare}")
        elif "=" not in word and word in options("experiment"):
            raise UserError(f"{word} is no setting: type +experiment={word}")
        elif "=" in word:
            key, _, value = word.partition("=")
            word = f"{key}={Path(value).expanduser()}" if value.startswith("~/") else word
            arguments[place] = _readable_by(parser, word, sweep=sweep)
    return arguments


def _readable_by(parser: Any, word: str, *, sweep: bool) -> str:
    """The override, or the same in quotes if Hydra's grammar cannot read it without."""
    from hydra.errors import HydraException  # hydra takes 0.2 s

    for form in (word, quoted(word, sweep=sweep)):
        try:
            found = parser.parse_override(form)
        except HydraException:
            continue
        group = Path(CONFIG_DIR) / found.key_or_group
        if group.is_dir() and not found.is_delete() and isinstance(found.value(), int | float | None):
            raise UserError(_suggest_option(found.key_or_group, word.partition("=")[2]))
        return form
    raise UserError(f"{word} cannot be read: its brackets or quotes do not match")


def quoted(override: str, *, sweep: bool = False) -> str:
    """An override with its value in quotes, each of a sweep's values in its own; lists and functions as they are."""
    key, _, value = override.partition("=")
    if re.match(r"[\[{'\"]|\w+\(", value):
        return override
    parts = [re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + (r"\'" if end[2] else ""), part) for part in
             (value.split(",") if sweep else [value])]  # fmt: skip
    return f"{key}=" + ",".join(f"'{part}'" for part in parts)


def _unknown_key(key: str, typed: list[str]) -> str:
    """What to type instead of a key that the configuration has not."""
    if (Path(CONFIG_DIR) / key).is_dir():  # a group that no default names
        option = next((word.partition("=")[2] for word in typed if word.startswith(f"{key}=")), "...")
        return f"{key} is not set by default: type +{key}={option}"
    return f"unknown setting {key!r}{_suggest_key(key, typed)}"


def _suggest_key(key: str, overrides: Iterable[str]) -> str:
    """Compose what was typed without the unknown key and look for its nearest neighbour."""
    from hydra import compose, initialize_config_dir  # hydra takes 0.2 s
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    typed = [o for o in overrides if "=" in o and not o.startswith("-") and o.lstrip("+~").split("=")[0] != key]
    try:
        GlobalHydra.instance().clear()
        parsed = OverridesParser.create().parse_overrides(typed)
        typed = [str(o.input_line) for o in parsed if not o.is_sweep_override()]
        with initialize_config_dir(CONFIG_DIR, version_base="1.3"):
            node: Any = compose("config", overrides=typed)
    except Exception:  # the rest of the line is wrong too: the bare message must do
        return ""
    *parents, leaf = key.split(".")
    for depth, name in enumerate(parents):
        if not isinstance(node, DictConfig) or name not in node:
            return did_you_mean(name, map(str, node), "".join(f"{parent}." for parent in parents[:depth]))
        node = node[name]
    return did_you_mean(leaf, map(str, node), key.removesuffix(leaf)) if isinstance(node, DictConfig) else ""


def _suggest_option(group: str, option: str) -> str:
    """The nearest option of a config group, which may be one of Hydra's own; the group may not exist either."""
    from hydra.core.config_store import ConfigStore  # hydra takes 0.2 s

    if ".." in (words := f"{group}/{option}".split("/")):
        return f"no {words[0]} is called {'/'.join(words[1:])!r}: a name has no .."
    legal = options(group)
    if not legal and group.startswith("hydra/"):
        legal = [name.removesuffix(".yaml") for name in ConfigStore.instance().list(group)]
    if not legal and "/" in group:
        top, _, rest = group.partition("/")
        group, option, legal = top, f"{rest}/{option}", options(top)
    return f"no {group} is called {option!r}{did_you_mean(option, legal)}"


def options(group: str) -> list[str]:
    """Names of a config group's options; tables are written with a slash."""
    folder = Path(CONFIG_DIR) / group
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml"))
