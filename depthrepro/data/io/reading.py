"""What goes wrong when a file is read, told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from depthrepro.core.errors import UserError


@contextmanager
def reading(
    path: Path,
    what: str = "",
    *,
    missing: str | None = None,
    damage: tuple[type[Exception], ...] = (),
    fix: str = "fetch it again",
) -> Iterator[None]:
    """Turn the errors of a block that reads a file into messages for people.

    Args:
        path: The file.
        what: What it is, such as "the image".
        missing: What is wrong and how to fix it where there is no such file; None = as for other errors.
        damage: Errors, beside those of the file system, that a damaged file leads to.
        fix: What to do about a file that cannot be read.

    Raises:
        UserError: If the block raises one of these errors.
    """
    expected: tuple[type[Exception], ...] = (OSError, *damage)
    try:
        yield
    except expected as error:
        if missing is not None and isinstance(error, FileNotFoundError):
            raise UserError(f"{path}: {missing}") from None
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: {what}{' ' if what else ''}cannot be read ({reason}); {fix}") from None
