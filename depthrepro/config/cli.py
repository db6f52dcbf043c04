"""Shared by every program: Hydra start-up, and mistakes answered in one line instead of a traceback."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from depthrepro.config.schema import CONFIG_DIR
from depthrepro.core.errors import UserError
from depthrepro.core.files import full_disk
from depthrepro.core.streams import make_streams_last


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
    text = str(error)
    cause = error.__cause__ or error.__context__
    if cause is not None and str(cause) not in text:
        text = f"{text}\n{cause}"
    unknown_key = re.search(r"Could not override '([\w.@/]+)'", text)
    if unknown_key:
        overrides = sys.argv[1:] if typed is None else typed
        return f"unknown setting {unknown_key[1]!r}{_suggest_key(unknown_key[1], overrides)}"
    missing_config = re.search(r"Could not find '([\w/.-]+)/([\w.-]+)'", text)
    if missing_config:
        return _suggest_option(*missing_config.groups())
    kept = (line.strip() for line in text.splitlines())
    return " ".join(
        line for line in kept if line and not line.startswith(("full_key", "reference_type", "object_type"))
    )


def _find_cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def did_you_mean(word: str, legal: Iterable[str]) -> str:
    """`: did you mean 'x'?`, or the legal names when none is close."""
    names = sorted(set(legal))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f": did you mean {close[0]!r}?" if close else f": choose one of {', '.join(names)}"


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
            prefix = ".".join(parents[:depth])
            return did_you_mean(name, map(str, node)) + (f" (in {prefix})" if prefix else "")
        node = node[name]
    return did_you_mean(leaf, map(str, node)) if isinstance(node, DictConfig) else ""


def _suggest_option(group: str, option: str) -> str:
    """The nearest option of a config group, which may be one of Hydra's own; the group may not exist either."""
    from hydra.core.config_store import ConfigStore  # hydra takes 0.2 s

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
