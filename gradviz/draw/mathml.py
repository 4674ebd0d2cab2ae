r"""Formulas for a browser: LaTeX as MathML, each hole an empty element that the page fills with its number.

latex2mathml does the reading. What it returns is rebuilt element by element from a list of what may be there,
so that no LaTeX of a user's becomes a link, a style or markup.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from gradviz.core.holes import HOLE, MODES
from gradviz.core.plain import tex_to_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_FIRST_HOLE = 0xF0000  # a private character stands for each hole while the formula is read
_ACCENTS = {r"\^{}": "\uf000", r"\~{}": "\uf001"}  # to latex2mathml they are accents, here they are signs
_SIGNS = {ord(char): accent[1] for accent, char in _ACCENTS.items()}
_CONTAINERS = set("mrow msub msup msubsup mover munder munderover mfrac msqrt mroot mtable mtr mtd mpadded".split())
_TOKENS = set("mi mn mo mtext".split())
_KEPT = {"stretchy", "fence", "form", "width", "columnalign", "linethickness", "accent", "minsize", "maxsize"}
_PLAIN = re.compile(r"[\w .%+-]*")
_BOLD = {"bold": "MATHEMATICAL BOLD", "bold-italic": "MATHEMATICAL BOLD ITALIC"}
_MOST_CHARACTERS = 2000


@lru_cache(maxsize=8192)
def to_mathml(tex: str) -> str:
    r"""Return a formula as a ``math`` element; LaTeX that cannot be read is set as text.

    Args:
        tex: LaTeX math, perhaps with holes (`gradviz.core.holes`).

    Example:
        >>> to_mathml(r"w_{1}")
        '<math><msub><mi>w</mi><mn>1</mn></msub></math>'
    """
    from latex2mathml.converter import convert_to_element

    holes: list[tuple[str, str]] = []

    def mark(match: re.Match[str]) -> str:
        holes.append((MODES[match[1]], match[2]))
        return f"{{{chr(_FIRST_HOLE + len(holes) - 1)}}}"

    source = HOLE.sub(mark, tex)
    if len(source) > _MOST_CHARACTERS:
        return f"<math><mtext>{escape(tex_to_text(tex)[:_MOST_CHARACTERS])}…</mtext></math>"
    for accent, char in _ACCENTS.items():
        source = source.replace(accent, char)
    try:
        return f"<math>{_inside(convert_to_element(source), holes)}</math>"
    except Exception:  # whatever a parser may raise for a user's LaTeX: it is shown as text
        return f"<math><mtext>{escape(tex_to_text(tex))}</mtext></math>"


def _inside(element: Element, holes: list[tuple[str, str]]) -> str:
    """Write the children of an element; letters that make a word become one identifier."""
    if element.tag not in ("math", "mrow"):  # a script or a fraction counts its children
        return "".join(_element(child, holes) for child in element)
    parts: list[str] = []
    word = ""
    for place, child in enumerate(element):
        if _is_sign(child) and (place == 0 or element[place - 1].tag == "mo"):
            child.set("form", "prefix")
        if child.tag == "mi" and child.get("mathvariant") == "normal" and len(child.text or "") == 1:
            word += child.text or ""
            continue
        parts += [*_word(word), _element(child, holes)]
        word = ""
    return "".join([*parts, *_word(word)])


def _is_sign(element: Element) -> bool:
    """Whether it is a minus, which after an operator is a sign: browsers see that only in a row of its own."""
    return element.tag == "mo" and _unescaped(element.text or "") in ("-", "\N{MINUS SIGN}")


def _word(letters: str) -> list[str]:
    variant = ' mathvariant="normal"' if len(letters) == 1 else ""
    return [f"<mi{variant}>{_clean(letters)}</mi>"] if letters else []


def _element(element: Element, holes: list[tuple[str, str]]) -> str:
    tag = element.tag
    if tag in _TOKENS and len(element):  # \mathrel and its like put elements into an operator
        return f"<mrow>{''.join(_element(child, holes) for child in element)}</mrow>"
    if tag in _TOKENS:
        text = element.text or ""
        place = ord(text) - _FIRST_HOLE if len(text) == 1 else -1
        if 0 <= place < len(holes):
            mode, source = holes[place]
            return f'<mrow data-hole="{source}"{" data-apart" if mode == "apart" else ""}></mrow>'
        variant = element.get("mathvariant", "")
        if variant in _BOLD:
            return f"<{tag}>{_clean(_bold(text, variant))}</{tag}>"
        kept = ' mathvariant="normal"' if variant == "normal" and len(text) == 1 else ""
        return f"<{tag}{kept}{_attributes(element)}>{_clean(text)}</{tag}>"
    if tag == "mspace":
        return f"<mspace{_attributes(element)}></mspace>"
    inside = _inside(element, holes)
    if tag == "mrow" and (len(element) == 1 or not inside):
        return inside or "<mrow></mrow>"
    return f"<{tag}{_attributes(element)}>{inside}</{tag}>" if tag in _CONTAINERS else f"<mrow>{inside}</mrow>"


def _attributes(element: Element) -> str:
    return "".join(f' {name}="{value}"' for name, value in element.items() if name in _KEPT and _PLAIN.fullmatch(value))


def _bold(text: str, variant: str) -> str:
    """Return the mathematical bold letters, as browsers know no other bold in formulas."""
    return "".join(_bold_letter(char, variant) for char in text)


def _bold_letter(char: str, variant: str) -> str:
    name = unicodedata.name(char, "")
    case = "CAPITAL" if char.isupper() else "DIGIT" if char.isdigit() else "SMALL"
    style = "MATHEMATICAL BOLD" if char.isdigit() else _BOLD[variant]
    try:
        return unicodedata.lookup(f"{style} {case} {name.rpartition(' ')[2]}")
    except KeyError:
        return char


def _clean(text: str) -> str:
    """Escape a text, without the marks of entities and without invisible characters."""
    return escape("".join(char for char in _unescaped(text) if unicodedata.category(char)[0] != "C"))


def _unescaped(text: str) -> str:
    return re.sub(r"&#x([0-9A-Fa-f]+);", lambda match: chr(int(match[1], 16)), text).translate(_SIGNS)
