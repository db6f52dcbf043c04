"""`python -m depthrepro.report`: every table with its paper's numbers beside ours, and the verdicts on its claims."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from depthrepro.config.cli import one_line_errors, tracebacks_wanted
from depthrepro.config.settings import choice, help_text, setting, to_bool, to_folder, to_output_folder
from depthrepro.config.settings import parse as parse_settings
from depthrepro.core.errors import UserError, did_you_mean
from depthrepro.report.paper import PaperTable, find_tables, load_paper
from depthrepro.report.unchanged import made_of, remember, said_before

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@dataclass(frozen=True)
class Settings:
    """Settings of the report.

    Attributes:
        tables: Names of tables; empty = all.
    """

    tables: tuple[str, ...]
    source: str = setting(
        "auto (run directories, and committed results for tables that have no run), runs, mlflow or committed",
        "auto",
        read=choice("auto", "runs", "mlflow", "committed"),
    )
    runs: Path = setting("folder with run directories", Path("runs"), read=to_folder)
    uri: str = setting("the MLflow store (default: the one that runs are tracked in)", "")
    out: Path = setting("folder to write to; each table gets one of its own", Path("report"), read=to_output_folder)
    commit: bool = setting("true: write into the tables' own folders instead, to be committed", False, read=to_bool)
    experiments: Path = setting("folder with <table>/paper.yaml (default: the checkout's)", EXPERIMENTS, read=to_folder)


USAGE = f"""Put paper tables beside our runs: Markdown, LaTeX, CSV, plots, pictures, and index.html with all of it.

  python -m depthrepro.report                        every table of experiments/ that has results
  python -m depthrepro.report garg_resolution        one table, printed too
  python -m depthrepro.report source=mlflow          from an MLflow store instead of run directories
  python -m depthrepro.report commit=true            write the results into experiments/<table>/, to be committed

{help_text(Settings)}
"""


def parse(arguments: list[str]) -> Settings:
    """Read `[table ...] [key=value ...]`.

    Raises:
        UserError: If a setting, a value or a table does not exist.
    """
    tables = tuple(dict.fromkeys(word for word in arguments if "=" not in word))
    settings = parse_settings(Settings, [word for word in arguments if "=" in word], "depthrepro.report", tables=tables)
    known = find_tables(settings.experiments)
    for name in settings.tables:
        if name not in known:
            raise UserError(f"no table is called {name!r}{did_you_mean(name, known)}")
    if not known:
        raise UserError(f"{settings.experiments}: holds no <table>/paper.yaml; run from a checkout of the repository")
    return settings


def run(settings: Settings) -> int:
    """Write the tables; 1 if one that was asked for (or every one) has no results."""
    names = settings.tables or tuple(find_tables(settings.experiments))
    tables = [load_paper(settings.experiments / name / "paper.yaml") for name in names]
    key = ""
    if not settings.commit and settings.source != "mlflow":  # no file says what a store holds
        places = [settings.experiments / name for name in [*names, "claims.csv"]]
        places += [] if settings.source == "committed" else [settings.runs]
        key = made_of(f"{settings} {settings.out.absolute()}", places)
        if (said := said_before(settings.out, key)) is not None:
            print(said, end="")
            return 0
    return _make(settings, tables, key)


def _make(settings: Settings, tables: list[PaperTable], key: str) -> int:
    """Make the report, and remember that it is made of `key`, "" = it is not to be remembered; returns as `run`."""
    from depthrepro.report.assembly import Report  # pandas and matplotlib take 1 s

    report = Report(settings.source, settings.runs, settings.uri, settings.experiments, tables)
    empty = [table for table in tables if not report.has(table)]
    found = [table for table in tables if table not in empty]
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(f"{text}\n")
        print(text, flush=True)

    def done(table: PaperTable) -> None:
        if table.name in settings.tables:
            tell(f"{report.origin(table)}\n\n{report.text(table)}".lstrip("\n"))
        tell(report.brief(table))

    out = settings.experiments if settings.commit else settings.out
    paths = report.write(found, out, publish=settings.commit, done=done)
    for table in empty if settings.tables or not paths else ():
        print(_no_results(table, report.waiting(table), settings), file=sys.stderr)
    if paths and settings.commit:
        print("".join(f"{line}\n" for line in report.replaced), end="")
        print(f"Written: {len(paths)} files below {out}")
    elif paths:
        paths.append(report.write_page(out / "index.html"))
        tell(f"Page: {paths[-1].absolute()}")
    code = int(bool(empty) if settings.tables else not paths)
    going_on = any(" is running" in state for table in tables for state in report.waiting(table))
    if key and code == 0 and not going_on:  # whether a run's process still lives stands in no file
        remember(out, key, "".join(told), paths)
    return code


def _no_results(table: PaperTable, waiting: list[str], settings: Settings) -> str:
    why = f" ({'; '.join(waiting)})" if waiting else ""
    where = {"mlflow": "in the MLflow store", "committed": f"committed in {settings.experiments / table.name}"}
    place = where.get(settings.source, f"under {settings.runs}")
    return f"{table.name}: no run with scores {place}{why}. Type: {table.command}"


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 written, 1 no results yet, 2 a mistake that the message names."""
    try:
        words = sys.argv[1:] if arguments is None else arguments
        if {"-h", "--help"} & set(words):
            print(USAGE, end="")
            return 0
        return run(parse(words))
    except UserError as error:
        if tracebacks_wanted():
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    one_line_errors(lambda: sys.exit(main()))
