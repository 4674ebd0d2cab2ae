"""What a typeset formula is made of. All lengths are in em; y grows downward from the baseline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph of the font at a place, scaled."""

    id: str
    x: float
    y: float
    scale: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A filled rectangle, such as the bar of a fraction."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that the font lacks: real text, to be fitted into a width."""

    text: str
    x: float
    y: float
    width: float
    scale: float


@dataclass(frozen=True, slots=True)
class Typeset:
    """A typeset formula: its extent from the origin on the baseline, and what it is drawn with."""

    width: float
    ascent: float
    descent: float
    glyphs: tuple[Glyph, ...] = ()
    rules: tuple[Rule, ...] = ()
    texts: tuple[Text, ...] = ()
