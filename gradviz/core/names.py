"""Names: what a user may call a node, and how that name is written in LaTeX."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from gradviz.core.tokens import LETTERS
from gradviz.errors import GraphError, user_location

_GREEK = [name for name, char in LETTERS.items() if "Α" <= char <= "ω" and not name.startswith("var")]
_SYMBOL = rf"(?:[A-Za-z]|{'|'.join(_GREEK)})"
_INDEXED = re.compile(rf"({_SYMBOL}|[A-Za-z]+(?=_?\d+$))_?(\d+|(?<=_)[A-Za-z]{{1,3}})?")
_SIGNS = set("<>=+-*/|:;,!?'()[]")
_SPECIAL = {
    "\\": r"\backslash ",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\^{}",
    "~": r"\~{}",
    " ": r"\ ",
}


def check_name(name: object) -> str:
    """Return the name if it can be one.

    Raises:
        GraphError: for something that is no text, or holds no visible character.
    """
    if not isinstance(name, str):
        raise GraphError(
            f"a name is text, not {type(name).__name__}", where=user_location(), hint='write it first: gv.param("W", …)'
        )
    if name.isidentifier():
        return name
    if not any(not char.isspace() and unicodedata.category(char)[0] != "C" for char in name):
        raise GraphError(f"{name!r} is no name", where=user_location(), hint="use at least one visible character")
    return name


@lru_cache(maxsize=4096)
def name_to_tex(name: str) -> str:
    r"""Write a name as LaTeX: letters and indexed letters in italics, words upright.

    Example:
        >>> name_to_tex("w1"), name_to_tex("phi"), name_to_tex("margin")
        ('w_{1}', '\\phi', '\\mathrm{margin}')
    """
    match = _INDEXED.fullmatch(name)
    if match:
        letter, index = match.groups()
        if letter in _GREEK:
            letter = rf"\{letter}"
        elif len(letter) > 1:
            letter = rf"\mathrm{{{letter}}}"
        return f"{letter}_{{{index}}}" if index else letter
    return rf"\mathrm{{{escape_tex(name)}}}"


def escape_tex(text: str) -> str:
    """Escape any text so that LaTeX shows it literally."""
    return "".join(_SPECIAL.get(char, f"{{{char}}}" if char in _SIGNS else char) for char in text)
