"""The report's assembly: results are read once, every table is measured, drawn, written and described."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from depthrepro.config.logger import LoggerConfig, store_uri
from depthrepro.core.files import write_atomic
from depthrepro.core.progress import progress_bar
from depthrepro.report.answers import Answer, answers
from depthrepro.report.blocks import Block, build_blocks
from depthrepro.report.claim_words import word
from depthrepro.report.claims import NOT_ASKED, decide
from depthrepro.report.claims_file import read_claims
from depthrepro.report.committed import commit, from_committed, is_committed
from depthrepro.report.figures.of_block import CURVES, PANEL, figures_of
from depthrepro.report.figures.painter import Drawn, Painter, copy
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.merging import merged
from depthrepro.report.mlflow_source import from_mlflow
from depthrepro.report.page.index import page
from depthrepro.report.paper import PaperTable
from depthrepro.report.pools import pooled
from depthrepro.report.rows import training_of
from depthrepro.report.sources import Results, for_table, from_runs
from depthrepro.report.tables.csv_file import csv_frame
from depthrepro.report.tables.front_door import write_counts, write_front_door
from depthrepro.report.tables.latex import latex
from depthrepro.report.tables.markdown import markdown
from depthrepro.report.tables.verdicts import write_verdicts


class Report:
    """Tables from one source.

    Args:
        source: "runs", "mlflow", "committed", or "auto": run directories, and committed results where a table has none.
        runs: Folder with run directories.
        uri: MLflow store; "" = the default one.
        experiments: Folder with the tables' own folders.
        tables: The tables that are wanted.

    Attributes:
        replaced: A line for each row of which committed seeds went out when it was published.
    """

    def __init__(self, source: str, runs: Path, uri: str, experiments: Path, tables: Sequence[PaperTable]) -> None:
        self._source, self._runs, self._experiments = source, runs, experiments
        self._tables, self._asked = tables, read_claims(experiments)
        self._measured = self._read(uri, tables)
        self._written: dict[str, MeasuredTable] = {}
        self._committed: dict[str, Results] = {}
        self._published: dict[str, Results] = {}
        self.replaced: list[str] = []

    def _read(self, uri: str, tables: Sequence[PaperTable]) -> Results | None:
        if self._source == "committed":
            return None
        if self._source == "mlflow":
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

    def write(
        self,
        tables: Sequence[PaperTable],
        out: Path,
        *,
        publish: bool = False,
        done: Callable[[PaperTable], None] = lambda table: None,
    ) -> list[Path]:
        """Write the tables' files and figures below `out`/<table>; returns them.

        All are measured before the first is written: a damaged file of the last one leaves no table behind.

        Args:
            tables: Tables of which `has` said that there are results.
            out: Parent of the tables' folders.
            publish: Write what is committed: results.csv and its companions too, with tables/ and plots/ apart, and no
                picture that shows a real data set's images.
            done: Called with each table when its files are there.
        """
        painter = Painter(memory=out, committed=self._experiments)
        written: list[Path] = []
        try:
            with progress_bar(None, "report", "table", total=len(tables), shown=sys.stderr.isatty()) as bar:
                bar.set_postfix_str("measuring")
                begun = [(table, self._begin(table, out, painter, publish=publish)) for table in tables]
                for table, finish in begun:
                    bar.set_postfix_str(table.name)
                    self._written[table.name] = finish()
                    if publish:
                        written += commit(self._published[table.name], table, out / table.name)
                    written += self._write_table(table, out / table.name / "tables" if publish else out / table.name)
                    with bar.external_write_mode():  # the line stands above the bar
                        done(table)
                    bar.update()
        finally:
            painter.close()
        painter.remember()
        if written:
            written.append(write_verdicts(out, self._answers(), [table.name for table in self._tables]))
            if publish:
                verdicts = written[-1]
                written += write_front_door(out.parent / "README.md", verdicts)
                written += write_counts(out / "README.md", verdicts)
        return written

    def _begin(self, table: PaperTable, out: Path, painter: Painter, *, publish: bool) -> Callable[[], MeasuredTable]:
        """Build a table's blocks and verdicts, and begin to draw its figures; what it returns waits for them."""
        results = self._results(table)
        assert results is not None
        results = for_table(results, table)
        if publish:  # what is committed must read the same when it is all there is
            results = replace(self._with_committed(table, results, out / table.name), unfinished=[])
            self._published[table.name] = results
        blocks = build_blocks(table, results.rows)
        pools = pooled(table, blocks, results)
        nothing = {"ranges": results.ranges[:0], "curves": results.curves[:0], "folders": {}}
        own = {block.slug: replace(results, images=images, **nothing) for block, images in pools}
        shown = [(block, own.get(block.slug, results)) for block in [*(block for block, _ in pools), *blocks]]
        plots = out / table.name / "plots" if publish else out / table.name
        # Nothing can draw the panels of committed results again.
        kept = self._experiments / table.name / "plots" if table.name in self._committed else None
        begun = begin_figures(table, shown, plots, painter, publish=publish, kept=kept)
        verdicts = {block.slug: decide(table, block, its.images, self._asked) for block, its in shown}

        def finish() -> MeasuredTable:
            figures = {
                slug: {title: path for title, drawing in drawings.items() if (path := drawing())}
                for slug, drawings in begun.items()
            }
            for stale in set(plots.glob("*.png")) - {path for paths in figures.values() for path in paths.values()}:
                stale.unlink()
            return MeasuredTable(table, [block for block, _ in shown], verdicts, figures, results.unfinished)

        return finish

    def _with_committed(self, table: PaperTable, results: Results, folder: Path) -> Results:
        """The results, and of those committed in the folder the seeds that have no run directory any more."""
        if table.name in self._committed or not is_committed(folder):
            return results
        both, told = merged(from_committed(folder), results)
        self.replaced += told
        return for_table(both, table)

    def _write_table(self, table: PaperTable, folder: Path) -> list[Path]:
        one = self._written[table.name]
        files = {
            "table.md": self.text(table, folder),
            "table.tex": latex(one),
            # Ten digits: more than were measured, and the same on every machine.
            "table.csv": csv_frame(table, one.blocks).to_csv(index=False, lineterminator="\n", float_format="%.10g"),
        }
        for name, content in files.items():
            write_atomic(folder / name, content)
        return [folder / name for name in files] + [p for paths in one.figures.values() for p in paths.values()]

    def write_page(self, path: Path) -> Path:
        """Write index.html with every table that was written; returns its path."""
        write_atomic(path, page(list(self._written.values()), self._answers(), source=self._source_in_words()))
        return path

    def _answers(self) -> list[Answer]:
        return answers(self._tables, self._written, self._asked)

    def _source_in_words(self) -> str:
        if self._source == "mlflow":
            return "an MLflow store"
        committed = "the results committed in experiments/"
        if self._measured is None or self._measured.rows.empty:
            return committed
        return f"run directories below {self._runs.name}/" + (f" and {committed}" if self._committed else "")

    def text(self, table: PaperTable, folder: Path | None = None) -> str:
        """The table as Markdown; figures are linked from `folder`."""
        one = self._written[table.name]
        links = {
            slug: {alt: Path(os.path.relpath(path, folder or path.parent)).as_posix() for alt, path in figures.items()}
            for slug, figures in one.figures.items()
        }
        return markdown(one, links)

    def brief(self, table: PaperTable) -> str:
        """The table in one line for the terminal: its data sets, verdicts by kind, and what it lacks."""
        one = self._written[table.name]
        decided = [
            verdict for verdicts in one.verdicts.values() for verdict in verdicts if verdict.verdict != NOT_ASKED
        ]
        outcomes = Counter(map(word, decided))
        count = len(one.blocks)
        parts = [f"{count} data set{'s' if count != 1 else ''}", *(f"{n} {name}" for name, n in outcomes.most_common())]
        if self.waiting(table):
            parts.append(f"without numbers yet: {'; '.join(self.waiting(table))}")
        committed = " (as committed)" if self.origin(table) else ""
        return f"{table.name}{committed}: {', '.join(parts)}"


