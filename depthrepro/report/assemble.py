"""One table, ready to be rendered: its blocks, the verdicts on its claims, and its figures."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from depthrepro.report import plots, plots_effects, plots_images
from depthrepro.report.blocks import Block, build_blocks
from depthrepro.report.claims import Verdict, decide
from depthrepro.report.panels import draw_rows_panel
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import Unfinished
from depthrepro.report.sources import Results, for_table

Draw = Callable[[Path], Path | None]


@dataclass(frozen=True)
class Rendered:
    """What a reader is shown of one table.

    Attributes:
        table: The published side.
        blocks: Our side.
        verdicts: By block slug, one per claim and metric.
        figures: By block slug: title -> PNG.
        unfinished: Runs of this table without numbers.
    """

    table: PaperTable
    blocks: list[Block]
    verdicts: dict[str, list[Verdict]]
    figures: dict[str, dict[str, Path]]
    unfinished: list[Unfinished]


class Painter:
    """Draws figures, many of them in processes side by side.

    Args:
        many: Whether there are so many that starting processes pays.
    """

    def __init__(self, *, many: bool = False) -> None:
        self._pool = ProcessPoolExecutor(min(os.cpu_count() or 1, 8), get_context("spawn")) if many else None

    def paint(self, tasks: Sequence[Callable[[], Path | None]]) -> list[Path | None]:
        """What each task returns, in order."""
        if self._pool is None:
            return [task() for task in tasks]
        return list(self._pool.map(_call, tasks))

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown()


def _call(task: Callable[[], Path | None]) -> Path | None:
    return task()


def assemble(
    table: PaperTable, results: Results, plot_folder: Path, painter: Painter, *, publish: bool = False
) -> Rendered:
    """Build one table from results that were measured for it.

    Args:
        table: The published side.
        results: From any source.
        plot_folder: Where the figures go; those of an earlier report that have no place any more are deleted.
        painter: Draws them.
        publish: Leave out pictures that show a real data set's images, which are not ours to publish.
    """
    mine = for_table(results, table)
    blocks = build_blocks(table, mine.rows)
    verdicts = {block.slug: decide(table, block, mine.images) for block in blocks}
    endings = file_endings(blocks)
    figures = {
        block.slug: _draw(table, block, mine, plot_folder, endings[block.slug], publish, painter) for block in blocks
    }
    drawn = {path for paths in figures.values() for path in paths.values()}
    for stale in set(plot_folder.glob("*.png")) - drawn:
        if mine.folders or not stale.name.startswith("panel"):  # committed results cannot draw their panels again
            stale.unlink()
    return Rendered(table, blocks, verdicts, figures, mine.unfinished)


def file_endings(blocks: list[Block]) -> dict[str, str]:
    """End of each block's file names by its slug: data set and scale, with the slug's hash where that is not enough."""
    plain = {block.slug: re.sub(r"-[0-9a-f]{8}$", "", block.slug) for block in blocks}
    common = Counter(plain.values())
    return {slug: name if common[name] == 1 else slug for slug, name in plain.items()}


def _draw(
    table: PaperTable, block: Block, results: Results, folder: Path, ending: str, publish: bool, painter: Painter
) -> dict[str, Path]:
    """The block's figures by title; one that has nothing to show is left out."""
    runs = set(block.runs["run"])
    images, ranges, curves = (f[f["run"].isin(runs)] for f in (results.images, results.ranges, results.curves))
    wanted: dict[str, tuple[str, Draw]] = {}
    if table.plot and table.effect_of:
        wanted[f"Effect of {table.effect_of}"] = ("effects", partial(plots_effects.draw_effects, table, block))
    elif table.plot:
        name = "error_vs_resolution"
        wanted["Error against output resolution"] = (name, partial(plots.draw_error_vs_resolution, table, block))
    wanted |= {
        "Error against depth": ("ranges", partial(plots_images.draw_error_by_range, table, block, ranges)),
        "AbsRel over the test images": (
            "distribution",
            partial(plots_images.draw_distribution, table, block, images),
        ),
        "Training curves": ("curves", partial(plots_effects.draw_curves, table, block, curves)),
    }
    if results.folders and (block.embedded or not publish):
        panel = partial(draw_rows_panel, table, block, results.folders)
        wanted["Images, ground truth and predictions"] = ("panel", panel)
    paths = painter.paint([partial(draw, folder / f"{stem}_{ending}.png") for stem, draw in wanted.values()])
    figures = {title: path for title, path in zip(wanted, paths, strict=True) if path is not None}
    kept = folder / f"panel_{ending}.png"
    if not results.folders and kept.exists():
        figures["Images, ground truth and predictions"] = kept
    return figures
