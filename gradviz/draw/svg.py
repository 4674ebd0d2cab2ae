"""A scene as SVG: outlines shared, every formula with its LaTeX, every text of a user escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from zlib import crc32

import numpy as np

from gradviz.draw.geometry import Point, Rect
from gradviz.draw.glyphs import Rule, Text
from gradviz.draw.scene import PlacedEdge, PlacedText, Scene
from gradviz.draw.theme import Theme
from gradviz.draw.typeset import OUTLINES

FALLBACK_FONTS = (
    ",".join(
        f"'{family}'"
        for family in (
            "Noto Serif CJK SC",
            "Noto Sans CJK SC",
            "Songti SC",
            "SimSun",
            "WenQuanYi Micro Hei",
            "Noto Serif",
            "DejaVu Serif",
            "Liberation Serif",
            "Times New Roman",
            "DejaVu Sans",
            "Arial",
        )
    )
    + ",serif"
)
"""For what STIX Two lacks: fonts for Chinese first, then one that every system has, from which a renderer
falls back to whichever font has the character."""


def to_svg(scene: Scene, theme: Theme, more: Iterable[str] = ()) -> str:
    """Return a scene as an SVG document; the same scene gives the same text.

    Args:
        scene: what to draw.
        theme: its colors.
        more: further glyphs to define.
    """
    glyphs = dict.fromkeys(glyph.id for text in scene.texts for glyph in text.typeset.glyphs) | dict.fromkeys(more)
    title, description = _clean(scene.title), _clean(scene.description)
    key = f"{crc32(f'{title}{description}'.encode()):08x}"
    width, height = _number(scene.width), _number(scene.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title-{key} desc-{key}">',
        f'<title id="title-{key}">{title}</title>',
        f'<desc id="desc-{key}">{description}</desc>',
        "<defs>",
        *(f'<path id="{short_name(glyph)}" d="{OUTLINES[glyph]}"/>' for glyph in glyphs),
        "</defs>",
        f'<rect class="paper" width="{width}" height="{height}" fill="{theme.paper}"/>',
        *_edges(scene, theme),
        *_boxes(scene, theme),
        *_blanks(scene, theme),
        *_texts(scene, theme),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@lru_cache(maxsize=512)
def short_name(glyph: str) -> str:
    """Return the name that a glyph has in a document: its number in the font.

    It is the same in every figure, since an HTML page may hold several, and takes a name's first meaning for all.
    """
    return f"gv{np.base_repr(int(glyph.rpartition('_')[2]), 36).lower()}"


def by_kind(texts: Iterable[PlacedText]) -> list[list[PlacedText]]:
    """Return texts in the order in which a document has them: those of one kind and size together."""
    found: dict[tuple[str, float], list[PlacedText]] = {}
    for text in texts:
        found.setdefault((text.kind, text.size), []).append(text)
    return list(found.values())


def _edges(scene: Scene, theme: Theme) -> Iterator[str]:
    """Lines, the important ones on top."""
    yield '<g fill="none" stroke-linecap="round">'
    for lit, live in ((False, False), (False, True), (True, False), (True, True)):
        edges = [edge for edge in scene.edges if (edge.lit, edge.live) == (lit, live)]
        if edges:
            width = 3.2 if lit else 1.6 if live else 1
            yield f'<g stroke="{theme.line if live or lit else theme.faint_line}" stroke-width="{width}">'
            for edge in edges:
                key, route = f"{edge.parent}/{edge.slot}", _route(edge)
                yield f'<path class="{_with_faint("edge", live)}" data-edge="{key}" d="{route}"/>'
            yield "</g>"
    yield "</g>"


def _with_faint(name: str, live: bool) -> str:
    return name if live else f"{name} faint"


def _route(edge: PlacedEdge) -> str:
    first, *rest = edge.points
    path = f"M{_pair(first)}{'L' if len(edge.points) == 2 else 'C'}{' '.join(map(_pair, rest))}"
    return path.replace(" -", "-")


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _boxes(scene: Scene, theme: Theme) -> Iterator[str]:
    for live in (True, False):
        boxes = [box for box in scene.boxes if box.live == live]
        if boxes:
            yield f'<g fill="{theme.box}" stroke="{theme.border if live else theme.faint_line}" stroke-width="1.5">'
            for box in boxes:
                yield f'<rect class="{_with_faint("box", live)}" data-node="{box.key}" {_extent(box.rect)} rx="7"/>'
            yield "</g>"


def _blanks(scene: Scene, theme: Theme) -> Iterator[str]:
    for rect in scene.blanks:
        yield (
            f'<rect class="blank" {_extent(rect)} rx="3" fill="{theme.paper}" stroke="{theme.quiet}" '
            'stroke-width="1.2" stroke-dasharray="4 3"/>'
        )


def _extent(rect: Rect) -> str:
    sizes = {"x": rect.left, "y": rect.top, "width": rect.width, "height": rect.height}
    return " ".join(f'{name}="{_number(size)}"' for name, size in sizes.items())


def _texts(scene: Scene, theme: Theme) -> Iterator[str]:
    """Formulas, those of one kind in a group that has their color, in units of a thousandth of their em."""
    for texts in by_kind(scene.texts):
        kind, scale = texts[0].kind, _number(texts[0].size / 1000, 5)
        yield f'<g class="{kind}" fill="{theme.color(kind)}" transform="scale({scale})">'
        yield from map(_text, texts)
        yield "</g>"


def _text(text: PlacedText) -> str:
    """One formula with its LaTeX."""
    shows = f' data-shows="{text.shows}"' if text.shows else ""
    place = f"{_thousandths(text.x / text.size)} {_thousandths(text.y / text.size)}"
    inside = []
    for glyph in text.typeset.glyphs:
        x, y = _thousandths(glyph.x), _thousandths(glyph.y)
        if abs(glyph.scale - 1) < 1e-6:
            where = (f' x="{x}"' if x else "") + (f' y="{y}"' if y else "")
        else:
            where = f' transform="translate({x} {y}) scale({_number(glyph.scale, 3)})"'
        inside.append(f'<use href="#{short_name(glyph.id)}"{where}/>')
    inside.extend(_rule(rule) for rule in text.typeset.rules)
    inside.extend(_real_text(piece) for piece in text.typeset.texts)
    return (
        f'<g data-owner="{text.owner}"{shows} data-tex="{_clean(text.tex)}" '
        f'transform="translate({place})">{"".join(inside)}</g>'
    )


def _thousandths(length: float) -> int:
    return round(length * 1000)


def _rule(rule: Rule) -> str:
    width, height = _thousandths(rule.width), _thousandths(rule.height)
    return f'<path d="M{_thousandths(rule.x)} {_thousandths(rule.y)}h{width}v{height}h{-width}z"/>'


def _real_text(piece: Text) -> str:
    """Characters without outlines, fitted into the width that was measured for them."""
    return (
        f'<text x="{_thousandths(piece.x)}" y="{_thousandths(piece.y)}" font-size="{_thousandths(piece.scale)}" '
        f'textLength="{_thousandths(piece.width)}" lengthAdjust="spacingAndGlyphs" '
        f'font-family="{FALLBACK_FONTS}">{_clean(piece.text)}</text>'
    )


_MOST_CARRIED = 2000


def _clean(text: str) -> str:
    """Escape a text, without the characters that XML forbids; very long ones are cut."""
    allowed = "".join(
        char
        for char in text[:_MOST_CARRIED]
        if char in "\t\n" or (ord(char) >= 0x20 and not 0x7F <= ord(char) <= 0x9F and not 0xD800 <= ord(char) <= 0xDFFF)
        if ord(char) not in (0xFFFE, 0xFFFF)
    )
    return escape(allowed, quote=True)


def _number(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
