"""The one exception a person is meant to read, and what it says of a misspelt word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the person at the prompt can put right.

    The message is one line: it names the file or setting, what is wrong with it, and how to fix it. The programs print
    it without a traceback (unless `DEPTHREPRO_TRACEBACK=1`) and exit with a non-zero code.
    """


def did_you_mean(word: str, legal: Iterable[str], before: str = "") -> str:
    """`: did you mean 'x'?`, or the legal names when none is close; `before` is what one types before the name."""
    names = sorted(set(legal))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f": did you mean {before + close[0]!r}?" if close else f": choose one of {', '.join(names)}"
