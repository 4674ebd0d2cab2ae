"""Typesetting: LaTeX becomes glyph outlines at measured places, in STIX Two, without any font installed.

ziamath does the mathematics. What its font lacks (CJK, emoji, most scripts) is reserved a place by a
stand-in letter and becomes real text there; LaTeX that ziamath cannot read is set as plain text.
All lengths are in em; y grows downward from the baseline.
"""

from __future__ import annotations

import re
import string
import unicodedata
import warnings
from dataclasses import astuple
from functools import lru_cache
from itertools import accumulate
from typing import Any

from gradviz.draw.cache import Cache, cache_folder
from gradviz.draw.glyphs import Glyph, Rule, Text, Typeset
from gradviz.draw.numerals import Numerals
from gradviz.draw.outline import compact

_EM = 100.0  # the size at which ziamath is asked, so that its rounding does not show
_MOST_CHARACTERS = 400
_MOST_PLAIN = 60
_MOST_REMEMBERED = 300
_DEEPEST = 8  # ziamath takes twice as long for every level of nesting
_WIDE, _NARROW = "Ш", "в"  # stand-ins: covered letters about 1 em and 0.5 em wide
_ESCAPES = re.compile(r"\\([_&#%$])|\\([\^~])\{\}")
_GROUP = r"\{((?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{[^{}]*\})*\})*)\}"
_BOLD_WORD = re.compile(rf"\\mathbf{_GROUP}")
_BOLD_SYMBOLS = re.compile(rf"\\boldsymbol{_GROUP}")
_SCRIPT = re.compile(r"\\mathcal\{([A-Za-z]+)\}")
_WORD_LETTER = re.compile(r"\\[A-Za-z]+|([A-Za-z0-9])")
_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_UPRIGHT = {ord(char): 0x1D400 + place for place, char in enumerate(_LETTERS)}
_UPRIGHT |= {ord(char): 0x1D7CE + place for place, char in enumerate(string.digits)}
_BOLD_SCRIPT = {ord(char): 0x1D4D0 + place for place, char in enumerate(_LETTERS)}
_ITALIC = {r"\phi": "\N{MATHEMATICAL ITALIC PHI SYMBOL}", r"\epsilon": "\N{MATHEMATICAL ITALIC EPSILON SYMBOL}"}
_GREEK = re.compile(r"\\(?:phi|epsilon)(?![A-Za-z])")
_NESTING = re.compile(r"\\[{}]|(\\begin\b|\\left\b|\{)|(\\end\b|\\right\b|\})")
_HAT = re.compile(r"(<mover[^>]*>(?:<mrow>)?<mi[^>]*>[^<]*</mi>(?:</mrow>)?)<mo>&#x00302;")
_ACCENTED_POWER = re.compile(r"(\\(?:tilde|hat|bar|dot|ddot|check|vec)\{\w\}(?:_(?:\w|\{[^{}]*\}))?)\^\{(\w)\}(?!\w)")
_UNARY_MINUS = re.compile(r"(^|[=\[({<>&,]|\\\\|\\ |\\(?:le|ge|neq)\s)(\s*)-")


class _Outlines(dict[str, str]):
    """Paths by glyph id, in thousandths of an em; filled as formulas are typeset."""


OUTLINES = _Outlines()


@lru_cache(maxsize=8192)
def typeset(tex: str, text: str) -> Typeset:
    """Typeset a formula, or remember how it was typeset before; numbers are put together from known glyphs.

    Args:
        tex: LaTeX math.
        text: the same as plain text, used where the LaTeX cannot be read.
    """
    return _numerals().set(tex) or _numerals().set_indices(tex) or _remembered(tex, text)


def numeral_pieces() -> dict[str, tuple[str, float, float]]:
    """Return for each character of numbers and arrays: its glyph, where it begins, the advance, em."""
    return _numerals().pieces()


@lru_cache(maxsize=1)
def _numerals() -> Numerals:
    return Numerals(lambda tex: _remembered(tex, tex))


@lru_cache(maxsize=8192)
def _remembered(tex: str, text: str) -> Typeset:
    key = f"{tex}\n{text}"
    try:
        known = _from_plain(*_cache().formulas[key])
        OUTLINES.update({glyph.id: _cache().outlines[glyph.id] for glyph in known.glyphs})
    except (KeyError, TypeError, ValueError, AttributeError):
        known = _typeset(tex, text)
        if len(key) <= _MOST_REMEMBERED:
            outlines = {glyph.id: OUTLINES[glyph.id] for glyph in known.glyphs}
            _cache().put(key, [*astuple(known)], outlines)
    return known


