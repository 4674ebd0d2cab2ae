"""The tables of `gradviz check`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gradviz.core.visible import visible
from gradviz.passes.report import EDGE_HEADINGS, LEAF_HEADINGS, Report, edge_cells, leaf_cells

MOST_SHOWN = 90
"""Characters of a cell."""
STYLES = {
    "proved": "green",
    "agree": "green",
    "sampled": "cyan",
    "numeric": "cyan",
    "kink": "yellow",
    "not measured": "yellow",
    "WRONG": "bold red",
}


def report_tables(report: Report, title: str, every: bool = False) -> RenderableType:
    """Lay a report out: the edges, the leaves, the notes, and one line that says it all.

    Args:
        report: what a check has found.
        title: what was checked.
        every: a row for every edge, also in a big graph.
    """
    parts: list[RenderableType] = [Text(visible(title), style="bold")]
    parts.append(_table(EDGE_HEADINGS, [edge_cells(row) for row in report.edges(every)], verdict=4))
    if report.leaves:
        parts += [Text(), _table(LEAF_HEADINGS, [leaf_cells(row) for row in report.leaves], verdict=5)]
    parts += [Text(), *(Text(visible(f"{line}.")) for line in (*report.failures, *report.notes))]
    style, found = ("green", "Nothing is wrong") if report.ok else ("bold red", "Something is WRONG")
    parts.append(Text.assemble((found, style), f": {report.summary}."))
    return Group(*parts)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], verdict: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    filled = [any(row[place] for row in rows) for place in range(len(headings))]
    for place, heading in enumerate(headings):
        if filled[place]:
            table.add_column(heading, no_wrap=place == verdict, overflow="fold")
    for row in rows:
        cells = [
            Text(visible(cell, MOST_SHOWN), style=STYLES.get(cell, "") if place == verdict else "")
            for place, cell in enumerate(row)
        ]
        table.add_row(*(cell for place, cell in enumerate(cells) if filled[place]))
    return table
