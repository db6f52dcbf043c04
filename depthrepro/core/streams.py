"""Standard output and error that end no program: without a reader, on a full disk, in an encoding without δ."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any


def make_streams_last() -> None:
    """Let whatever is printed be lost rather than the work: call it once, at the start of a program."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if isinstance(stream, _Lasting):
            continue
        if stream is None:  # closed by who started the program; the number must not become a file's
            _silence(number)
            stream = open(number, "w", encoding="utf-8", closefd=False)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
        setattr(sys, name, _Lasting(stream))


class _Lasting:
    """A text stream that falls silent when it cannot be written to any more: `| head`, a terminal that was closed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, action: Callable[..., Any], *arguments: str) -> None:
        try:
            action(*arguments)
        except OSError:
            _silence(self._stream.fileno())


def _silence(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)
