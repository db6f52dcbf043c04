"""One table, ready to be rendered: its blocks, the verdicts on its claims, and its figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
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


def assemble(table: PaperTable, results: Results, plot_folder: Path, *, publish: bool = False) -> Rendered:
    """Build one table from results that were measured for it.

    Args:
        table: The published side.
        results: From any source.
        plot_folder: Where the figures go; those of an earlier report that have no place any more are deleted.
        publish: Leave out pictures that show a real data set's images, which are not ours to publish.
    """
    mine = for_table(results, table)
    blocks = build_blocks(table, mine.rows)
    verdicts = {block.slug: decide(table, block, mine.images) for block in blocks}
    endings = file_endings(blocks)
    figures = {block.slug: _draw(table, block, mine, plot_folder, endings[block.slug], publish) for block in blocks}
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
    table: PaperTable, block: Block, results: Results, folder: Path, ending: str, publish: bool
) -> dict[str, Path]:
    """The block's figures by title; one that has nothing to show is left out."""
    by_level = bool(table.plot) and not table.effect_of
    wanted: dict[str, tuple[str, Draw]] = {}
    if table.plot and by_level:
        wanted["Error against output resolution"] = (
            "error_vs_resolution",
            lambda path: plots.draw_error_vs_resolution(table, block, path),
        )
    elif table.plot:
        wanted[f"Effect of {table.effect_of}"] = ("effects", lambda p: plots_effects.draw_effects(table, block, p))
    wanted |= {
        "Error against depth": ("ranges", lambda p: plots_images.draw_error_by_range(table, block, results.ranges, p)),
        "AbsRel over the test images": (
            "distribution",
            lambda p: plots_images.draw_distribution(table, block, results.images, p),
        ),
        "Training curves": ("curves", lambda p: plots_effects.draw_curves(table, block, results.curves, p)),
        "Images, ground truth and predictions": (
            "panel",
            lambda p: None if publish and not block.embedded else draw_rows_panel(table, block, results.folders, p),
        ),
    }
    figures: dict[str, Path] = {}
    for title, (stem, draw) in wanted.items():
        path = draw(folder / f"{stem}_{ending}.png")
        if path is not None:
            figures[title] = path
    kept = folder / f"panel_{ending}.png"
    if not results.folders and kept.exists():
        figures["Images, ground truth and predictions"] = kept
    return figures
