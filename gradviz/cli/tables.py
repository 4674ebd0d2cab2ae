"""Tables on a terminal. The one file of this room that loads rich, and only when it prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print rows of plain text in columns that fit the terminal."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold", caption_justify="left", caption=caption)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(file=sys.stdout, highlight=False).print(table)
