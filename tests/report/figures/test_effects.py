"""Effects, training curves and the curve over the levels show the values that they were given, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

from depthrepro.core.protocol import Protocol
from depthrepro.report.blocks import Block, Line, Value
from depthrepro.report.figures.curves import draw_curves
from depthrepro.report.figures.effects import draw_effects
from depthrepro.report.figures.resolution import draw_error_vs_resolution
from depthrepro.report.figures.style import save
from depthrepro.report.paper import Ours, PaperRow, PaperTable
from tests.report.figures.images import pixels

# AbsRel of three seeds: L9 deviates from 0.29 by -0.02, -0.01, 0.03, so its std is √(0.0014 / 2) = √0.0007.
SEEDS = {"L9": (0.27, 0.28, 0.32), "L10": (0.26, 0.26, 0.26), "L12": (0.22, 0.24, 0.26)}
PUBLISHED = {"L9": 0.205, "L12": 0.177}


def paper_table(labels=tuple(SEEDS), published=None) -> PaperTable:
    """Rows of ours; those in `published` also have a number of the paper's (RMSE: times twenty)."""
    known = {k: {"abs_rel": v, "rmse": 20 * v} for k, v in (PUBLISHED if published is None else published).items()}
    rows = tuple(PaperRow(label, known.get(label, {}), None, Ours("L12", None, (label,))) for label in labels)
    return PaperTable(
        *("t", "Paper: effect of things", "cite", "source", "KITTI", "protocol", "command", ("abs_rel", "rmse"), rows),
        plot=("abs_rel", "rmse"),
        effect_of="things",
    )


def block_of(table: PaperTable, seeds=None, baselines=None, **keys) -> Block:
    """A block whose rows have those AbsRel values per seed (RMSE: times twenty); a row without any is missing."""
    lines = []
    for row in table.rows:
        values = (SEEDS if seeds is None else seeds).get(row.label, ())
        if row.paper:
            lines.append(Line(row.label, "paper", values={key: Value(v) for key, v in row.paper.items()}))
        both = {"abs_rel": values, "rmse": tuple(20 * v for v in values)}
        measured = {k: Value(mean(v), stdev(v) if len(v) > 1 else None) for k, v in both.items() if v}
        runs = tuple(f"{row.label}/{seed}" for seed in range(len(values)))
        size, places = (88, 312), tuple(range(len(values)))
        lines.append(Line(row.label, "level", "L12", size, measured, not values, places, runs, both if values else {}))
    pairs = [pair for line in lines for pair in zip(line.runs, line.seeds, strict=True) if line.role == "level"]
    runs = pd.DataFrame(pairs, columns=["run", "seed"])
    for name, value in ({"mean_map": 0.31, "sgbm": 0.04} if baselines is None else baselines).items():
        known = {"abs_rel": Value(value), "rmse": Value(20 * value)}
        lines.append(Line(name, "baseline", name, values=known, runs=tuple(runs["run"])))
    data = {"data": "streets (synthetic)", "synthetic": True, "scale": "demo", "images": 60, "variant": ""}
    protocol = {"protocol": Protocol().as_dict(), "fingerprint": "abc"}
    return Block({**data, **protocol, **keys}, runs, [], {"last": lines})


def bars(axes) -> list[np.ndarray]:
    """Ends of every error bar of a panel, as (points, 2) arrays."""
    return [segment for found in axes.containers for part in found[2] for segment in part.get_segments()]


def words(fig) -> str:
    return "\n".join(text.get_text() for text in fig.findobj(lambda a: hasattr(a, "get_text")))


def legend(fig) -> list[str]:
    return [text.get_text() for text in fig.axes[0].get_legend().get_texts()]


def test_effects_show_the_mean_the_spread_and_every_seed():
    table = paper_table()
    fig = draw_effects(table, block_of(table))
    abs_rel, rmse = fig.axes[:2]
    assert [label.get_text() for label in abs_rel.get_yticklabels()] == ["L9", "L10", "L12"]
    assert [found[0].get_xdata()[0] for found in abs_rel.containers] == pytest.approx([0.29, 0.26, 0.24])
    assert bars(abs_rel)[0][:, 0] == pytest.approx([0.29 - 0.0007**0.5, 0.29 + 0.0007**0.5])
    assert bars(rmse)[2][:, 0] == pytest.approx([20 * 0.22, 20 * 0.26])  # 0.24 ± 0.02: deviations -0.02, 0, 0.02
    assert any(list(line.get_xdata()) == [0.27, 0.28, 0.32] for line in abs_rel.lines)
    assert "Synthetic data, not photographs" in words(
        fig
    ) and "60 test images, 3 seeds a row, last checkpoint" in words(fig)
    assert "RMSE (m)" in words(fig) and "mean ± std over seeds" in legend(fig)


