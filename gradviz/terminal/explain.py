"""`gradviz explain` on a terminal: the derivation line by line, as plain text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradviz.core.plain import tex_to_text
from gradviz.core.visible import visible
from gradviz.passes.explain import Explanation

MOST_SHOWN = 1500
"""Characters of a formula."""


def explanation(found: Explanation) -> RenderableType:
    """Lay an explanation out: the paths with their products, the sum, simplified, with numbers, and what it means."""
    title = Text.assemble((visible(tex_to_text(found.derivative)), "bold"), f"  {found.summary}")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for what, tex in found.steps():
        style = "bold green" if what == "simplified" else "green" if what == "its product" else ""
        table.add_row("" if what == before else what, Text(visible(tex_to_text(tex), MOST_SHOWN), style=style))
        before = what
    sentence = found.sensitivity[0]
    return Group(title, Padding(table, (1, 0, 1, 2)), *([Text(visible(sentence))] if sentence else []))
