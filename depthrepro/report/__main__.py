"""`python -m depthrepro.report`: every table with its paper's numbers beside ours, and the verdicts on its claims."""

from __future__ import annotations

import argparse
import io
import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from depthrepro.config.cli import did_you_mean, tracebacks_wanted
from depthrepro.core.errors import UserError
from depthrepro.report.paper import PaperTable, find_tables, load_paper

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
SOURCES = ("auto", "runs", "mlflow", "committed")
USAGE = """Put paper tables beside our runs: Markdown, LaTeX, CSV, plots, pictures, and index.html with all of it.

  python -m depthrepro.report                        every table of experiments/ that has results
  python -m depthrepro.report garg_resolution        one table, printed too
  python -m depthrepro.report source=mlflow          from an MLflow store instead of run directories
  python -m depthrepro.report commit=true            write the results into experiments/<table>/, to be committed

Settings: source=auto (run directories, and committed results for tables that have no run), runs, mlflow or committed;
runs=DIR; uri=ADDRESS of the store; out=DIR; commit=true.
"""


@dataclass(frozen=True)
class Settings:
    """The words of the command line.

    Attributes:
        tables: Names of tables; empty = all.
        source: Where the numbers are read, one of `SOURCES`.
        runs: Folder with run directories.
        uri: MLflow store; "" = the default one.
        out: Folder to write to; each table gets a folder of its own.
        commit: Whether to write into the tables' own folders instead.
        experiments: Folder with `<table>/paper.yaml`.
    """

    tables: tuple[str, ...]
    source: str = "auto"
    runs: Path = Path("runs")
    uri: str = ""
    out: Path = Path("report")
    commit: bool = False
    experiments: Path = EXPERIMENTS


def parse(arguments: list[str]) -> Settings:
    """Read `[table ...] [key=value ...]`.

    Raises:
        UserError: If a setting, a value or a table does not exist.
    """
    parser = argparse.ArgumentParser(
        prog="python -m depthrepro.report",
        description=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [table ...] [source=auto] [runs=runs] [out=report]",
    )
    parser.add_argument("words", nargs="*", metavar="table | key=value", help="tables and settings")
    words = parser.parse_args(arguments).words
    typed = dict(word.split("=", 1) for word in words if "=" in word)
    names = [field.name for field in fields(Settings) if field.name != "tables"]
    for key in typed:
        if key not in names:
            raise UserError(f"unknown setting {key!r}{did_you_mean(key, names)}")
    settings = Settings(tuple(dict.fromkeys(w for w in words if "=" not in w)), **_typed(typed))  # type: ignore[arg-type]
    known = find_tables(settings.experiments)
    for name in settings.tables:
        if name not in known:
            raise UserError(f"no table is called {name!r}{did_you_mean(name, known)}")
    if not known:
        raise UserError(f"{settings.experiments}: holds no <table>/paper.yaml; run from a checkout of the repository")
    return settings


def _typed(typed: dict[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in typed.items():
        if key == "source" and value not in SOURCES:
            raise UserError(f"source={value}{did_you_mean(value, SOURCES)}")
        if key == "commit":
            if value.lower() not in ("true", "false"):
                raise UserError(f"commit={value}: write true or false")
            values[key] = value.lower() == "true"
        else:
            values[key] = value if key in ("source", "uri") else Path(value).expanduser()
    return values


def run(settings: Settings) -> int:
    """Write the tables; 1 if one that was asked for (or every one) has no results."""
    # Imported here: pandas and matplotlib take a second, and --help or a misspelt word is answered without.
    from depthrepro.report.assembly import Report

    tables = [
        load_paper(settings.experiments / name / "paper.yaml")
        for name in settings.tables or find_tables(settings.experiments)
    ]
    report = Report(settings.source, settings.runs, settings.uri, settings.experiments, tables)
    empty = [table for table in tables if not report.has(table)]
    found = [table for table in tables if table not in empty]
    paths = report.write(found, settings.experiments if settings.commit else settings.out, publish=settings.commit)
    if paths and not settings.commit:
        paths.append(report.write_page(settings.out / "index.html"))
    for table in found:
        asked = table.name in settings.tables
        print(f"{report.origin(table)}\n\n{report.text(table)}".lstrip("\n") if asked else report.brief(table))
    for table in empty if settings.tables or not paths else ():
        print(_no_results(table, report.waiting(table), settings), file=sys.stderr)
    if paths:
        print(_written(paths))
    return int(bool(empty) if settings.tables else not paths)


def _written(paths: list[Path]) -> str:
    """One line per folder, and the page by its full name."""
    folders: dict[Path, list[str]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path.name)
    return "Written:\n" + "\n".join(f"  {folder}: {', '.join(names)}" for folder, names in folders.items())


def _no_results(table: PaperTable, waiting: list[str], settings: Settings) -> str:
    why = f" ({'; '.join(waiting)})" if waiting else ""
    where = {"mlflow": "in the MLflow store", "committed": f"committed in {settings.experiments / table.name}"}
    place = where.get(settings.source, f"under {settings.runs}")
    return f"{table.name}: no finished run {place}{why}. Type: {table.command}"


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 written, 1 no results yet, 2 a mistake that the message names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without δ and ± shows "?" instead of stopping
            stream.reconfigure(errors="replace")
    try:
        code = run(parse(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head` has read enough; the files are written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to say at the end either
        return 0
    except UserError as error:
        if tracebacks_wanted():
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