def test_effects_keep_the_paper_s_values_off_our_axis_unless_the_data_are_the_paper_s():
    table = paper_table()
    fig = draw_effects(table, block_of(table))
    assert len(fig.axes) == 4 and "paper, KITTI" in words(fig)
    assert fig.axes[2].lines[0].get_xdata() == pytest.approx([0.205, 0.177])
    assert fig.axes[2].lines[0].get_ydata() == pytest.approx([0, 2])
    assert all(0.205 not in line.get_xdata() for line in fig.axes[0].lines)
    same = draw_effects(table, block_of(table, data="KITTI raw", synthetic=False, scale="paper"))
    assert len(same.axes) == 2 and same.axes[0].lines[0].get_xdata() == pytest.approx([0.205, 0.177])
    alone = paper_table(published={"L9": 0.2})  # one published row shows no effect
    assert len(draw_effects(alone, block_of(alone)).axes) == 2


def test_a_far_baseline_is_named_and_does_not_squash_the_rows():
    table = paper_table()
    near = draw_effects(table, block_of(table, baselines={"mean_map": 0.31}))
    far = draw_effects(table, block_of(table, baselines={"mean_map": 3.1, "sgbm": 0.01}))
    assert near.axes[0].get_xlim()[1] > 0.31 and "mean depth map" in legend(near)
    assert far.axes[0].get_xlim()[0] > 0.15 and far.axes[0].get_xlim()[1] < 0.4
    assert "mean map 3.100 →" in words(far) and "← SGBM 0.010" in words(far)
    assert "mean depth map" not in legend(far)


def test_effects_with_one_seed_have_no_bars_and_missing_rows_are_named():
    table = paper_table()
    fig = draw_effects(table, block_of(table, {"L9": (0.3,), "L12": (0.25,)}))
    assert not bars(fig.axes[0]) and legend(fig)[0] == "one seed" and "1 seed a row" in words(fig)
    assert "No finished run: L10" in " ".join(words(fig).split())
    mixed = draw_effects(table, block_of(table, {**SEEDS, "L9": (0.3,)}))
    assert len(bars(mixed.axes[0])) == 2 and "1 to 3 seeds a row" in words(mixed)
    lonely = block_of(table, {"L9": (0.3, 0.2)})
    assert draw_effects(table, lonely) is None


def test_the_resolution_curve_stands_beside_the_paper_s_with_bars():
    table = paper_table(("L9", "L10", "L12", "L12, Aug 8x"))
    seeds = {**SEEDS, "L12, Aug 8x": (0.2, 0.22)}
    axes = (fig := draw_error_vs_resolution(table, block_of(table, seeds))).axes[0]
    paper = next(line for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 2)
    assert paper.get_xdata() == pytest.approx([0, 2]) and paper.get_ydata() == pytest.approx([0.205, 0.177])
    curve, aside = axes.containers
    assert curve[0].get_ydata() == pytest.approx([0.29, 0.26, 0.24])
    assert aside[0].get_ydata() == pytest.approx([0.21]) and 2 < aside[0].get_xdata()[0] < axes.get_xlim()[1]
    ends = [segment[:, 1] for segment in bars(axes)]
    assert ends[0] == pytest.approx([0.29 - 0.0007**0.5, 0.29 + 0.0007**0.5])
    assert ends[3] == pytest.approx([0.21 - 0.0002**0.5, 0.21 + 0.0002**0.5])  # ±0.01 from 0.21: √(0.0002 / 1)
    assert "↓ SGBM 0.040" in words(fig) and axes.get_ylim()[0] > 0.1
    assert {"ours, streets (synthetic)", "paper, KITTI", "L12, Aug 8x", "mean depth map"} <= set(legend(fig))


def test_the_resolution_curve_with_one_seed_and_a_missing_level_has_what_is_there():
    table = paper_table(published={})
    fig = draw_error_vs_resolution(table, block_of(table, {"L9": (0.3,), "L12": (0.25,)}))
    assert fig.axes[0].containers[0][0].get_xdata() == pytest.approx([0, 2])
    assert not bars(fig.axes[0]) and "one seed" in words(fig) and "± std" not in words(fig)


def curves_of(block: Block) -> pd.DataFrame:
    """Training loss 1, 1/2, 1/3 plus a tenth of the seed; validation 0.5 in epochs 0 and 2 only."""
    records = []
    for run in block.runs["run"]:
        shift = int(run.split("/")[1]) / 10
        records += [(run, epoch, epoch, "train/loss", 1 / (epoch + 1) + shift) for epoch in range(3)]
        records += [(run, epoch, epoch, "val/loss", 0.5) for epoch in (0, 2)]
    return pd.DataFrame(records, columns=["run", "epoch", "step", "name", "value"])


