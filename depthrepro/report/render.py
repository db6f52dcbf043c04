"""A report in the making: its results read once, its tables assembled, written and described."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from depthrepro.core.files import write_atomic
from depthrepro.report.assemble import Rendered, assemble
from depthrepro.report.claims import describe, overall, word
from depthrepro.report.committed import commit, from_committed, is_committed
from depthrepro.report.latex import latex
from depthrepro.report.painter import Painter
from depthrepro.report.paper import PaperTable
from depthrepro.report.sources import Results, from_runs
from depthrepro.report.tables import csv_frame, markdown


class Report:
    """Tables from one source.

    Args:
        source: "runs", "mlflow", "committed", or "auto": run directories, and committed results where a table has none.
        runs: Folder with run directories.
        uri: MLflow store; "" = the default one.
        experiments: Folder with the tables' own folders.
        tables: The tables that are wanted.
    """

    def __init__(self, source: str, runs: Path, uri: str, experiments: Path, tables: Sequence[PaperTable]) -> None:
        self._source, self._runs, self._experiments = source, runs, experiments
        self._measured = self._read(uri, tables)
        self._rendered: dict[str, Rendered] = {}
        self._committed: dict[str, Results] = {}

    def _read(self, uri: str, tables: Sequence[PaperTable]) -> Results | None:
        if self._source == "committed":
            return None
        if self._source == "mlflow":
            from depthrepro.config.logger import LoggerConfig, store_uri
            from depthrepro.report.mlflow_source import from_mlflow

            return from_mlflow(store_uri(LoggerConfig(tracking_uri=uri or None), Path.cwd()), tables)
        return from_runs(self._runs, tables)

    def _results(self, table: PaperTable) -> Results | None:
        if self._measured is not None and self._measured.feeds(table):
            return self._measured
        folder = self._experiments / table.name
        if self._source in ("auto", "committed") and is_committed(folder):
            if table.name not in self._committed:
                self._committed[table.name] = from_committed(folder, table)
            return self._committed[table.name]
        return None

    def has(self, table: PaperTable) -> bool:
        """Whether there is anything to show of the table."""
        return self._results(table) is not None

    def waiting(self, table: PaperTable) -> list[str]:
        """Runs of the table that have no numbers yet, with their state."""
        known = self._measured.unfinished if self._measured is not None else []
        return [f"{run.run} is {run.state}" for run in known if run.feeds(table.experiments)]

    def origin(self, table: PaperTable) -> str:
        """A line for the person who asked for runs and gets committed results; "" where that is not so."""
        if self._source != "auto" or table.name not in self._committed:
            return ""
        return f"No run below {self._runs} feeds it: read from {self._experiments.name}/{table.name}, as committed."

    def write(self, tables: Sequence[PaperTable], out: Path, *, commit: bool = False) -> list[Path]:
        """Write the tables' files and figures below `out`/<table>; returns them.

        Args:
            tables: Tables of which `has` said that there are results.
            out: Parent of the tables' folders.
            commit: Write results.csv and its companions too, with tables/ and plots/ apart.
        """
        painter = Painter(many=len(tables) > 1, memory=None if commit else out)  # one table's figures are soon drawn
        try:
            written = self._write(tables, out, painter, commit=commit)
        finally:
            painter.close()
        painter.remember()
        return written

    def _write(self, tables: Sequence[PaperTable], out: Path, painter: Painter, *, commit: bool) -> list[Path]:
        begun = []
        for table in tables:
            results = self._results(table)
            assert results is not None
            if commit:  # what is committed must read the same when it is all there is
                results = replace(results, unfinished=[])
            published = self._experiments / table.name / "plots" if table.name in self._committed else None
            plots_in = out / table.name / "plots" if commit else out / table.name
            finish = assemble(table, results, plots_in, painter, publish=commit, published=published)
            begun.append((table, results, finish))
        written = []
        for table, results, finish in begun:
            self._rendered[table.name] = finish()
            written += _commit(results, table, out / table.name) if commit else []
            written += self._write_table(table, out / table.name / "tables" if commit else out / table.name)
        return written

    def _write_table(self, table: PaperTable, folder: Path) -> list[Path]:
        one = self._rendered[table.name]
        files = {
            "table.md": self.text(table, folder),
            "table.tex": latex(table, one.blocks),
            # Ten digits: more than were measured, and the same on every machine.
            "table.csv": csv_frame(table, one.blocks).to_csv(index=False, lineterminator="\n", float_format="%.10g"),
        }
        for name, content in files.items():
            write_atomic(folder / name, content)
        return [folder / name for name in files] + [p for paths in one.figures.values() for p in paths.values()]

    def write_page(self, path: Path) -> Path:
        """Write index.html with every table that was written; returns its path."""
        from depthrepro.report.page import page

        text = page(list(self._rendered.values()), source=self._said_source())
        write_atomic(path, text)
        return path

    def _said_source(self) -> str:
        if self._source == "mlflow":
            return "an MLflow store"
        committed = "the results committed in experiments/"
        if self._measured is None or self._measured.rows.empty:
            return committed
        return f"run directories below {self._runs.name}/" + (f" and {committed}" if self._committed else "")

    def text(self, table: PaperTable, folder: Path | None = None) -> str:
        """The table as Markdown; figures are linked from `folder`."""
        one = self._rendered[table.name]
        links = {
            slug: {alt: Path(os.path.relpath(path, folder or path.parent)).as_posix() for alt, path in figures.items()}
            for slug, figures in one.figures.items()
        }
        return markdown(table, one.blocks, one.verdicts, one.unfinished, links)

    def brief(self, table: PaperTable) -> str:
        """The table's claims with their verdicts, for the terminal."""
        one = self._rendered[table.name]
        lines = [table.title, *([f"  {self.origin(table)}"] if self.origin(table) else [])]
        for block in one.blocks:
            lines.append(f"  {block.title}, {len(block.seeds)} seed{'s' if len(block.seeds) != 1 else ''}")
            for claim in table.claims:
                mine = [v for v in one.verdicts[block.slug] if v.claim == claim]
                if not mine:
                    continue
                lines.append(f"    {word(overall(mine), claim):13} {claim.text}")
                lines += [f"                  {describe(v)}" for v in mine if v.interval is not None]
        if self.waiting(table):
            lines.append(f"  Without numbers yet: {'; '.join(self.waiting(table))}")
        return "\n".join(lines) + "\n"


_commit = commit
