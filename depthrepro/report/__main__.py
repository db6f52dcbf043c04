"""`python -m depthrepro.report`: every table with its paper's numbers beside ours, from the run directories."""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from depthrepro.errors import UserError
from depthrepro.files import write_atomic
from depthrepro.program import did_you_mean, tracebacks_wanted
from depthrepro.report.blocks import Block, build_blocks
from depthrepro.report.latex import latex
from depthrepro.report.panels import draw_panel
from depthrepro.report.paper import PaperTable, find_tables, load_paper
from depthrepro.report.plots import draw_error_vs_resolution
from depthrepro.report.rows import Unfinished, load_runs
from depthrepro.report.tables import csv_frame, markdown

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
USAGE = """Render paper tables beside our runs: Markdown, LaTeX, CSV, plots and pictures.

  python -m depthrepro.report                            every table of experiments/ that has a run
  python -m depthrepro.report garg_resolution runs=runs  one table, from the runs below a folder
"""


@dataclass(frozen=True)
class Settings:
    """What was typed.

    Attributes:
        tables: Names of tables; empty = all.
        runs: Folder with run directories.
        out: Folder to write to; each table gets a folder of its own.
        experiments: Folder with `<table>/paper.yaml`.
    """

    tables: tuple[str, ...]
    runs: Path = Path("runs")
    out: Path = Path("report")
    experiments: Path = EXPERIMENTS


def parse(arguments: list[str]) -> Settings:
    """Read `[table ...] [runs=...] [out=...] [experiments=...]`.

    Raises:
        UserError: If a setting or a table does not exist.
    """
    parser = argparse.ArgumentParser(
        prog="python -m depthrepro.report",
        description=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [table ...] [runs=runs] [out=report]",
    )
    parser.add_argument("words", nargs="*", metavar="table | key=value", help="tables; runs=DIR, out=DIR")
    words = parser.parse_args(arguments).words
    paths = dict(word.split("=", 1) for word in words if "=" in word)
    for key in paths:
        if key not in ("runs", "out", "experiments"):
            raise UserError(f"unknown setting {key!r}{did_you_mean(key, ('runs', 'out'))}")
    settings = Settings(
        tuple(dict.fromkeys(word for word in words if "=" not in word)),
        **{key: Path(value).expanduser() for key, value in paths.items()},
    )
    known = find_tables(settings.experiments)
    for name in settings.tables:
        if name not in known:
            raise UserError(f"no table is called {name!r}{did_you_mean(name, known)}")
    if not known:
        raise UserError(f"{settings.experiments}: holds no <table>/paper.yaml; run from a checkout of the repository")
    return settings


def run(settings: Settings) -> int:
    """Render the tables; 1 if one that was asked for (or every one) has no finished run."""
    rows, unfinished = load_runs(settings.runs)
    written: list[Path] = []
    empty = False
    for name in settings.tables or find_tables(settings.experiments):
        table = load_paper(settings.experiments / name / "paper.yaml")
        paths = render(table, rows, unfinished, settings.out / name)
        written += paths
        if not paths:
            empty = True
            print(_no_run(table, settings, unfinished), file=sys.stderr)
    if written:
        print("Written:\n" + "\n".join(f"  {path}" for path in written))
    return int(empty if settings.tables else not written)


def render(table: PaperTable, rows: pd.DataFrame, unfinished: list[Unfinished], out: Path) -> list[Path]:
    """Write one table's files into `out` and print it; returns the paths, none if no run feeds the table."""
    blocks = build_blocks(table, rows)
    if not blocks:
        return []
    waiting = [run for run in unfinished if run.feeds(table.all_experiments)]
    figures = {block.slug: draw_figures(table, block, out, first=block is blocks[0]) for block in blocks}
    names = {slug: {alt: path.name for alt, path in paths.items()} for slug, paths in figures.items()}
    text = markdown(table, blocks, waiting, names)
    numbers = io.StringIO()
    csv_frame(table, blocks).to_csv(numbers, index=False, lineterminator="\n")
    files = {"table.md": text, "table.tex": latex(table, blocks), "table.csv": numbers.getvalue()}
    for name, content in files.items():
        write_atomic(out / name, content)
    print(text)
    drawn = [path for paths in figures.values() for path in paths.values()]
    for stale in set(out.glob("error_vs_resolution*.png")) | set(out.glob("panel*.png")):
        if stale not in drawn:  # a block of an earlier report whose runs are gone
            stale.unlink()
    return [*(out / name for name in files), *drawn]


def draw_figures(table: PaperTable, block: Block, out: Path, *, first: bool) -> dict[str, Path]:
    """Figures of one block by what they show; the first block's have the plain names."""
    ending = "" if first else f"_{block.slug}"
    figures: dict[str, Path] = {}
    if table.plot and any(line.role == "level" and not line.missing for line in next(iter(block.lines.values()))):
        path = out / f"error_vs_resolution{ending}.png"
        figures["Error against output resolution"] = draw_error_vs_resolution(table, block, path)
    for record in block.runs.itertuples():  # runs are sorted by seed: the lowest seed that kept pictures
        pictures = Path(str(record.run)) / "panel"
        if any(pictures.glob("*.npz")):
            note = f"{'Rendered data, not KITTI. ' if block.embedded else ''}Last checkpoint, seed {record.seed}."
            path = out / f"panel{ending}.png"
            figures["Images, ground truth and predictions"] = draw_panel(pictures, path, block.title, note=note)
            break
    return figures


def _no_run(table: PaperTable, settings: Settings, unfinished: list[Unfinished]) -> str:
    waiting = [f"{run.run} is {run.state}" for run in unfinished if run.feeds(table.all_experiments)]
    why = f" ({'; '.join(waiting)})" if waiting else ""
    return f"{table.name}: no finished run under {settings.runs}{why}. Type: {table.command}"


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 rendered, 1 no run yet, 2 a mistake that the message names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without δ and ± shows "?" instead of stopping
            stream.reconfigure(errors="replace")
    try:
        return run(parse(sys.argv[1:] if arguments is None else arguments))
    except UserError as error:
        if tracebacks_wanted():
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
