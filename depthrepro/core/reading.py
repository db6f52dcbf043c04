"""What goes wrong when a file is read, told in one line."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from depthrepro.core.errors import UserError

# The file is not to blame, so it need not be fetched again. Seeking to where a damaged header points is EINVAL.
_WAYS_OUT = {
    errno.ENOENT: "check its path",
    errno.EACCES: "allow it to be read (chmod +r)",
    errno.EPERM: "allow it to be read",
    errno.EISDIR: "name a file",
    errno.ENOTDIR: "check its path",
}


@contextmanager
def reading(path: Path, what: str = "", *, missing: str | None = None, fix: str = "fetch it again") -> Iterator[None]:
    """Turn whatever a block that reads a file raises into a message for people; pipes and devices are refused.

    Damaged files make decoders raise nearly anything, so no list of errors would be complete.

    Args:
        path: The file, or a folder that is read as one.
        what: What it is, such as "the image".
        missing: What is wrong and how to fix it where there is no such file; None = as for other errors.
        fix: What to do about a damaged file. Where the file system or the memory is to blame, the message says so.

    Raises:
        UserError: If the block raises any other exception, or the path is neither a file nor a folder.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UserError(f"{path}: a pipe or device, where a file is expected; name a file")
        yield
    except UserError:
        raise
    except Exception as error:
        if missing is not None and isinstance(error, FileNotFoundError):
            raise UserError(f"{path}: {missing}") from None
        what = f"{what} " if what else ""
        raise UserError(f"{path}: {what}cannot be read ({reason(error)}); {_way_out(error, fix)}") from error


def read_csv_text(path: Path, what: str, fix: str) -> str:
    """The text of a CSV file of ours, .csv or .csv.gz: a damaged one has lines of other lengths, or a last one cut off.

    Raises:
        UserError: As `reading`, or if a line does not have as many columns as the first.
    """
    with reading(path, what, missing=f"no such file; {fix}", fix=fix):
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
        if not text.endswith("\n"):
            raise UserError(f"{path}: its last line is cut off; {fix}")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = len(next(lines))
        for line in lines:
            if len(line) != columns:
                raise UserError(f"{path}: line {lines.line_num} has {len(line)} columns, not {columns}; {fix}")
    return text


def reason(error: Exception) -> str:
    """An exception's first sentence, on one line of at most 200 characters; its type where it says nothing."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).split(". ")[0][:200] or type(error).__name__


def _way_out(error: Exception, fix: str) -> str:
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return "free some memory; or the file is damaged"
    code = getattr(error, "errno", None) if isinstance(error, OSError) else None
    return fix if code in (None, errno.EINVAL) else _WAYS_OUT.get(code, "check the disk and try again")
