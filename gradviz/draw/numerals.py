r"""Numbers set from glyphs that were measured once: most labels of a picture are numbers.

`f_{3} = -0.25`, `[0.2,\ 3\times 10^{-5}]` and `3{\times}5,\ \|\cdot\| = 3.35` are put together here from the
advances that the typesetter itself gave for a few patterns, so that they look the same and cost microseconds.
Of `\sigma(f_{12})` it is the index: the formula is typeset once for all indices that are as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from gradviz.core.format import MINUS
from gradviz.draw.glyphs import Glyph, Typeset

_DIGITS = "0123456789"
_NUMBER = r"-?\d+(?:\.\d+)?(?:\\times 10\^\{-?\d+\})?"
_BY, _NORM = r"{\times}", r"\|\cdot\| = "
_SHAPE = rf"\d+(?:{re.escape(_BY)}\d+)*,\\ {re.escape(_NORM)}"
_LABEL = re.compile(rf"(?:([fg])_{{(\d+)}} = )?((?:{_SHAPE})?{_NUMBER}|\[{_NUMBER}(?:,\\ {_NUMBER})*\])", re.ASCII)
_INDEX = re.compile(r"_\{(\d+)\}(?!\^)", re.ASCII)
_TOKEN = re.compile(rf"\\times 10\^\{{(-?\d+)\}}|({re.escape(_BY)}|{re.escape(_NORM)})|\\ |(.)")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A glyph, how far before it the pen moves on, and how far after it began."""

    glyph: Glyph
    advance: float
    before: float = 0.0


class _Pen:
    def __init__(self) -> None:
        self.x = 0.0
        self.glyphs: list[Glyph] = []

    def put(self, piece: _Piece) -> None:
        glyph = piece.glyph
        self.x += piece.before
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
        if "^" in numbers:
            lines.append(self._power)
        if "|" in numbers:
            lines.append(self._shape)
        for piece in self._pieces_of(numbers):
            pen.put(piece)
        return Typeset(
            pen.x,
            max(line.ascent for line in lines),
            max(line.descent for line in lines),
            tuple(pen.glyphs),
        )

    def set_indices(self, tex: str) -> Typeset | None:
        """Return a formula with numbers for indices; None for any other, or one that is not set on one line."""
        numbers = "".join(_INDEX.findall(tex))
        if not numbers or "bold" in tex or r"\begin" in tex:
            return None
        pattern = self._typeset(_INDEX.sub(lambda found: f"_{{{'0' * len(found[1])}}}", tex))
        _, lowered = self._index("f")
        zero = lowered[0].glyph
        places = [glyph.id == zero.id and glyph.scale == zero.scale and glyph.y > 0 for glyph in pattern.glyphs]
        if pattern.rules or pattern.texts or sum(places) != len(numbers):
            return None
        digits = map(int, numbers)
        moved = reached = 0.0
        glyphs = []
        for glyph, varies in zip(pattern.glyphs, places, strict=True):
            if glyph.x < reached:
                return None  # it does not stand behind the number, but over or under it
            digit = lowered[next(digits)] if varies else None
            glyphs.append(Glyph(digit.glyph.id if digit else glyph.id, glyph.x + moved, glyph.y, glyph.scale))
            if digit:
                moved += digit.advance - lowered[0].advance
                reached = glyph.x
        return Typeset(pattern.width + moved, pattern.ascent, pattern.descent, tuple(glyphs))

    def _pieces_of(self, numbers: str) -> Iterator[_Piece]:
        for token in _TOKEN.finditer(numbers):
            exponent, sign, char = token.groups()
            if exponent:
                yield from (self._times, self._signs["1"], self._signs["0"])
                yield from (self._raised[one] for one in exponent)
            elif sign:
                yield from self._of_shapes[sign]
            elif char:
                yield self._signs[char]

    def pieces(self) -> dict[str, tuple[str, float, float]]:
        """Return for each character that a number or array may hold: its glyph, where it begins, the advance."""
        times = self._times
        found = {char: (piece.glyph.id, 0.0, piece.advance) for char, piece in self._signs.items()}
        found[MINUS] = found.pop("-")
        found["×"] = (times.glyph.id, times.before, times.before + times.advance)
        more = {"NaN": _cut(self._typeset(r"\mathrm{NaN}0").glyphs), "∞": _cut(self._typeset(r"\infty 0").glyphs)}
        for chars, pieces in {**more, "‖·‖=": self._of_shapes[_NORM]}.items():
            for char, piece in zip(chars, pieces, strict=True):
                found.setdefault(char, (piece.glyph.id, 0.0, piece.advance))
        return found

    def _prefix(self, letter: str, index: str, pen: _Pen) -> Typeset:
        """Set "f_{12} = "."""
        pattern, digits = self._index(letter)
        head, *_, last, equals = _cut(pattern.glyphs)
        pen.put(head)
        for digit in map(int, index):
            pen.put(digits[digit])
        pen.x += last.advance - digits[0].advance
        pen.put(equals)
        return pattern

    def _index(self, letter: str) -> tuple[Typeset, list[_Piece]]:
        """Return the pattern of a letter with an index, and the index's digits."""
        pattern = self._typeset(rf"{letter}_{{{_DIGITS}0}} = 0")
        return pattern, [*_cut(pattern.glyphs)][1 : 1 + len(_DIGITS)]

    # The patterns, each followed by what is read off it, when it is first needed.

    @cached_property
    def _plain(self) -> Typeset:
        return self._typeset(f"{_DIGITS}.0")

    @cached_property
    def _brackets(self) -> Typeset:
        return self._typeset(r"[0,\ 0]")

    @cached_property
    def _signs(self) -> dict[str, _Piece]:
        found = dict(zip(f"{_DIGITS}.", _cut(self._plain.glyphs), strict=True))
        found["-"] = next(_cut(self._typeset("{-}0").glyphs))
        opening, _, comma, _ = _cut(self._brackets.glyphs)
        closing = self._brackets.glyphs[-1]
        return found | {"[": opening, ",": comma, "]": _Piece(closing, self._brackets.width - closing.x)}

    @cached_property
    def _power(self) -> Typeset:
        return self._typeset(rf"0\times 10^{{-{_DIGITS}0}}")

    @cached_property
    def _times(self) -> _Piece:
        before, times, after = self._power.glyphs[:3]
        return _Piece(times, after.x - times.x, times.x - before.x - self._signs["0"].advance)

    @cached_property
    def _raised(self) -> dict[str, _Piece]:
        return dict(zip(f"-{_DIGITS}", _cut(self._power.glyphs[4:]), strict=True))

    @cached_property
    def _shape(self) -> Typeset:
        return self._typeset(rf"0{_BY}0,\ {_NORM}0")

    @cached_property
    def _of_shapes(self) -> dict[str, list[_Piece]]:
        _, times, _, _, *norm = _cut(self._shape.glyphs)
        return {_BY: [times], _NORM: norm}


def _cut(glyphs: Iterable[Glyph]) -> Iterator[_Piece]:
    """Yield all glyphs of a line but the last, each with its distance to the next."""
    return (_Piece(glyph, after.x - glyph.x) for glyph, after in pairwise(glyphs))
