"""The whole report as one HTML file: no file beside it, no request to anywhere."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from depthrepro.core.metric_names import METRICS
from depthrepro.report.answers import Answer
from depthrepro.report.blocks import Block, Line
from depthrepro.report.claim_words import OUR_WORDS, confidence, numbers, per_cent, signed
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.page.intervals import BAND, WIDTH
from depthrepro.report.page.overview import COUNTED, KINDS, of_block, parts
from depthrepro.report.tables.captions import caption, provenance
from depthrepro.report.tables.cells import CHECKPOINT_TITLES, metric_cell
from depthrepro.report.tables.published import TITLE, published_sets

TEMPLATES = Path(__file__).with_name("templates")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def page(tables: Sequence[MeasuredTable], found: Sequence[Answer], *, source: str) -> str:
    """The text of index.html.

    Args:
        tables: The tables, in the order to show them.
        found: Every verdict, of these and of tables that were not measured.
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
    environment.filters |= {"numbers": numbers, "signed": signed, "per_cent": per_cent, "confidence": confidence}
    papers: dict[str, list[MeasuredTable]] = {}  # in the order of their first tables
    for one in tables:
        papers.setdefault(one.table.paper, []).append(one)
    ordered = [one for of_paper in papers.values() for one in of_paper]
    return environment.get_template("index.html.j2").render(
        papers=papers,
        measured_tables=ordered,
        parts=parts(found),
        counted=COUNTED,
        kinds=KINDS,
        ours=OUR_WORDS,
        source=source,
        metrics=METRICS,
        width=WIDTH,
        band=BAND,
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        bodies=bodies,
        has_spread=has_spread,
        cell=metric_cell,
        published_sets=published_sets,
        published_title=TITLE,
        checkpoint_titles=CHECKPOINT_TITLES,
        caption=caption,
        provenance=provenance,
        of_block=of_block,
        pictures=pictures,
    )


def bodies(block: Block, checkpoint: str) -> Iterator[tuple[str, list[Line]]]:
    """(label, lines) of the rows of a table: the paper's line and ours stay together however the table is sorted."""
    for label, lines in groupby(block.lines[checkpoint], key=lambda line: line.label):
        yield label, list(lines)


def has_spread(lines: list[Line]) -> bool:
    """Whether any number of a table has a ± part."""
    return any(value.std is not None for line in lines for value in line.values.values())


def pictures(figures: dict[str, Path]) -> Iterator[tuple[str, str, int, int]]:
    """(title, the PNG as a data URI, its width and height in pixels) of each of a block's figures.

    Raises:
        ValueError: If one is no PNG file.
    """
    for title, path in figures.items():
        content = path.read_bytes()
        if content[:8] != PNG_SIGNATURE or len(content) < 24:
            raise ValueError(f"{path}: not a PNG file; delete it and make the report again")
        width, height = struct.unpack(">II", content[16:24])  # the header chunk comes first in every PNG
        yield title, f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}", width, height
