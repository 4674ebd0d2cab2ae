"""Printing on a terminal. Rich is loaded only when something is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_WIDTH = 120
"""Of what is no terminal, unless COLUMNS says otherwise."""


def show(renderable: RenderableType, file: TextIO | None = None, gap: bool = False) -> None:
    """Print something laid out for the width of the terminal, after an empty line if asked for."""
    stream = file or sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH
    console = Console(file=stream, highlight=False, width=width)
    if gap:
        console.print()
    console.print(renderable)


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", file: TextIO | None = None
) -> None:
    """Print rows of plain text in columns that fit the terminal."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold", caption_justify="left", caption=caption)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    show(table, file)
