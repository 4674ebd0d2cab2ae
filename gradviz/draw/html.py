"""The page: one file that shows a graph's figure and walks through backpropagation, without a network.

Everything is in it: the figure, the steps as MathML with holes for their numbers, the graph's program, and the
scripts of the folder `web`. A content-security policy lets nothing else run, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gradviz.draw.page_parts import PageParts
from gradviz.draw.program import Walkthrough
from gradviz.draw.room import rooms
from gradviz.draw.scene import PlacedText, Scene
from gradviz.draw.svg import by_kind, short_name, to_svg
from gradviz.draw.theme import THEMES, Theme
from gradviz.draw.typeset import numeral_pieces

if TYPE_CHECKING:
    from gradviz.draw.picture import Source

LEARNING_RATE = 0.1
_BEFORE, _AFTER = ("arrays.js", "numbers.js", "walk.js"), ("page.js", "controls.js")
"""The scripts that the graph's program stands between."""
_PHASES = {
    "forward": "values rise from the leaves",
    "seed": "the output's adjoint",
    "backward": "adjoints fall from the output",
    "sum": "what comes back adds up",
    "gradient": "the gradient of a leaf",
    "update": "a parameter moves",
}
_HELP = (
    "Point at a node, or move to it with Tab, to see where its value and its adjoint come from. "
    "Click a leaf to light the paths to it."
)


def to_html(source: Source, scene: Scene, theme: Theme, *, live: bool = False) -> str:
    """Return the page of a graph.

    Args:
        source: the graph.
        scene: its picture.
        theme: the colors by day; by night, and where a reader wants it, the dark ones.
        live: whether the page asks its server for a newer one.
    """
    walk = Walkthrough.of(source.graph, source.values, LEARNING_RATE)
    if source.path or len(walk.given) < len(source.graph.leaf_ids):
        scene = source.again(walk.values)
    parts = PageParts(walk)
    paths, edges = parts.paths()
    pieces = numeral_pieces()
    data = walk.data(LEARNING_RATE) | {
        "labels": _labels(scene),
        "pieces": {char: [short_name(glyph), *map(_short, rest)] for char, (glyph, *rest) in pieces.items()},
        "paths": edges,
        "path": source.graph.find(source.path) if source.path else None,
        "phases": _PHASES,
        "help": _HELP,
    }
    for node, name in zip(data["nodes"], parts.titled(), strict=True):
        node["name"] = name
    style = _compact("page.css") + _colors(theme)
    before, after = map(_compact, _BEFORE), map(_compact, _AFTER)
    script = "\n".join(['"use strict";', *before, walk.script(), *after, _compact("live.js") if live else ""])
    svg = to_svg(scene, theme, [glyph for glyph, _, _ in pieces.values()])
    places = {
        "policy": _policy(script, style, live),
        "theme": theme.name,
        "title": escape(scene.title),
        "style": style,
        "svg": svg.replace('role="img"', 'role="group"', 1),
        "steps": "\n".join(parts.steps()),
        "count": str(len(walk.steps)),
        "fields": "\n".join(parts.fields()),
        "rows": "\n".join(parts.rows()),
        "paths": "\n".join(paths),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": script,
    }
    return _fill(_read("page.html"), places)


def _read(name: str) -> str:
    return files("gradviz.draw").joinpath("web", name).read_text(encoding="utf-8")


def _compact(name: str) -> str:
    """Read a file of the page without its indentation and comment lines."""
    lines = (line.strip() for line in _read(name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def _fill(template: str, places: Mapping[str, str]) -> str:
    """Put the parts in; what a part holds is not looked at again."""
    pieces = template.split("@@")
    return "".join(places[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _policy(script: str, style: str, live: bool) -> str:
    rules = ["default-src 'none'", f"script-src {_hash(script)}", f"style-src {_hash(style)}", "base-uri 'none'"]
    return "; ".join([*rules, "form-action 'none'", *(["connect-src 'self'"] if live else [])])


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _colors(theme: Theme) -> str:
    """Write the themes as variables: the page's own by day, the dark one by night."""
    day, night = (
        _variables(THEMES["slide"] if theme.name == "dark" else theme, "light"),
        _variables(THEMES["dark"], "dark"),
    )
    rules = [f":root {{ {day} }}", f':root[data-theme="dark"] {{ {night} }}']
    if theme.name != "dark":
        rules.append(
            f'@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {night} }} }}'
        )
    rules.append(f"@media print {{ :root, :root[data-theme] {{ {day} }} }}")
    return "\n".join(rules) + "\n"


def _variables(theme: Theme, scheme: str) -> str:
    names = {"faint_line": "faint"}
    colors = [
        f"--{names.get(field.name, field.name)}: {getattr(theme, field.name)};"
        for field in fields(theme)
        if field.name != "name"
    ]
    return " ".join([f"--scheme: {scheme};", *colors])


def _labels(scene: Scene) -> list[dict[str, Any]]:
    """Return, for every number in the picture, where it stands and how far it may grow, in the document's order."""
    texts = [text for group in by_kind(scene.texts) for text in group if text.shows]
    boxes = {box.key for box in scene.boxes}
    beside = [text.owner in boxes and text.x > _right(scene, text.owner) for text in texts]
    widths = rooms(scene, [(text, not aside) for text, aside in zip(texts, beside, strict=True)])
    return [_label(text, aside, width) for text, aside, width in zip(texts, beside, widths, strict=True)]


def _right(scene: Scene, key: str) -> float:
    return next(box.rect.right for box in scene.boxes if box.key == key)


def _label(text: PlacedText, aside: bool, room: float) -> dict[str, Any]:
    glyphs = text.typeset.glyphs
    prefix = next((place + 1 for place, char in enumerate(_drawn(text)) if char == "="), 0)
    return {
        "shows": text.shows,
        "prefix": prefix,
        "start": _short(glyphs[prefix].x) if prefix < len(glyphs) else 0,
        "x": _short(text.x),
        "y": _short(text.y),
        "size": text.size,
        "center": None if aside else _short((text.rect.left + text.rect.right) / 2),
        "room": _short(room),
    }


def _drawn(text: PlacedText) -> str:
    """The characters of "f_{12} = " that have a glyph each; "" of a number alone."""
    head, equals, _ = text.tex.partition(" = ")
    return (
        head.replace("_{", "").replace("}", "") + "="
        if equals and head[:1] in "fg" and text.kind != "derivative"
        else ""
    )


def _short(value: float) -> float:
    return round(value, 4)
