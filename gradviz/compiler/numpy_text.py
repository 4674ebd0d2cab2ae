"""Lines of printed source: assignments that share a line, and lines that are not too long."""

from __future__ import annotations

from collections.abc import Sequence

INDENT = "    "
WIDTH = 112
"""Of a line within a function within a function."""
MOST_LINES = 20
"""A table of more lines than that stays on a single one."""


def assigned(names: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return lines of assignments, several in a line.

    Example:
        >>> assigned(["f", "i"], ["gates[0]", "gates[1]"])
        ['f, i = gates[0], gates[1]']
    """
    lines: list[str] = []
    left: list[str] = []
    right: list[str] = []
    for name, text in zip(names, texts, strict=True):
        if left and len(", ".join((*left, name))) + len(", ".join((*right, text))) + 3 > WIDTH:
            lines.append(f"{', '.join(left)} = {', '.join(right)}")
            left, right = [], []
        left.append(name)
        right.append(text)
    return [*lines, f"{', '.join(left)} = {', '.join(right)}"] if left else lines


def folded(line: str) -> list[str]:
    """Return a line as several, broken behind commas within brackets, where it is too long."""
    start = len(line) - len(line.lstrip())
    if len(line) <= WIDTH + start or line.lstrip().startswith("#"):
        return [line]
    pieces, depth, begin = [], 0, 0
    for place, char in enumerate(line):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth and line[place + 1 : place + 2] == " ":
            pieces.append(line[begin : place + 1])
            begin = place + 2
    lines = [""]
    for piece in (*pieces, line[begin:]):
        longer = f"{lines[-1]} {piece}" if lines[-1] else piece
        if lines[-1] and len(longer) > WIDTH + start:
            lines.append(" " * start + INDENT + piece)
        else:
            lines[-1] = longer
    return lines if len(lines) <= MOST_LINES else [line]


def tuple_text(parts: Sequence[str]) -> str:
    """Write a tuple, of one part too."""
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
