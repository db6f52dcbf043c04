"""Tables as Markdown, each block with its claims, its caption and its runs."""

from __future__ import annotations

from depthrepro.report.blocks import Block
from depthrepro.report.claim_words import describe
from depthrepro.report.measured import MeasuredTable
from depthrepro.report.paper import PaperTable
from depthrepro.report.tables.captions import caption, origin_lines
from depthrepro.report.tables.cells import CHECKPOINT_TITLES, GAP, MISSING, Cell, grid, header
from depthrepro.report.tables.published import TITLE, published_sets


def markdown(measured: MeasuredTable, figures: dict[str, dict[str, str]]) -> str:
    """The whole of table.md; `figures` are the paths that it links, by the block's slug and the figure's title."""
    table = measured.table
    paper = f"Paper: {table.cite}, measured on {table.data}: {table.protocol} {table.source}"
    parts = [f"# {table.title}", paper]
    if published := published_sets(table):
        parts += [f"## {TITLE}", pipe_table(published.header, published.body, text_columns=1)]
    for block in measured.blocks:
        parts += [f"## {block.title}", f"Fingerprint {block.keys['fingerprint']}; {block.protocol}."]
        parts += [claims_markdown(measured, block), *block_markdown(table, block)]
        parts += [f"![{alt}: {block.title}]({name})" for alt, name in figures.get(block.slug, {}).items()]
    notes = [*table.notes, *(f"{row.label}: {row.note}" for row in table.rows if row.note)]
    if notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in notes))
    if measured.unfinished:
        waiting = "\n".join(f"- `{run.run}`: {run.state}" for run in measured.unfinished)
        parts.append(f"## Runs without numbers yet\n\n{waiting}")
    return "\n\n".join(parts) + "\n"


def claims_markdown(measured: MeasuredTable, block: Block) -> str:
    """The claims with their verdicts, one line per metric."""
    lines = []
    for claim in measured.table.claims:
        if verdicts := measured.verdicts_on(claim, block):
            lines.append(f"- {claim.text}{' (a question of ours)' if claim.asked_by else ''}")
            lines += [f"    - {describe(verdict)}" for verdict in verdicts]
    return "\n".join(["### Claims", "", *lines]) if lines else ""


def block_markdown(table: PaperTable, block: Block) -> list[str]:
    """Tables, caption and provenance of one block, as Markdown paragraphs."""
    parts = []
    for checkpoint in block.lines:
        body = [[_emphasised(cell) for cell in row] for row in grid(table, block, checkpoint)]
        parts += [f"### {CHECKPOINT_TITLES[checkpoint]}", pipe_table(header(table), body, text_columns=3)]
    marks = ("Marks", f"**best** and *second best* of our outputs; {GAP} not in the paper; {MISSING}: no finished run.")
    parts.append("\n".join(f"- **{topic}**: {text}" for topic, text in [*caption(block), marks]))
    parts.append(pipe_table(["Row", "Seeds", "Config", "Commit", "Runs"], origin_lines(block), text_columns=5))
    if block.superseded:
        parts.append(
            f"Left out, a newer run has the same experiment, settings and seed: {', '.join(block.superseded)}."
        )
    return parts


def pipe_table(titles: list[str], body: list[list[str]], text_columns: int) -> str:
    """A Markdown table whose columns also line up in a terminal; the first `text_columns` are left-aligned."""
    body = [[cell.replace("|", "\\|") for cell in row] for row in body]
    widths = [max(3, *(len(row[i]) for row in [titles, *body])) for i in range(len(titles))]

    def line(cells: list[str]) -> str:
        padded = [
            c.ljust(w) if i < text_columns else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = [":" + "-" * (w - 1) if i < text_columns else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(titles), line(rule), *map(line, body)])


def _emphasised(cell: Cell) -> str:
    return {0: cell.text, 1: f"**{cell.text}**", 2: f"*{cell.text}*"}[cell.mark]
