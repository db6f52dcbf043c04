"""The one exception a person is meant to read."""

from __future__ import annotations


class UserError(Exception):
    """Something the person at the prompt can put right.

    The message is one line: it names the file or setting, what is wrong with it, and how to fix it. The programs print
    it without a traceback (unless `DEPTHREPRO_TRACEBACK=1`) and exit with a non-zero code.
    """
