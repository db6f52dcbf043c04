"""The whole report as one HTML file: no file beside it, no request to anywhere."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block, Line
from depthrepro.report.claims import numbers, signed
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.page.intervals import WIDTH
from depthrepro.report.page.matrix import matrices, outcomes
from depthrepro.report.tables.captions import caption, provenance
from depthrepro.report.tables.cells import CHECKPOINT_TITLES, GAP, metric_cell
from depthrepro.report.tables.published import TITLE, published_sets

TEMPLATES = Path(__file__).with_name("templates")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A PNG inside the page.

    Attributes:
        title: What it shows.
        alt: The same with the data set.
        uri: The whole file as a data URI.
        width: Pixels.
        height: Pixels.
    """

    title: str
    alt: str
    uri: str
    width: int
    height: int


def page(tables: Sequence[MeasuredTable], *, source: str) -> str:
    """The text of index.html.

    Args:
        tables: The tables, in the order to show them.
        source: Where the numbers were read, in words ("run directories below runs").

    Returns:
        The file's text: style, script and pictures are inside it.

    Raises:
        ValueError: If a figure is no PNG file.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["numbers"] = numbers
    environment.filters["signed"] = signed
    papers = by_paper(tables)
    ordered = [one for of_paper in papers.values() for one in of_paper]
    return environment.get_template("index.html.j2").render(
        papers=papers,
        measured_tables=ordered,
        matrices=matrices(ordered),
        source=source,
        metrics=METRICS,
        width=WIDTH,
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        bodies=bodies,
        has_spread=has_spread,
        cell=metric_cell,
        gap=GAP,
        published_sets=published_sets,
        published_title=TITLE,
        checkpoint_titles=CHECKPOINT_TITLES,
        caption=caption,
        origins=origins,
        outcomes=outcomes,
        pictures=pictures,
    )


def by_paper(tables: Sequence[MeasuredTable]) -> dict[str, list[MeasuredTable]]:
    """The tables of each paper, the papers in the order of their first tables."""
    found: dict[str, list[MeasuredTable]] = {}
    for one in tables:
        found.setdefault(one.table.paper, []).append(one)
    return found


def bodies(block: Block, checkpoint: str) -> Iterator[tuple[str, list[Line]]]:
    """(label, lines) of the rows of a table: the paper's line and ours stay together however the table is sorted."""
    for label, lines in groupby(block.lines[checkpoint], key=lambda line: line.label):
        yield label, list(lines)


def has_spread(lines: list[Line]) -> bool:
    """Whether any number of a table has a ± part."""
    return any(value.std is not None for line in lines for value in line.values.values())


def origins(block: Block) -> list[dict[str, Any]]:
    """One record per run: rows it feeds, directory, seed, config hash, commit, run id."""
    return [{str(key): value for key, value in row.items()} for row in provenance(block).to_dict("records")]


def pictures(block: Block, figures: dict[str, Path]) -> list[Picture]:
    """Read a block's figures.

    Raises:
        ValueError: If one is no PNG file.
    """
    return [_picture(path, title, f"{title}: {block.title}") for title, path in figures.items()]


def _picture(path: Path, title: str, alt: str) -> Picture:
    content = path.read_bytes()
    if content[:8] != PNG_SIGNATURE or len(content) < 24:
        raise ValueError(f"{path}: not a PNG file; delete it and make the report again")
    width, height = struct.unpack(">II", content[16:24])  # the header chunk comes first in every PNG
    return Picture(title, alt, "data:image/png;base64," + base64.b64encode(content).decode("ascii"), width, height)
