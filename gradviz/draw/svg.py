"""A scene as SVG: outlines shared, every formula with its LaTeX, every text of a user escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from zlib import crc32

from gradviz.draw.geometry import Point
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
        *(_text(text, theme) for text in scene.texts),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def short_name(glyph: str) -> str:
    """Return the name that a glyph has in a document: its number in the font.

    It is the same in every figure, since an HTML page may hold several, and takes a name's first meaning for all.
    """
    return f"stix{glyph.rpartition('_')[2]}"


def _edges(scene: Scene, theme: Theme) -> Iterator[str]:
    yield '<g fill="none" stroke-linecap="round">'
    for edge in sorted(scene.edges, key=lambda edge: (edge.lit, edge.live)):  # the important lines on top
        color = theme.line if edge.live or edge.lit else theme.faint_line
        width = 3.2 if edge.lit else 1.6 if edge.live else 1.0
        yield (
            f'<path class="{_with_faint("edge", edge.live)}" data-edge="{edge.parent}/{edge.slot}" d="{_route(edge)}" '
            f'stroke="{color}" stroke-width="{width}"/>'
        )
    yield "</g>"


def _with_faint(name: str, live: bool) -> str:
    return name if live else f"{name} faint"


def _route(edge: PlacedEdge) -> str:
    def pair(point: Point) -> str:
        return f"{_number(point[0])} {_number(point[1])}"

    first, *rest = edge.points
    return f"M{pair(first)}{'L' if len(edge.points) == 2 else 'C'}{' '.join(map(pair, rest))}"


def _boxes(scene: Scene, theme: Theme) -> Iterator[str]:
    for box in scene.boxes:
        stroke = theme.border if box.live else theme.faint_line
        yield (
            f'<rect class="{_with_faint("box", box.live)}" data-node="{box.key}" x="{_number(box.rect.left)}" '
            f'y="{_number(box.rect.top)}" '
            f'width="{_number(box.rect.width)}" height="{_number(box.rect.height)}" rx="7" fill="{theme.box}" '
            f'stroke="{stroke}" stroke-width="1.5"/>'
        )


def _blanks(scene: Scene, theme: Theme) -> Iterator[str]:
    for rect in scene.blanks:
        yield (
            f'<rect class="blank" x="{_number(rect.left)}" y="{_number(rect.top)}" width="{_number(rect.width)}" '
            f'height="{_number(rect.height)}" rx="3" fill="{theme.paper}" stroke="{theme.quiet}" '
            'stroke-width="1.2" stroke-dasharray="4 3"/>'
        )


def _text(text: PlacedText, theme: Theme) -> str:
    """One formula: a group in units of a thousandth of an em, with its LaTeX."""
    scale = _number(text.size / 1000, 5)
    shows = f' data-shows="{text.shows}"' if text.shows else ""
    inside = []
    for glyph in text.typeset.glyphs:
        x, y = round(glyph.x * 1000), round(glyph.y * 1000)
        if abs(glyph.scale - 1) < 1e-6:
            where = f'x="{x}"' + (f' y="{y}"' if y else "")
        else:
            where = f'transform="translate({x} {y}) scale({_number(glyph.scale, 3)})"'
        inside.append(f'<use href="#{short_name(glyph.id)}" {where}/>')
    inside.extend(_rule(rule) for rule in text.typeset.rules)
    inside.extend(_real_text(piece) for piece in text.typeset.texts)
    return (
        f'<g class="{text.kind}" data-owner="{text.owner}"{shows} data-tex="{_clean(text.tex)}" '
        f'transform="translate({_number(text.x)} {_number(text.y)}) scale({scale})" '
        f'fill="{theme.color(text.kind)}">{"".join(inside)}</g>'
    )


def _rule(rule: Rule) -> str:
    width, height = round(rule.width * 1000), round(rule.height * 1000)
    return f'<path d="M{round(rule.x * 1000)} {round(rule.y * 1000)}h{width}v{height}h{-width}z"/>'


def _real_text(piece: Text) -> str:
    """Characters without outlines, fitted into the width that was measured for them."""
    return (
        f'<text x="{round(piece.x * 1000)}" y="{round(piece.y * 1000)}" font-size="{round(piece.scale * 1000)}" '
        f'textLength="{round(piece.width * 1000)}" lengthAdjust="spacingAndGlyphs" '
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
