"""The whole report as one HTML file: no file beside it, no request to anywhere."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from depthrepro.core.metric_names import METRICS
from depthrepro.report import interval_plot, overview, tables
from depthrepro.report.blocks import Block, Line
from depthrepro.report.claims import Verdict, numbers, signed
from depthrepro.report.paper import Claim, PaperTable
from depthrepro.report.published import TITLE, published_sets

if TYPE_CHECKING:
    from depthrepro.report.assemble import Rendered

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


@dataclass(frozen=True)
class Decided:
    """One claim in a block's list of verdicts: the verdict over all metrics, and one line per metric."""

    claim: Claim
    chip: overview.Chip
    lines: tuple[tuple[Verdict, str, overview.Chip, interval_plot.Mark | None], ...]


def page(rendered: list[Rendered], *, source: str) -> str:
    """Render index.html.

    Args:
        rendered: The tables, in the order to show them.
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
    papers = by_paper(rendered)
    ordered = [one for tables_of_paper in papers.values() for one in tables_of_paper]
    return environment.get_template("index.html.j2").render(
        papers=papers,
        rendered=ordered,
        parts=overview.parts(ordered),
        source=source,
        metrics=METRICS,
        width=interval_plot.WIDTH,
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        bodies=bodies,
        has_spread=has_spread,
        cell=tables.metric_cell,
        gap=tables.GAP,
        published_sets=published_sets,
        published_title=TITLE,
        checkpoint_titles=tables.CHECKPOINT_TITLES,
        caption=tables.caption,
        origins=origins,
        decided=decided,
        pictures=pictures,
    )


def by_paper(rendered: Sequence[Rendered]) -> dict[str, list[Rendered]]:
    """The tables of each paper, the papers in the order of their first tables."""
    found: dict[str, list[Rendered]] = {}
    for one in rendered:
        found.setdefault(one.table.paper, []).append(one)
    return found


def bodies(block: Block, checkpoint: str) -> Iterator[tuple[str, list[Line]]]:
    """(label, lines) of the rows of a table: the paper's line and ours stay together however the table is sorted."""
    for label, lines in groupby(block.lines[checkpoint], key=lambda line: line.label):
        yield label, list(lines)


def has_spread(lines: list[Line]) -> bool:
    """Whether any number of a table has a ± part."""
    return any(value.std is not None for line in lines for value in line.values.values())


def decided(block: Block, table: PaperTable, verdicts: Sequence[Verdict]) -> list[Decided]:
    """The block's claims with their verdicts, drawn to one scale per metric; nothing for a block without verdicts."""
    limits = interval_plot.reach(verdicts)
    found = []
    for claim in table.claims:
        mine = overview.of_claim(verdicts, claim)
        if mine:
            whole = overview.cell(mine, limits, claim)
            lines = [(v, label, chip, mark) for v, (label, chip, mark) in zip(mine, whole.parts, strict=True)]
            found.append(Decided(claim, whole.chip, tuple(lines)))
    return found


def origins(block: Block) -> list[dict[str, Any]]:
    """One record per run: rows it feeds, directory, seed, config hash, commit, run id."""
    return [{str(key): value for key, value in row.items()} for row in tables.provenance(block).to_dict("records")]


def pictures(block: Block, figures: dict[str, Path]) -> list[Picture]:
    """Read a block's figures.

    Raises:
        ValueError: If one is no PNG file.
    """
    return [_picture(path, title, f"{title}: {block.title}") for title, path in figures.items()]


def _picture(path: Path, title: str, alt: str) -> Picture:
    content = path.read_bytes()
    if content[:8] != PNG_SIGNATURE or len(content) < 24:
        raise ValueError(f"{path}: not a PNG file; delete it and render again")
    width, height = struct.unpack(">II", content[16:24])  # the header chunk comes first in every PNG
    return Picture(title, alt, "data:image/png;base64," + base64.b64encode(content).decode("ascii"), width, height)
