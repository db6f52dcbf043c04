"""What changing one thing does: the rows of an ablation beside each other, and how their losses fell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from depthrepro.report import style
from depthrepro.report.blocks import Block, Line
from depthrepro.report.paper import PaperTable
from depthrepro.results import METRICS

ROW_INCHES = 0.36


def our_lines(block: Block) -> list[Line]:
    """Rows of ours that have numbers, in the table's order; at the last checkpoint where there is one."""
    return [line for line in next(iter(block.lines.values()), []) if line.role == "level" and not line.missing]


def scope(block: Block) -> str:
    """What the numbers were measured on, for the line under a figure's title."""
    rendered = "Rendered data, not KITTI. " if block.embedded else ""
    seeds = f"{len(block.seeds)} seeds" if len(block.seeds) > 1 else "one seed"
    return f"{rendered}{block.keys['images']} test images, {seeds}, last checkpoint."


def draw_effects(table: PaperTable, block: Block, path: Path) -> Path | None:
    """Each row's metric: mean ± std over seeds, single seeds as faint dots; the paper's values in panels of their own.

    Args:
        table: The published side; `table.plot` names the metrics.
        block: Our side.
        path: File to write.

    Returns:
        `path`; None if fewer than two rows are measured.
    """
    lines = our_lines(block)
    if len(lines) < 2:
        return None
    labels = list(dict.fromkeys(line.label for line in lines))
    published = [r for r in table.rows if r.label in labels and all(key in r.paper for key in table.plot)]
    count = len(table.plot) * (2 if len(published) > 1 else 1)
    with style.figure(7.2, 1.35 + ROW_INCHES * len(labels)) as fig:
        said = f"{scope(block)} Bars: ± standard deviation over seeds; faint: single seeds."
        style.heading(fig, f"Effect of {table.effect_of}: {block.title}", said, left=0.12)
        panels = fig.subplots(1, count, sharey=True, squeeze=False)[0]
        for index, key in enumerate(table.plot):
            _effect_panel(panels[index], block, lines, labels, key)
        for index, key in enumerate(table.plot if len(published) > 1 else ()):
            axes = panels[len(table.plot) + index]
            places = [labels.index(row.label) for row in published]
            axes.plot([row.paper[key] for row in published], places, "o", mfc="white", color=style.PAPER, ms=5.5)
            axes.set_title(
                f"paper, {table.data}: {METRICS[key].label} {METRICS[key].arrow}",
                loc="left",
                fontsize=8.5,
                color=style.QUIET,
            )
            _value_axis(axes)
        panels[0].set_yticks(range(len(labels)), labels)
        panels[0].set_ylim(len(labels) - 0.5, -0.5)
        top = 1 - 0.78 / fig.get_size_inches()[1]
        left = 0.02 + 0.0105 * max(map(len, labels))
        fig.subplots_adjust(left=left, right=0.985, top=top, bottom=0.36 / fig.get_size_inches()[1], wspace=0.16)
        return style.save(fig, path, dpi=style.SCREEN_DPI)


def _effect_panel(axes: Axes, block: Block, lines: list[Line], labels: list[str], key: str) -> None:
    for line in lines:
        place = labels.index(line.label)
        seeds = line.seed_values.get(key, ())
        axes.plot(seeds, [place] * len(seeds), "o", color=style.OURS, alpha=0.25, ms=4, mew=0)
        value = line.values[key]
        bar: dict[str, Any] = {"color": style.OURS, "marker": "o", "ms": 5.5, "capsize": 3, "elinewidth": 1.2}
        axes.errorbar([value.mean], [place], xerr=[value.std or 0.0], **bar)
    first = lines[0].values[key].mean
    axes.axvline(first, color=style.PAPER, lw=0.8, ls=(0, (3, 3)), zorder=0)
    unit = " (m)" if key == "rmse" else ""
    axes.set_title(f"{METRICS[key].label}{unit} {METRICS[key].arrow}", loc="left", fontsize=8.5)
    _value_axis(axes)


def _value_axis(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)


def draw_curves(table: PaperTable, block: Block, curves: pd.DataFrame, path: Path) -> Path | None:
    """Training and validation loss per epoch, one small panel per row: losses of different rows are not comparable.

    Args:
        table: The published side.
        block: Our side.
        curves: `sources.CURVE_COLUMNS`.
        path: File to write.

    Returns:
        `path`; None without curves.
    """
    lines = our_lines(block)
    drawn = [(line, curves[curves["run"].isin(line.runs)]) for line in lines]
    drawn = [(line, frame) for line, frame in drawn if len(frame)]
    if not drawn:
        return None
    columns = min(len(drawn), 3)
    rows = -(-len(drawn) // columns)
    with style.figure(7.2, 0.75 + 1.55 * rows) as fig:
        said = f"{scope(block)} Mean over seeds, band from lowest to highest. A stage's loss is that of its own output."
        style.heading(fig, f"Training curves: {block.title}", said, left=0.12)
        panels = fig.subplots(rows, columns, squeeze=False, sharex=True).ravel()
        for axes, (line, frame) in zip(panels, drawn, strict=False):
            _curve_panel(axes, line, frame)
        for axes in panels[len(drawn) :]:
            axes.set_visible(False)
        panels[0].legend(loc="lower right", handlelength=1.4)
        for axes in panels[max(0, len(drawn) - columns) : len(drawn)]:
            axes.set_xlabel("epoch")
            axes.tick_params(labelbottom=True)
        height = fig.get_size_inches()[1]
        fig.subplots_adjust(
            left=0.075, right=0.985, top=1 - 0.78 / height, bottom=0.42 / height, wspace=0.22, hspace=0.42
        )
        return style.save(fig, path, dpi=style.SCREEN_DPI)


def _curve_panel(axes: Axes, line: Line, frame: pd.DataFrame) -> None:
    for name, color, label in (("train/loss", style.OURS, "training"), ("val/loss", style.WARM, "validation")):
        grouped = frame[frame["name"] == name].groupby("epoch")["value"].agg(["mean", "min", "max"])
        if len(grouped):
            axes.plot(grouped.index + 1, grouped["mean"], color=color, lw=1.4, label=label)
            axes.fill_between(grouped.index + 1, grouped["min"], grouped["max"], color=color, alpha=0.18, lw=0)
    axes.set_title(line.label, loc="left", fontsize=8.5)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    style.grid_y(axes)
