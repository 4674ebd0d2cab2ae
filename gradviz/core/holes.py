r"""Formulas with holes for numbers: written once, filled for a point here, and for any other in the page.

A hole names what stands in it: "f3" the value of node 3, "g3" its adjoint, "d5/0" the derivative on slot 0 of
node 5, "c5/0" what that edge adds, "b5/0" and "a5/0" the sum before and after, "u3" an updated value, "r" the
step size. Its marks are characters that no text of a user keeps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradviz.core.format import array_tex, array_text

_PLAIN, _APART, _TIMES, _END = "\ue000", "\ue002", "\ue003", "\ue001"
HOLE = re.compile(f"([{_PLAIN}{_APART}{_TIMES}])([a-z]\\d*(?:/\\d+)?){_END}")
_ENCLOSED = re.compile(
    rf"((?:^|[(\[{{|<>=]|(?<!\\),|\\(?:ge|le|neq)\b)\s*){_APART}([^{_END}]+){_END}"
    r"(?=\s*(?:$|[)\]}|<>=,]|\\(?:ge|le|neq|right)\b))"
)
MODES = {_PLAIN: "plain", _APART: "apart", _TIMES: "times"}

Numbers = Callable[[str], Any]
"""Returns what stands in a hole."""


def hole(source: str) -> str:
    """Return a hole for a number or array."""
    return f"{_PLAIN}{source}{_END}"


def apart(source: str) -> str:
    """Return a hole beside a sign: what is negative, or a product with a power of ten, gets parentheses."""
    return f"{_APART}{source}{_END}"


def enclosed(template: str) -> str:
    r"""Take back that holes are apart where nothing but brackets, bars, commas and relations stand beside them.

    Example:
        >>> fill_tex(enclosed(rf"\max({apart('f0')}, 3 - {apart('f0')})"), {"f0": -2.0}.__getitem__)
        '\\max(-2, 3 - (-2))'
    """
    return _ENCLOSED.sub(rf"\1{_PLAIN}\2{_END}", template)


def times(source: str) -> str:
    """Return a hole in a sentence, for how many times as much something changes."""
    return f"{_TIMES}{source}{_END}"


def without_holes(text: str) -> str:
    """Return a user's text without the marks of holes."""
    return re.sub(f"[{_PLAIN}-{_TIMES}]", "", text)


def fill_tex(template: str, numbers: Numbers) -> str:
    r"""Fill the holes of a formula.

    Example:
        >>> fill_tex(rf"{apart('f0')} \cdot {hole('f1')}", {"f0": -2.0, "f1": 3.0}.__getitem__)
        '(-2) \\cdot 3'
    """

    def put(match: re.Match[str]) -> str:
        tex = array_tex(numbers(match[2]))
        return f"({tex})" if MODES[match[1]] == "apart" and (tex.startswith("-") or _is_scaled(tex)) else tex

    return HOLE.sub(put, template)


def fill_text(template: str, numbers: Numbers) -> str:
    """Fill the holes of a sentence.

    Example:
        >>> fill_text(f"a moves b {times('d1/0')}", {"d1/0": 1.0}.__getitem__)
        'a moves b just as much'
    """

    def put(match: re.Match[str]) -> str:
        text = array_text(numbers(match[2]))
        return _AS_MUCH.get(text, f"{text} times as much") if MODES[match[1]] == "times" else text

    return HOLE.sub(put, template)


_AS_MUCH = {"1": "just as much", "\N{MINUS SIGN}1": "just as much, the other way"}


def _is_scaled(tex: str) -> bool:
    return r"\times 10" in tex and not tex.startswith(("[", r"\begin")) and r"\|" not in tex
