"""One table, ready to be rendered: its blocks, the verdicts on its claims, and its figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from depthrepro.core.files import replacing
from depthrepro.report import plots, plots_effects, plots_images
from depthrepro.report.blocks import Block, build_blocks
from depthrepro.report.claims import Verdict, decide
from depthrepro.report.confusion import draw_block_confusion
from depthrepro.report.painter import Draw, Painter
from depthrepro.report.panels import draw_rows_panel
from depthrepro.report.paper import PaperTable
from depthrepro.report.rows import Unfinished, training_of
from depthrepro.report.sources import Results, for_table

Figure = tuple[str, Draw]  # start of the file's name, and how to draw it
PANEL = "Images, ground truth and predictions"
CURVES = "Training curves"


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


def assemble(
    table: PaperTable,
    results: Results,
    plot_folder: Path,
    painter: Painter,
    *,
    publish: bool = False,
    published: Path | None = None,
) -> Callable[[], Rendered]:
    """Build one table from results that were measured for it.

    Args:
        table: The published side.
        results: From any source.
        plot_folder: Where the figures go; those of an earlier report that have no place any more are deleted.
        painter: Draws them.
        publish: Leave out pictures that show a real data set's images, which are not ours to publish.
        published: Folder of the figures that were committed with the results, whose panels nothing can draw again.

    Returns:
        Call it to wait for the figures and get the table.
    """
    mine = for_table(results, table)
    blocks = build_blocks(table, mine.rows)
    endings = file_endings(blocks)
    begun: dict[str, dict[str, Future[Path | None]]] = {}
    drawn_already: set[str] = set()
    for block in blocks:
        wanted = _figures(table, block, mine, publish=publish)
        trainings = set(block.runs["run"].map(training_of))
        if trainings <= drawn_already:
            wanted.pop(CURVES, None)  # the test sets of a run share its training
        drawn_already |= trainings
        kept = published / f"panel_{endings[block.slug]}.png" if published else None
        if kept is not None and kept.exists():
            wanted[PANEL] = ("panel", partial(_copy, kept))
        paths = {title: plot_folder / f"{stem}_{endings[block.slug]}.png" for title, (stem, _) in wanted.items()}
        begun[block.slug] = {title: painter.start(draw, paths[title]) for title, (_, draw) in wanted.items()}
    verdicts = {block.slug: decide(table, block, mine.images) for block in blocks}

    def finish() -> Rendered:
        drawn = {slug: {title: figure.result() for title, figure in titles.items()} for slug, titles in begun.items()}
        figures = {slug: {title: path for title, path in titles.items() if path} for slug, titles in drawn.items()}
        for stale in set(plot_folder.glob("*.png")) - {path for paths in figures.values() for path in paths.values()}:
            stale.unlink()
        return Rendered(table, blocks, verdicts, figures, mine.unfinished)

    return finish


def file_endings(blocks: list[Block]) -> dict[str, str]:
    """End of each block's file names by its slug: data set and scale, with the slug's hash where that is not enough."""
    plain = {block.slug: re.sub(r"-[0-9a-f]{8}$", "", block.slug) for block in blocks}
    common = Counter(plain.values())
    return {slug: name if common[name] == 1 else slug for slug, name in plain.items()}


def _figures(table: PaperTable, block: Block, results: Results, *, publish: bool) -> dict[str, Figure]:
    """By title, what may be drawn; one that has nothing to show draws nothing."""
    runs = set(block.runs["run"])
    images, ranges, curves = (f[f["run"].isin(runs)] for f in (results.images, results.ranges, results.curves))
    wanted: dict[str, Figure] = {}
    if table.plot and table.effect_of:
        wanted[f"Effect of {table.effect_of}"] = ("effects", partial(plots_effects.draw_effects, table, block))
    elif table.plot:
        name = "error_vs_resolution"
        wanted["Error against output resolution"] = (name, partial(plots.draw_error_vs_resolution, table, block))
    if "abs_rel" in table.metrics:
        wanted |= {
            "Error against depth": ("ranges", partial(plots_images.draw_error_by_range, table, block, ranges)),
            "AbsRel over the test images": (
                "distribution",
                partial(plots_images.draw_distribution, table, block, images),
            ),
        }
    wanted[CURVES] = ("curves", partial(plots_effects.draw_curves, table, block, curves))
    folders = {run: folder for run, folder in results.folders.items() if run in runs}
    if folders and "top1" in table.metrics:
        wanted[PANEL] = ("panel", partial(draw_block_confusion, table, block, folders))
    elif folders and (block.synthetic or not publish):
        wanted[PANEL] = ("panel", partial(draw_rows_panel, table, block, folders))
    return wanted


def _copy(source: Path, path: Path) -> Path:
    if source.absolute() != path.absolute():
        with replacing(path) as beside:
            beside.write_bytes(source.read_bytes())
    return path
