"""One line of the table of speeds: what was measured, against whom, and what it must be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Line:
    """A measured speed beside its peer's, or beside the same thing before.

    Attributes:
        what: The work that was measured.
        measured: Time or rate of this project, with its unit; says so where the peer is absent.
        peer: The peer's, with its name.
        ratio: Of the two.
        must: What the ratio or the time must be.
        holds: Whether it is; None where the peer is absent.
    """

    what: str
    measured: str
    peer: str
    ratio: str
    must: str
    holds: bool | None


def show(lines: Iterable[Line]) -> None:
    """Print the lines as a Markdown table."""
    print("| what | measured | peer or before | ratio | must | holds |\n|---|---|---|---|---|---|")
    for line in lines:
        holds = {True: "yes", False: "**no**", None: "–"}[line.holds]
        print(f"| {line.what} | {line.measured} | {line.peer} | {line.ratio} | {line.must} | {holds} |")