def test_curves_are_the_mean_over_seeds_with_a_band_per_row():
    table = paper_table()
    block = block_of(table)
    fig = draw_curves(block, curves_of(block))
    shown = [axes for axes in fig.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["L9", "L10", "L12"]
    train, val = shown[0].lines
    assert train.get_ydata() == pytest.approx([1.1, 0.6, 1 / 3 + 0.1])  # the seeds' shifts 0, 0.1, 0.2 average 0.1
    assert list(train.get_xdata()) == [1, 2, 3] and list(val.get_xdata()) == [1, 3]
    band = shown[0].collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(1 / 3) and band.max() == pytest.approx(1.2)
    assert legend(fig) == ["training loss", "validation loss"]


def test_curves_leave_out_rows_without_any_and_need_one():
    table = paper_table()
    block = block_of(table, {**SEEDS, "L10": ()})
    curves = curves_of(block)
    curves = curves[~curves["run"].str.startswith("L12") & (curves["name"] == "train/loss")]
    fig = draw_curves(block, curves)
    assert [axes.get_title(loc="left") for axes in fig.axes] == ["L9"]
    assert legend(fig) == ["training loss"]
    assert draw_curves(block, curves[:0]) is None


def test_the_same_numbers_give_the_same_bytes_without_a_date_or_version(tmp_path):
    table = paper_table()
    block = block_of(table)
    for name, draw in (("r", draw_error_vs_resolution), ("e", draw_effects)):
        one, two = (save(draw(table, block), tmp_path / folder / f"{name}.png").read_bytes() for folder in "ab")
        assert one == two and b"tEXt" not in one


def meet(boxes) -> bool:
    return any(one.overlaps(two) for index, one in enumerate(boxes) for two in boxes[:index])


def shown_ticks(axes) -> list:
    """Boxes of the labels of the ticks in view, in pixels."""
    low, high = axes.get_xlim()
    return [text.get_window_extent() for text in axes.get_xticklabels() if low <= text.get_position()[0] <= high]


LONG = {"FastConv on colours": 0.174, "FastConv on colours and depth": 0.1781}
LONG |= {"FastConv on colours and depth, depth network trained along": 0.1774}


@pytest.mark.parametrize("data", ["MiniPlaces", "NYU Depth V2 at its full size"])
@pytest.mark.parametrize(("metrics", "panels"), [(("top1",), 3), (("top1", "top5"), 4)])
def test_long_row_labels_leave_the_width_to_the_panels_and_nothing_meets(data, metrics, panels):
    """Published values of one metric, as in da_places, or of both, each in a panel of its own."""
    rows = tuple(PaperRow(k, dict.fromkeys(metrics, v), None, Ours("L12", None, (k,))) for k, v in LONG.items())
    table = replace(paper_table(LONG, {}), rows=rows, plot=("top1", "top5"), data=data)
    lines = [
        Line(k, "level", "L12", None, dict.fromkeys(table.plot, Value(v, 0.02)), False, (0,), (k,))
        for k, v in LONG.items()
    ]
    fig = draw_effects(table, replace(block_of(table, {k: (v,) for k, v in LONG.items()}), lines={"last": lines}))
    fig.draw_without_rendering()
    assert len(fig.axes) == panels and fig.axes[0].get_position().x0 < 0.5
    titles = [text.get_window_extent() for text in fig.findobj(Annotation)]
    assert len(titles) == 2 * panels and not meet(titles) and max(title.x1 for title in titles) < fig.bbox.x1
    ticks = [box for axes in fig.axes for box in shown_ticks(axes)]
    assert len(ticks) >= 2 * panels and not meet(ticks) and max(tick.x1 for tick in ticks) < fig.bbox.x1
    names = [text.get_window_extent() for text in fig.axes[0].get_yticklabels()]
    assert not meet(names) and min(name.x0 for name in names) > 0


def test_a_published_panel_has_the_lowest_and_the_highest_value_as_ticks():
    table = paper_table()
    panel = draw_effects(table, block_of(table)).axes[2]
    assert [text.get_text() for text in panel.get_xticklabels()] == ["0.177", "0.205"]
    assert panel.get_xticks() == pytest.approx([0.177, 0.205])


def test_long_names_and_many_rows_stay_on_the_canvas(tmp_path):
    labels = tuple(f"SSIM + L1 + edge-aware, number {i}" for i in range(7))
    table = replace(paper_table(labels, {}), effect_of="the loss and of how strongly it is smoothed")
    block = block_of(table, {label: (0.3, 0.31) for label in labels}, variant="trainer.epochs=3 loss.smoothness=0.1")
    curves = curves_of(block)
    for name, fig in (("effects", draw_effects(table, block)), ("curves", draw_curves(block, curves))):
        image = pixels(fig, tmp_path / f"{name}.png")
        for edge in (image[:2], image[-2:], image[:, :2], image[:, -2:]):
            assert (edge == 255).all(), name
