"""The code that runs, found without loading the heavy libraries."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_PACKAGE = "depthrepro"


def git_state() -> tuple[str | None, bool]:
    """(commit, whether tracked files differ from it); (None, False) outside a checkout."""
    return _commit(), bool(_git("status", "--porcelain", "--untracked-files=no"))


def code_state() -> tuple[str | None, str]:
    """(commit, uncommitted changes to the package as a patch); (None, "") outside a checkout."""
    return _commit(), _git("diff", "HEAD", "--", _PACKAGE)


def fingerprint(state: tuple[str | None, str]) -> str:
    """Hash of the package's code: a commit elsewhere in the checkout leaves it alone; "" outside a checkout."""
    committed = _git("rev-parse", f"HEAD:{_PACKAGE}").strip()
    return hashlib.sha256(f"{committed}\n{state[1]}".encode()).hexdigest()[:12] if committed else ""


def _commit() -> str | None:
    return _git("rev-parse", "HEAD").strip() or None


def _git(*arguments: str) -> str:
    """What git prints about the checkout; "" if it fails."""
    command = ["git", "-C", str(_CHECKOUT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
