r"""Numbers set from glyphs that were measured once: most labels of a picture are numbers.

`f_{3} = -0.25` and `[0.2,\ 0.3]` are put together here from the advances that the typesetter itself gave
for a few patterns, so that they look the same and cost microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from gradviz.core.format import MINUS
from gradviz.draw.glyphs import Glyph, Typeset

_NUMBER = r"-?\d+(?:\.\d+)?"
_LABEL = re.compile(rf"(?:([fg])_{{(\d+)}} = )?({_NUMBER}|\[{_NUMBER}(?:,\\ {_NUMBER})*\])")
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A glyph and how far the pen moves on after it."""

    glyph: Glyph
    advance: float


class _Pen:
    def __init__(self) -> None:
        self.x = 0.0
        self.glyphs: list[Glyph] = []

    def put(self, piece: _Piece) -> None:
        glyph = piece.glyph
        self.glyphs.append(Glyph(glyph.id, self.x, glyph.y, glyph.scale))
        self.x += piece.advance


class Numerals:
    """Sets numbers, with glyphs and advances taken from the typesetter.

    Args:
        typeset: sets any formula, slowly.
    """

    def __init__(self, typeset: Callable[[str], Typeset]) -> None:
        self._typeset = typeset

    def set(self, tex: str) -> Typeset | None:
        """Return a label that is nothing but numbers, None for any other."""
        match = _LABEL.fullmatch(tex)
        if match is None:
            return None
        letter, index, numbers = match.groups()
        pen = _Pen()
        lines = [self._plain]
        if letter:
            lines.append(self._prefix(letter, index, pen))
        if numbers[0] == "[":
            lines.append(self._brackets)
        signs = self._signs
        for char in numbers.replace(r"\ ", ""):
            pen.put(signs[char])
        return Typeset(
            pen.x,
            max(line.ascent for line in lines),
            max(line.descent for line in lines),
            tuple(pen.glyphs),
        )

    def pieces(self) -> dict[str, tuple[str, float, float]]:
        """Return for each character that a number or array may hold: its glyph, where it begins, the advance."""
        found = {char: (piece.glyph.id, 0.0, piece.advance) for char, piece in self._signs.items()}
        found[MINUS] = found.pop("-")
        for tex, chars in ((r"\mathrm{NaN}0", "NaN"), (r"\infty 0", "∞"), (r"\|\cdot\| = 0", "‖·‖=")):
            glyphs = self._typeset(tex).glyphs
            for char, glyph, after in zip(chars, glyphs, glyphs[1:], strict=False):
                found.setdefault(char, (glyph.id, 0.0, after.x - glyph.x))
        before, sign, after = self._typeset(r"0 \times 0").glyphs  # the spaces that a sign has on both sides
        gap = sign.x - before.x - found["0"][2]
        found["×"] = (sign.id, gap, after.x - sign.x + gap)
        return found

    def _prefix(self, letter: str, index: str, pen: _Pen) -> Typeset:
        """Set "f_{12} = "."""
        pattern = self._typeset(rf"{letter}_{{{_DIGITS}0}} = 0")
        head, *digits, equals, _ = pattern.glyphs
        steps = [after.x - digit.x for digit, after in pairwise(digits)]
        pen.put(_Piece(head, digits[0].x - head.x))
        for digit in map(int, index):
            pen.put(_Piece(digits[digit], steps[digit]))
        pen.x += equals.x - digits[-1].x - steps[0]
        pen.put(_Piece(equals, pattern.glyphs[-1].x - equals.x))
        return pattern

    @property
    def _plain(self) -> Typeset:
        return self._typeset(f"{_DIGITS}.0")

    @property
    def _brackets(self) -> Typeset:
        return self._typeset(r"[0,\ 0]")

    @property
    def _signs(self) -> dict[str, _Piece]:
        return _signs(self._plain, self._typeset("{-}0"), self._brackets)


@lru_cache(maxsize=4)
def _signs(plain: Typeset, minus: Typeset, brackets: Typeset) -> dict[str, _Piece]:
    """Read the pieces of numbers off the patterns."""
    found = {
        char: _Piece(glyph, after.x - glyph.x)
        for char, glyph, after in zip(f"{_DIGITS}.", plain.glyphs, plain.glyphs[1:], strict=False)
    }
    found["-"] = _Piece(minus.glyphs[0], minus.glyphs[1].x)
    opening, _, comma, after, closing = brackets.glyphs
    found["["] = _Piece(opening, brackets.glyphs[1].x)
    found[","] = _Piece(comma, after.x - comma.x)
    found["]"] = _Piece(closing, brackets.width - closing.x)
    return found
