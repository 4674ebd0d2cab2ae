"""Lines of printed source: assignments that share a line, and lines that are not too long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

INDENT = "    "
WIDTH = 108
"""Of a line that is still to be indented."""
LONGEST = 118
"""Of a line."""
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
    """Return a line as several, broken behind the outermost commas within parentheses, where it is too long."""
    start = len(line) - len(line.lstrip())
    code, mark, comment = line.partition("  # ")
    if mark and len(line) > LONGEST:  # what is broken within a comment is none any more
        return [f"{' ' * start}# {comment}", *folded(code)]
    if len(line) <= LONGEST or line.lstrip().startswith("#") or '"' in line or "'" in line:
        return [line]
    commas, within = [], ""
    for place, char in enumerate(line):
        within = within + char if char in "([{" else within[:-1] if char in ")]}" else within
        if within.endswith("(") and line.startswith(", ", place):
            commas.append((len(within), place + 1))
    ends = [end for depth, end in commas if depth == min(commas)[0]]
    pieces = [line[start:end].strip() for start, end in pairwise([start, *ends, len(line)])]
    lines = [" " * start]
    for piece in pieces:
        longer = f"{lines[-1]} {piece}" if lines[-1].strip() else lines[-1] + piece
        if lines[-1].strip() and len(longer) > LONGEST:
            lines.append(" " * start + INDENT + piece)
        else:
            lines[-1] = longer
    return lines if len(lines) <= MOST_LINES else [line]


def returned(parts: Sequence[str]) -> str:
    """Return the line that returns a tuple.

    Example:
        >>> returned(["loss"])
        'return loss,'
    """
    line = f"return {', '.join(parts)},"
    return line if len(line) <= WIDTH else f"return {tuple_text(parts)}"


def tuple_text(parts: Sequence[str]) -> str:
    """Write a tuple, of one part too."""
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
