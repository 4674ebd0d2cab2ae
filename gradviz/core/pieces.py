"""Pieces of plain text put together: spaces as formulas have them, parentheses where a layout told what is one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

WHOLE, INDEXED, RAISED, LOOSE = range(4)
"""How tightly a piece holds together: a letter, number or bracket, one with an index, with an exponent, or less."""

Kind = Literal[
    "operand", "fraction", "function", "open", "close", "sign", "relation", "slash", "comma", "mark", "space"
]
_ENDS = ("operand", "fraction", "close", "mark")
_BEGINS = ("operand", "fraction", "function", "open", "sign")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_DIGITS = (*"0123456789.",)
_PREFIXES = "∂∇"


class Piece(NamedTuple):
    """A piece of plain text."""

    text: str
    kind: Kind = "operand"
    level: int = WHOLE


def level(pieces: Iterable[Piece]) -> int:
    """Return how tightly pieces hold together when they stand side by side."""
    shown = [piece for piece in pieces if piece.kind != "space"]
    if len(shown) < 2:
        return shown[0].level if shown else WHOLE
    if _NUMBER.fullmatch("".join(piece.text for piece in shown)):
        return WHOLE
    called = shown[0].kind == "function"
    depth = list(accumulate((one.kind == "open") - (one.kind == "close") for one in shown[called:]))
    if shown[called].kind == "open" and depth[-1] == 0 and 0 not in depth[:-1]:
        return max(shown[-1].level, RAISED if called else WHOLE)
    return LOOSE


def held(pieces: Sequence[Piece], most: int, *, tight: bool) -> str:
    """Return the text of pieces, in parentheses if they hold together less tightly than that."""
    text = joined(pieces, tight=tight)
    return text if level(pieces) <= most else f"({text})"


def joined(pieces: Sequence[Piece], *, tight: bool) -> str:
    """Put pieces side by side.

    Args:
        pieces: the pieces.
        tight: whether signs have no spaces around them, as in an exponent.
    """
    shown = [piece for piece in pieces if piece.kind != "space"]
    spaced = [before.kind == "space" for before, piece in pairwise(pieces) if piece.kind != "space"]
    around: list[Piece | None] = [None, *shown, None]
    out, after = "", False
    for last, piece, following, gap in zip(around, shown, around[2:], [False, *spaced], strict=False):
        apart = not tight and piece.kind == "sign" and _is_binary(last, piece, following)
        if last is not None and (apart or after or _parted(last, piece, gap=gap, tight=tight)):
            out += " "
        out += f"({piece.text})" if _grouped(last, piece, following) else piece.text
        after = apart
    return out


def _is_binary(last: Piece | None, sign: Piece, following: Piece | None) -> bool:
    if last is None or following is None or last.kind not in _ENDS or following.kind not in _BEGINS:
        return False
    return not (sign.text == "×" and last.text[-1:].isdigit() and following.text[:1].isdigit())


def _grouped(last: Piece | None, piece: Piece, following: Piece | None) -> bool:
    """Whether a fraction is followed by what would seem to stand under its bar, or is itself under another."""
    if piece.kind != "fraction":
        return False
    before = last is not None and last.kind in ("function", "slash")
    return before or (following is not None and following.kind in _BEGINS and following.kind != "sign")


def _parted(last: Piece, piece: Piece, *, gap: bool, tight: bool) -> bool:
    """Whether there is a space between two pieces of which none is a sign between operands."""
    if last.kind == "open" or piece.kind in ("close", "comma", "mark", "slash") or last.kind == "slash":
        return False
    if "relation" in (last.kind, piece.kind):
        return not tight and last.kind != piece.kind
    if last.kind == "comma":
        return not tight
    if last.kind == "sign" or piece.kind == "sign":
        return gap and not tight
    if gap or piece.kind == "function":
        return True
    if piece.kind == "open":
        return last.level == RAISED
    return _sticks_out(last, piece)


def _sticks_out(last: Piece, piece: Piece) -> bool:
    """Whether two operands side by side would read as one."""
    if last.kind == "function":
        return True
    if last.text in _PREFIXES or (last.kind == "close" and last.level == WHOLE):
        return False
    if last.text in _DIGITS and piece.text[:1] in _DIGITS:
        return False
    return len(last.text) > 1 or len(piece.text) > 1