def remember() -> None:
    """Keep what was typeset for the next run."""
    _cache().save_soon()


@lru_cache(maxsize=1)
def _cache() -> Cache:
    return Cache(cache_folder())


def _from_plain(width: float, ascent: float, descent: float, *parts: Any) -> Typeset:
    glyphs, rules, texts = parts
    return Typeset(
        float(width),
        float(ascent),
        float(descent),
        tuple(Glyph(str(glyph[0]), *map(float, glyph[1:])) for glyph in glyphs),
        tuple(Rule(*map(float, rule)) for rule in rules),
        tuple(Text(str(text[0]), *map(float, text[1:])) for text in texts),
    )


def _typeset(tex: str, text: str) -> Typeset:
    cleaned = _visible(tex)
    if len(cleaned) > _MOST_CHARACTERS or _depth(cleaned) > _DEEPEST:
        return _plain(text)
    source, replaced = _with_stand_ins(_as_latex_would(cleaned))
    try:
        return _from_ziamath(source, replaced)
    except Exception:  # whatever a parser may raise for a user's LaTeX: it is drawn as text
        return _plain(text)


def _depth(tex: str) -> int:
    """Return how deeply groups, tall brackets and environments are nested."""
    change = ((opening != "") - (closing != "") for opening, closing in _NESTING.findall(tex))
    return max(accumulate(change), default=0)


def _as_latex_would(tex: str) -> str:
    """Rewrite what ziamath sets otherwise than LaTeX: signs, powers, bold words, digits, scripts, variants."""
    tex = _UNARY_MINUS.sub(r"\1\2{-}", tex)
    tex = _ACCENTED_POWER.sub(r"\1^\2", tex)  # a power in braces would rise over the accent
    tex = _BOLD_WORD.sub(_bold_word, tex)
    tex = _BOLD_SYMBOLS.sub(lambda match: _SCRIPT.sub(lambda one: one[1].translate(_BOLD_SCRIPT), match[0]), tex)
    return tex if "bold" in tex else _GREEK.sub(lambda match: _ITALIC[match[0]], tex)


def _bold_word(match: re.Match[str]) -> str:
    """Set words and digits upright; a single letter is left to ziamath, which sets it in italics."""
    letters = "".join(_WORD_LETTER.findall(match[1]))
    if len(letters) < 2 and not letters.isdigit():
        return match[0]
    return f"{{{_WORD_LETTER.sub(lambda one: (one[1] or '').translate(_UPRIGHT) or one[0], match[1])}}}"


def _visible(text: str) -> str:
    """Drop control characters, surrogates and invisible format characters (bidirectional marks, joiners)."""
    return "".join(char for char in text if unicodedata.category(char)[0] != "C")


@lru_cache(maxsize=1)
def _ziamath() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its use of an old importlib function is nothing to a user
        import ziamath
        import ziamath.tex
        from ziamath.config import config

    config.svg2 = True
    config.precision = 4
    return ziamath


@lru_cache(maxsize=1)
def _font() -> Any:
    return _ziamath().Latex("x", size=_EM).font


def _covered(char: str) -> bool:
    return char.isascii() or bool(_font().glyphindex(char))


def _stand_in(char: str) -> str:
    return _WIDE if unicodedata.east_asian_width(char) in "WF" or ord(char) > 0xFFFF else _NARROW


def _with_stand_ins(tex: str) -> tuple[str, list[str]]:
    """Replace what ziamath cannot set by stand-in letters; return the characters they stand for, in order."""
    replaced: list[str] = []

    def put(char: str) -> str:
        replaced.append(char)
        return _stand_in(char)

    pieces: list[str] = []
    place = 0
    while place < len(tex):
        escape = _ESCAPES.match(tex, place)
        if escape:
            pieces.append(put(escape[1] or escape[2]))
            place = escape.end()
            continue
        char = tex[place]
        mark = unicodedata.combining(char)
        if mark and replaced:
            replaced[-1] += char
        elif not mark:
            pieces.append(char if _covered(char) and char not in (_WIDE, _NARROW) else put(char))
        place += 1
    return "".join(pieces), replaced


