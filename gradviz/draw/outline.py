"""Glyph outlines made short: whole thousandths of an em, relative commands."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[MLQCZ]|-?[\d.]+(?:e-?\d+)?")


def compact(path: str) -> str:
    """Write an outline in whole thousandths of an em, relative, as short as SVG allows.

    Args:
        path: absolute commands M, L, Q, C, Z, in twelfths of an em (as ziafont writes them).

    Example:
        >>> compact("M 12 0 L 6 0 L 6 -12 Z")
        'M1000 0l-500 0l0-1000z'
    """
    out: list[str] = []
    here = start = (0, 0)
    numbers: list[int] = []
    command = ""
    need = {"M": 2, "L": 2, "Q": 4, "C": 6}
    for token in _TOKEN.findall(path):
        if token == "Z":
            out.append("z")
            here = start
            continue
        if token in need:
            command = token
            continue
        numbers.append(round(float(token) * 1000 / 12))
        if len(numbers) < need[command]:
            continue
        if command == "M":
            start = (numbers[0], numbers[1])
            out.append(_command("M", numbers))
        else:
            relative = [value - here[place % 2] for place, value in enumerate(numbers)]
            if any(relative):
                out.append(_command(command.lower(), relative))
        here = (numbers[-2], numbers[-1])
        numbers = []
    return "".join(out)


def _command(letter: str, numbers: list[int]) -> str:
    return letter + " ".join(map(str, numbers)).replace(" -", "-")