def begin_figures(
    table: PaperTable,
    shown: Sequence[tuple[Block, Results]],
    plots: Path,
    painter: Painter,
    *,
    publish: bool,
    kept: Path | None,
) -> dict[str, dict[str, Drawn]]:
    """Begin to draw the figures of a table's blocks into `plots`: block slug → title → file, as `Painter.start`.

    `shown` has each block with the results that it is drawn from.

    A panel that lies in the folder `kept` is copied instead. `publish` as in `figures_of`.
    """
    endings = file_endings([block for block, _ in shown])
    begun: dict[str, dict[str, Drawn]] = {}
    drawn_already: set[str] = set()
    for block, results in shown:
        ending = f"_{endings[block.slug]}.png"
        wanted = figures_of(table, block, results, publish=publish)
        trainings = set(block.runs["run"].map(training_of))
        if trainings <= drawn_already:
            wanted.pop(CURVES, None)  # the test sets of a run share its training
        if not block.pool:  # it has no curves of its own
            drawn_already |= trainings
        copied: dict[str, Drawn] = {}
        if kept is not None and (panel := kept / f"panel{ending}").exists():
            wanted.pop(PANEL, None)
            copied = {PANEL: partial(copy, panel, plots / panel.name)}
        drawn = {title: painter.start(draw, plots / f"{stem}{ending}") for title, (stem, draw) in wanted.items()}
        begun[block.slug] = drawn | copied
    return begun


def file_endings(blocks: list[Block]) -> dict[str, str]:
    """End of each block's file names by its slug: data set and scale, with the slug's hash where that is not enough."""
    plain = {block.slug: re.sub(r"-[0-9a-f]{8}$", "", block.slug) for block in blocks}
    common = Counter(plain.values())
    return {slug: name if common[name] == 1 else slug for slug, name in plain.items()}
