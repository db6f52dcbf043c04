"""The figures that a block of a table gets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from depthrepro.report.blocks import Block
from depthrepro.report.figures.confusion import draw_rows_confusion
from depthrepro.report.figures.curves import draw_curves
from depthrepro.report.figures.distribution import draw_distribution
from depthrepro.report.figures.effects import draw_effects
from depthrepro.report.figures.painter import Draw
from depthrepro.report.figures.panels import draw_rows_panel
from depthrepro.report.figures.ranges import draw_error_by_range
from depthrepro.report.figures.resolution import draw_error_vs_resolution
from depthrepro.report.paper import PaperTable
from depthrepro.report.sources import Results

PANEL = "Images, ground truth and predictions"
CURVES = "Training curves"


def figures_of(table: PaperTable, block: Block, results: Results, *, publish: bool) -> dict[str, tuple[str, Draw]]:
    """By title: the start of the file's name, and how to draw it; one that has nothing to show draws nothing.

    With `publish`, pictures that show a real data set's images are left out: they are not ours to publish.
    """
    runs = set(block.runs["run"])
    images, ranges, curves = (f[f["run"].isin(runs)] for f in (results.images, results.ranges, results.curves))
    wanted: dict[str, tuple[str, Draw]] = {}
    if table.plot and table.effect_of:
        wanted[f"Effect of {table.effect_of}"] = ("effects", partial(draw_effects, table, block))
    elif table.plot:
        name = "error_vs_resolution"
        wanted["Error against output resolution"] = (name, partial(draw_error_vs_resolution, table, block))
    if "abs_rel" in table.metrics:
        wanted["Error against depth"] = ("ranges", partial(draw_error_by_range, block, ranges))
        wanted["AbsRel over the test images"] = ("distribution", partial(draw_distribution, block, images))
    wanted[CURVES] = ("curves", partial(draw_curves, block, curves))
    folders: dict[str, Path] = {run: folder for run, folder in results.folders.items() if run in runs}
    if folders and "top1" in table.metrics:
        wanted[PANEL] = ("panel", partial(draw_rows_confusion, block, folders))
    elif folders and (block.synthetic or not publish):
        wanted[PANEL] = ("panel", partial(draw_rows_panel, block, folders))
    return wanted
