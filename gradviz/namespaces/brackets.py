"""Parentheses in formulas: which pieces of LaTeX need them, and how tall they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import cycle

COMPARISON, SUM, PRODUCT, POWER, INDEXED, ATOM = range(6)

TALL = re.compile(r"\\(frac|begin)\b")
_ENVIRONMENT = re.compile(r"\\begin\{(\w+)\}.*?\\end\{\1\}")
_FENCE = re.compile(r"\\\||[()\[\]|]")


def held(tex: str, least: int = PRODUCT) -> str:
    r"""Put parentheses, as tall as it is, around a formula that does not hold together as tightly as it has to.

    Example:
        >>> held("1 - h"), held(r"-\frac{x}{y}"), held(r"2\,h")
        ('(1 - h)', '\\left(-\\frac{x}{y}\\right)', '2\\,h')
    """
    return tex if binding(tex) >= least else parenthesized(tex)


def summed(parts: Iterable[str]) -> str:
    """Write formulas as a sum."""
    return " + ".join(summands(parts))


def summands(parts: Iterable[str]) -> list[str]:
    """Put parentheses around those that begin with a minus sign, but for the first, so that they can be added."""
    return [parenthesized(part) if part.startswith("-") and place else part for place, part in enumerate(parts)]


def parenthesized(tex: str) -> str:
    """Put parentheses around a formula, as tall as it is."""
    return rf"\left({tex}\right)" if TALL.search(tex) else f"({tex})"


def stretched(template: str) -> str:
    """Make the brackets and bars of a notation as tall as what stands in them."""
    bars = cycle((r"\left", r"\right"))

    def put(match: re.Match[str]) -> str:
        fence = match[0]
        side = r"\left" if fence in "([" else r"\right" if fence in ")]" else next(bars)
        return side + fence

    return _FENCE.sub(put, template)


def binding(tex: str) -> int:
    """How tightly a piece of LaTeX holds together, read off its outermost signs."""
    outer = _ENVIRONMENT.sub("", tex)
    while (inner := re.sub(r"\{[^{}]*\}|\([^()]*\)|\[[^\[\]]*\]", "", outer)) != outer:
        outer = inner
    if re.search(r"[+<>=-]|\\(ge|le|neq)\b", outer):
        return SUM
    if re.search(r"\\(cdot|odot|otimes|Sigma|Pi|,)", outer):
        return PRODUCT
    if re.search(r"\^|\\frac\b", outer):
        return POWER
    return INDEXED if "_" in outer.replace(r"\_", "") else ATOM
