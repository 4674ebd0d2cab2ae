"""Glyph outlines made short: whole and half thousandths of an em, relative commands, what SVG can work out left out."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[MLQCZ]|-?[\d.]+(?:e-?\d+)?")
_NUMBERS = {"M": 2, "L": 2, "Q": 4, "C": 6}
_HALVES = 2000
"""Parts of an em. A font has points at whole thousandths; between two control points of a curve it leaves out the
point half-way."""


def compact(path: str) -> str:
    """Write an outline as short as SVG allows, relative, the same to half a thousandth of an em.

    A curve that goes on smoothly from another one needs no control point, and an upright or level line one number.

    Args:
        path: absolute commands M, L, Q, C, Z, in twelfths of an em (as ziafont writes them).

    Example:
        >>> compact("M 12 0 L 6 0 L 6 -12 L 12 -6 Z")
        'M1000 0h-500v-1000l500 500z'
        >>> compact("M 0 0 Q 6 0 6 6 Q 6 12 0 12 Z")
        'M0 0q500 0 500 500t-500 500z'
    """
    out: list[str] = []
    start = here = control = (0, 0)
    numbers: list[int] = []
    command = ""
    for token in _TOKEN.findall(path):
        if token in _NUMBERS:
            command = token
        elif token != "Z":
            numbers.append(round(float(token) * _HALVES / 12))
        if token == "Z":
            out.append("z")
            here = control = start
            continue
        if token in _NUMBERS or len(numbers) < _NUMBERS[command]:
            continue
        x, y = here
        here = (numbers[-2], numbers[-1])
        relative = [value - (x, y)[place % 2] for place, value in enumerate(numbers)]
        if command == "M":
            start = here
            out.append(_command("M", numbers))
        elif command == "Q" and (numbers[0], numbers[1]) == (2 * x - control[0], 2 * y - control[1]):
            out.append(_command("t", relative[2:]))
        elif any(relative):
            out.append(_line(*relative) if command == "L" else _command(command.lower(), relative))
        control = (numbers[0], numbers[1]) if command == "Q" else here
        numbers = []
    return "".join(out)


def _line(dx: int, dy: int) -> str:
    return _command("l", [dx, dy]) if dx and dy else _command("h", [dx]) if dx else _command("v", [dy])


def _command(letter: str, numbers: list[int]) -> str:
    halves = (f"{number / 2:.1f}".removesuffix(".0") for number in numbers)
    return letter + " ".join(re.sub(r"^(-?)0\.", r"\1.", half) for half in halves).replace(" -", "-")
