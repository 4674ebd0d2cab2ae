"""Names: what a user may call a node, and how that name is written in LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

from gradviz.core.tokens import LETTERS
from gradviz.errors import GraphError, user_location

_GREEK = {name: char for name, char in LETTERS.items() if "Α" <= char <= "ω"}
_GREEK_CHARACTERS = {char: name for name, char in LETTERS.items() if "Α" <= char <= "ω"}
_ACCENTS = {
    "\N{COMBINING CIRCUMFLEX ACCENT}": "hat",
    "\N{COMBINING MACRON}": "bar",
    "\N{COMBINING TILDE}": "tilde",
    "\N{COMBINING DOT ABOVE}": "dot",
    "\N{COMBINING RIGHT ARROW ABOVE}": "vec",
}
_SYMBOL = rf"[A-Za-z{''.join(_GREEK_CHARACTERS)}]|{'|'.join(_GREEK)}"
_PLAIN = rf"A-Za-z0-9{''.join(_GREEK_CHARACTERS)}"
_INDEX = rf"[{_PLAIN}]+(?:[+-]\d+)?|\{{[{_PLAIN}+\-,;()*/=|]+\}}"
_NOTATION = re.compile(
    rf"(?P<symbol>{_SYMBOL}|[^\W\d_]+(?=_?\d+$))"
    rf"(?P<accent>[{''.join(_ACCENTS)}]|_(?:{'|'.join(_ACCENTS.values())})(?![{_PLAIN}]))?"
    r"(?P<primes>['′]*)"
    rf"(?:(?P<digits>\d+)|(?P<indices>(?:_(?:{_INDEX}))*))"
    r"(?P<more_primes>['′]*)"
    rf"(?:\^(?P<raised>{_INDEX}|\([{_PLAIN}]+\)|\*)|(?P<star>\*))?"
)
_PART_OF_INDEX = re.compile(r"[A-Za-z]+|[^A-Za-z]")
_COMMAND_AT_END = re.compile(r"\\[A-Za-z]+$")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
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
    r"""Write a name as LaTeX: a letter with its accent, primes and indices as mathematics, a word upright.

    Example:
        >>> name_to_tex("w1"), name_to_tex("phi"), name_to_tex("margin")
        ('w_{1}', '\\phi', '\\mathrm{margin}')
        >>> name_to_tex("h_{t-1}"), name_to_tex("y_hat"), name_to_tex("W_out"), name_to_tex("θ₁")
        ('h_{t-1}', '\\hat{y}', 'W_{\\mathrm{out}}', '\\theta_{1}')
    """
    match = _NOTATION.fullmatch(_spelled_out(name))
    indices = re.findall(_INDEX, match["indices"] or "") if match else []
    if match is None or (len(indices) > 1 and any(len(index) > 2 for index in indices)):  # a_long_word
        return rf"\mathrm{{{escape_tex(name)}}}"
    symbol = match["symbol"]
    letter = _letters(symbol) if len(symbol) == 1 or symbol in _GREEK else rf"\mathrm{{{symbol}}}"
    if match["accent"]:
        letter = rf"\{_ACCENTS.get(match['accent'], match['accent'][1:])}{{{letter}}}"
    lowered = match["digits"] or ",".join(map(_index, indices))
    primes = r"\prime" * len(match["primes"] + match["more_primes"])
    raised = _joined([primes, _index(match["raised"] or match["star"] or "")])
    return letter + (f"_{{{lowered}}}" if lowered else "") + (f"^{{{raised}}}" if raised else "")


def _spelled_out(name: str) -> str:
    """Write accents as characters of their own, and small raised and lowered characters behind ^ and _."""
    found = [(char, *_height(char)) for char in unicodedata.normalize("NFD", name)]
    text = ""
    for mark, group in groupby(found, key=lambda entry: entry[1]):
        letters = "".join(letter for *_, letter in group)
        text += f"{mark}{{{letters}}}" if mark else letters
    return text


def _height(char: str) -> tuple[str, str]:
    """Return "_" or "^" and the full character of a lowered or raised one; "" and the character of any other."""
    kind, _, letter = unicodedata.decomposition(char).partition(" ")
    mark = {"<sub>": "_", "<super>": "^"}.get(kind, "")
    return (mark, chr(int(letter, 16)).replace("−", "-")) if mark and " " not in letter else ("", char)


def _index(text: str) -> str:
    """Write an index: words upright, single letters and such as "ij" or "ijk" in italics."""
    return _joined(map(_letters, _PART_OF_INDEX.findall(text.strip("{}"))))


def _letters(text: str) -> str:
    greek = text if text in _GREEK else _GREEK_CHARACTERS.get(text)
    if greek:
        return rf"\{greek}"
    return text if not text.isalpha() or len(text) <= 2 or text in _ALPHABET else rf"\mathrm{{{text}}}"


def _joined(parts: Iterable[str]) -> str:
    """Put LaTeX together, with a space where a letter would lengthen a command."""
    text = ""
    for part in parts:
        text += " " * bool(_COMMAND_AT_END.search(text) and part[:1].isalpha()) + part
    return text


def escape_tex(text: str) -> str:
    """Escape any text so that LaTeX shows it literally."""
    return "".join(_SPECIAL.get(char, f"{{{char}}}" if char in _SIGNS else char) for char in text)