def _from_ziamath(source: str, replaced: list[str]) -> Typeset:
    if not source.strip():
        return Typeset(0.0, 0.0, 0.0)
    svg = _ziamath().Math(_with_narrow_hats(_ziamath().tex.tex2mml(source)), size=_EM).svgxml()
    boxes: dict[str, tuple[float, float]] = {}
    glyphs: list[Glyph] = []
    rules: list[Rule] = []
    texts: list[Text] = []
    waiting = iter(replaced)
    stand_ins = {_glyph_id(char): char for char in (_WIDE, _NARROW)}
    for element in svg:
        tag = element.tag.rpartition("}")[2]
        if tag == "symbol":
            name = element.attrib["id"]
            _, top, _, height = map(float, element.attrib["viewBox"].split())
            boxes[name] = (top, height)
            if name not in OUTLINES:  # a very tall bracket is put together from several paths
                OUTLINES[name] = compact(" ".join(part.attrib["d"] for part in element.iter() if "d" in part.attrib))
        elif tag == "use":
            name = element.attrib["href"][1:]
            top, height = boxes[name]
            scale = float(element.attrib["height"]) / height * 12 / _EM
            x = float(element.attrib["x"]) / _EM
            y = (float(element.attrib["y"]) - top * float(element.attrib["height"]) / height) / _EM
            if name in stand_ins:
                _put(next(waiting), x, y, _advance(stand_ins[name]) * scale, scale, glyphs, texts)
            elif OUTLINES[name]:
                glyphs.append(Glyph(name, x, y, scale))
        elif tag == "rect":
            rules.append(Rule(*(float(element.attrib[key]) / _EM for key in ("x", "y", "width", "height"))))
        else:
            raise ValueError(f"an element {tag} that is not expected")
    left, top, width, height = (float(part) / _EM for part in svg.attrib["viewBox"].split())
    width = max(width + left, width) - 0.02
    return Typeset(width, -top, height + top, tuple(glyphs), tuple(rules), tuple(_merged(texts)))


def _with_narrow_hats(mathml: str) -> str:
    """Set a hat over one letter as LaTeX does; ziamath would take a wide one."""
    return _HAT.sub(r'\1<mo stretchy="false">&#710;', mathml)


def _put(char: str, x: float, y: float, width: float, scale: float, glyphs: list[Glyph], texts: list[Text]) -> None:
    """Put a character where its stand-in stood: its outline, centered, if the font has it, else real text."""
    if len(char) == 1 and _covered(char):
        glyphs.append(Glyph(_glyph_id(char), x + (width - _advance(char) * scale) / 2, y, scale))
    else:
        texts.append(Text(char, x, y, width, scale))


def _merged(texts: list[Text]) -> list[Text]:
    """Join neighbors on one line, so that scripts that join their letters can."""
    found: list[Text] = []
    for text in texts:
        last = found[-1] if found else None
        if last and last.y == text.y and last.scale == text.scale and abs(last.x + last.width - text.x) < 0.02:
            found[-1] = Text(last.text + text.text, last.x, last.y, text.x + text.width - last.x, last.scale)
        else:
            found.append(text)
    return found


def _glyph_id(char: str) -> str:
    glyph = _font().glyph(char)
    name = str(glyph.id)
    if name not in OUTLINES:
        path = next((part for part in glyph.svgsymbol() if part.tag.rpartition("}")[2] == "path"), None)
        OUTLINES[name] = compact(path.attrib["d"]) if path is not None else ""
    return name


@lru_cache(maxsize=1024)
def _advance(char: str) -> float:
    return float(_font().glyph(char).advance()) / 1000


def _plain(text: str) -> Typeset:
    """Set any text upright, character by character."""
    shown = " ".join(_visible(text).split())
    if len(shown) > _MOST_PLAIN:
        shown = shown[: _MOST_PLAIN - 1] + "…"
    x = 0.0
    glyphs: list[Glyph] = []
    texts: list[Text] = []
    for char in shown:
        if unicodedata.combining(char) and texts:
            last = texts[-1]
            texts[-1] = Text(last.text + char, last.x, last.y, last.width, last.scale)
            continue
        width = _advance(char if _covered(char) else _stand_in(char))
        if char != " ":
            _put(char, x, 0.0, width, 1.0, glyphs, texts)
        x += width
    return Typeset(x, 0.72, 0.22, tuple(glyphs), (), tuple(_merged(texts)))
