"""The same tables as LaTeX (booktabs), ready to be included in a paper."""

from __future__ import annotations

from depthrepro.core.metric_names import METRICS
from depthrepro.report.blocks import Block
from depthrepro.report.claim_words import compared, confidence, numbers, per_cent, sentence, signed
from depthrepro.report.claims import Verdict
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.paper import PaperTable
from depthrepro.report.tables.captions import caption, provenance
from depthrepro.report.tables.cells import CHECKPOINT_TITLES, GAP, MISSING, Cell, grid, header
from depthrepro.report.tables.published import TITLE, PublishedSets, published_sets

_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": "$<$", ">": "$>$", "±": r"$\pm$", "−": "$-$", "×": r"$\times$", "·": r"$\cdot$", "δ": r"$\delta$"},
    **{"²": "$^2$", "³": "$^3$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--", "’": "'", "…": r"\dots{}"},
}


def escape(text: str) -> str:
    """Plain text as LaTeX: reserved characters and the symbols that the tables use."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def latex(measured: MeasuredTable) -> str:
    """The whole of table.tex: one floating table per block and checkpoint, and one of each block's verdicts."""
    table = measured.table
    parts = [r"% Needs \usepackage{booktabs,graphicx}."]
    if published := published_sets(table):
        parts.append(_published(table, published))
    for block in measured.blocks:
        parts += [_float(table, block, checkpoint) for checkpoint in block.lines]
        if verdicts := measured.verdicts.get(block.slug):
            parts.append(_verdicts(table, block, verdicts))
    return "\n\n".join(parts) + "\n"


def _float(table: PaperTable, block: Block, checkpoint: str) -> str:
    columns = "llrr" + "r" * len(table.metrics)
    body = grid(table, block, checkpoint)
    lines = [" & ".join(escape(title) for title in header(table)) + r" \\", r"\midrule"]
    for index, row in enumerate(body):
        if index and row[0].text:  # a new row of the paper: a little air above it
            lines.append(r"\addlinespace[2pt]")
        lines.append(" & ".join(_cell(cell) for cell in row) + r" \\")
    title = f"{table.title}. {block.title}. {CHECKPOINT_TITLES[checkpoint]}."
    label = f"{table.name}-{block.slug}-{checkpoint}"
    marks = rf"\textbf{{Best}} and \underline{{second best}} of our outputs; {escape(GAP)}: not in the paper; "
    notes = [rf"\textit{{{escape(topic)}}}: {escape(text)}" for topic, text in caption(block)]
    notes += [rf"\textit{{Paper}}: {escape(f'{table.cite}, measured on {table.data}. {table.source}')}"]
    notes += [marks + f"{MISSING}: no finished run.", *(f"% {note}" for note in _origin(block))]
    return _environment(title, label, columns, lines, notes)


def _verdicts(table: PaperTable, block: Block, verdicts: list[Verdict]) -> str:
    titles = ("Claim", "Metric", "Difference", "", "Interval", "Paper", "", "Verdict")
    lines = [" & ".join(titles) + r" \\", r"\midrule"]
    for before, verdict in zip([None, *verdicts], verdicts, strict=False):
        metric, paper = METRICS[verdict.metric], verdict.paper_difference
        difference, low, high = numbers(verdict) if verdict.interval else (GAP, "", "")
        cells = [
            verdict.claim.text if before is None or before.claim != verdict.claim else "",
            metric.label,
            *(difference, per_cent(verdict.relative), f"[{low}, {high}]" if low else GAP),
            *(GAP if paper is None else signed(paper, metric.digits), per_cent(verdict.paper_relative)),
            sentence(verdict),
        ]
        lines.append(" & ".join(map(escape, cells)) + r" \\")
    measured = next((verdict for verdict in verdicts if verdict.interval), None)
    notes = [f"{confidence(measured)} intervals; {compared(measured)}."] if measured else []
    title = f"{table.title}. {block.title}. Verdicts; in per cent of the row compared with."
    return _environment(title, f"{table.name}-{block.slug}-verdicts", "llrrrrrl", lines, [escape(n) for n in notes])


def _published(table: PaperTable, published: PublishedSets) -> str:
    lines = [" & ".join(escape(title) for title in published.header) + r" \\", r"\midrule"]
    lines += [" & ".join(escape(cell) for cell in row) + r" \\" for row in published.body]
    columns = "l" + "r" * (len(published.header) - 1)
    notes = [rf"\textit{{Paper}}: {escape(f'{table.cite}. {table.source}')}"]
    return _environment(f"{table.title}. {TITLE}.", f"{table.name}-published", columns, lines, notes)


def _environment(title: str, label: str, columns: str, lines: list[str], notes: list[str]) -> str:
    """A floating table, never wider than the text."""
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{escape(title)}}}",
            rf"\label{{tab:{label.replace('_', '-')}}}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",  # only ever smaller
            rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\par\smallskip\raggedright\scriptsize",
            *notes,
            r"\end{table}",
        ]
    )


def _origin(block: Block) -> list[str]:
    return [
        f"{row.rows}: {row.run}, seed {row.seed}, config {row.config_hash}, commit {row.commit}"
        for row in provenance(block).itertuples()
    ]


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return {0: text, 1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}"}[cell.mark]
