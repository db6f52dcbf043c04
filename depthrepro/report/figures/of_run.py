"""The figures of one run, or of one of its test sets, beside its files."""

from __future__ import annotations

from pathlib import Path

from depthrepro.report.figures.confusion import FILE, draw_confusion
from depthrepro.report.figures.panels import draw_panel
from depthrepro.report.figures.style import save
from depthrepro.report.figures.training import draw_training_curves


def write_run_figures(folder: Path, experiment: str, caption: str) -> None:
    """Draw what the folder has: training.png, panel.png and confusion.png in its folder figures/.

    Args:
        folder: With metrics.jsonl, panel/ or confusion.csv.
        experiment: The run's.
        caption: Experiment, data set, scale and seed, for the titles.

    Raises:
        UserError: If one of the files is damaged.
    """
    figures = folder / "figures"
    if (log := folder / "metrics.jsonl").is_file():
        save(draw_training_curves(log, caption), figures / "training.png")
    if (folder / "panel").is_dir():
        save(draw_panel(folder / "panel", caption), figures / "panel.png")
    if (counts := folder / FILE).is_file() and (drawn := draw_confusion({experiment: [counts]}, caption)):
        save(drawn, figures / "confusion.png")
