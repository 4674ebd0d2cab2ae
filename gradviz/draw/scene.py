"""A scene: every text, box and line at its final place; as JSON, and with the faults that a program can see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from gradviz.draw.geometry import Grid, Point, Rect, bezier, bounds, union
from gradviz.draw.glyphs import Typeset

SMALLEST_PT = 7.0
PT_PER_PX = 0.75
ASTRAY = 90.0
"""How far from its line a label is no longer read as its own, px."""
BESIDE, AROUND = 6.0, 4.0
"""How near beside a label another text reads as part of it, and how near a box is too near, px."""


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A typeset label.

    Attributes:
        kind: "operation", "parameter", "data", "constant", "name", "forward", "backward",
            "derivative" or "caption".
        owner: the key of its node, or "parent/slot" of its edge; "" for a caption.
        tex, text: its LaTeX and the same as plain text.
        x, y: where its baseline begins, px.
        size: the length of an em, px.
        typeset: its glyphs.
        live: whether a gradient flows through its owner.
        shows: the number in it, as in the figure.
    """

    kind: str
    owner: str
    tex: str
    text: str
    x: float
    y: float
    size: float
    typeset: Typeset
    live: bool = True
    shows: str = ""

    @property
    def rect(self) -> Rect:
        """The rectangle that it fills."""
        ascent, descent = self.typeset.ascent * self.size, self.typeset.descent * self.size
        return Rect(self.x, self.y - ascent, self.x + self.typeset.width * self.size, self.y + descent)


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """The rounded box of an operation."""

    key: str
    rect: Rect
    live: bool


@dataclass(frozen=True, slots=True)
class PlacedEdge:
    """A line from an operation to an argument.

    Attributes:
        parent, child, slot: whose it is.
        points: a straight line's two ends, or the control points of a chain of cubic Bézier curves.
        live, lit: as in the figure.
    """

    parent: str
    child: str
    slot: int
    points: tuple[Point, ...]
    live: bool
    lit: bool

    @property
    def line(self) -> tuple[Point, ...]:
        """The route as a polyline."""
        return self.points if len(self.points) == 2 else bezier(self.points)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything at its place, px, from 0, 0 at the top left to width, height.

    ``blanks`` are empty boxes, for a reader to write into.
    """

    width: float
    height: float
    title: str
    description: str
    texts: tuple[PlacedText, ...]
    boxes: tuple[PlacedBox, ...]
    edges: tuple[PlacedEdge, ...]
    blanks: tuple[Rect, ...] = ()

    def moved(self, dx: float, dy: float, width: float, height: float) -> Scene:
        """Return the scene on a sheet of another size, everything moved by dx, dy."""
        return replace(
            self,
            width=width,
            height=height,
            texts=tuple(replace(text, x=text.x + dx, y=text.y + dy) for text in self.texts),
            boxes=tuple(replace(box, rect=box.rect.moved(dx, dy)) for box in self.boxes),
            edges=tuple(replace(edge, points=tuple((x + dx, y + dy) for x, y in edge.points)) for edge in self.edges),
            blanks=tuple(rect.moved(dx, dy) for rect in self.blanks),
        )

    def with_texts(self, texts: Iterable[PlacedText]) -> Scene:
        """Return the scene with more texts."""
        return replace(self, texts=(*self.texts, *texts))

    def to_json(self) -> str:
        """Return the scene as JSON: every text and box with its rectangle, every edge with its route."""
        return json.dumps(self._plain(), ensure_ascii=False, indent=1) + "\n"

    def _plain(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "description": self.description,
            "width": _round(self.width),
            "height": _round(self.height),
            "boxes": [{"key": box.key, "live": box.live, "rect": _corners(box.rect)} for box in self.boxes],
            "texts": [
                {
                    "kind": text.kind,
                    "owner": text.owner,
                    "tex": text.tex,
                    "text": text.text,
                    "size": _round(text.size),
                    "baseline": [_round(text.x), _round(text.y)],
                    "rect": _corners(text.rect),
                    **({"shows": text.shows} if text.shows else {}),
                }
                for text in self.texts
            ],
            "edges": [
                {
                    "parent": edge.parent,
                    "child": edge.child,
                    "slot": edge.slot,
                    "live": edge.live,
                    "lit": edge.lit,
                    "curve": "line" if len(edge.points) == 2 else "bezier",
                    "points": [[_round(x), _round(y)] for x, y in edge.points],
                }
                for edge in self.edges
            ],
            **({"blanks": [_corners(rect) for rect in self.blanks]} if self.blanks else {}),
        }

    def problems(self) -> list[str]:
        """List what a reader would object to: overlaps, lines through text, clipped or tiny text."""
        return [
            *self._overlaps(),
            *self._crossings(),
            *self._outside(),
            *self._tiny(),
            *self._astray(),
            *self._crowded(),
        ]

    def crossings(self) -> int:
        """Count how often lines cross each other."""
        grid: Grid[tuple[int, Point, Point]] = Grid()
        found: set[tuple[int, int]] = set()
        for place, edge in enumerate(self.edges):
            segments = list(pairwise(edge.line))
            for a, b in segments:
                for _, owner in grid.near(bounds((a, b)).grown(0.1)):
                    other, c, d = owner
                    ends = {self.edges[other].parent, self.edges[other].child}
                    if ends.isdisjoint({edge.parent, edge.child}) and _segments_cross(a, b, c, d):
                        found.add((other, place))
            for a, b in segments:
                grid.add(bounds((a, b)).grown(0.1), (place, a, b))
        return len(found)

    def _overlaps(self) -> Iterator[str]:
        grid: Grid[int] = Grid()
        for place, text in enumerate(self.texts):
            rect = text.rect.grown(-0.5)
            for found, other in set(grid.near(rect)):
                if rect.overlaps(found):
                    yield f"{text.kind} {text.text!r} overlaps {self.texts[other].text!r}"
            grid.add(rect, place)
        for box in self.boxes:
            for text in self.texts:
                if text.owner != box.key and text.rect.grown(-0.5).overlaps(box.rect):
                    yield f"{text.kind} {text.text!r} lies on the box {box.key}"
                elif text.owner == box.key and text.kind != "operation" and text.rect.grown(-0.5).overlaps(box.rect):
                    yield f"{text.kind} {text.text!r} lies on its own box"

    def _crossings(self) -> Iterator[str]:
        grid: Grid[int | str] = Grid()
        for place, text in enumerate(self.texts):
            if text.rect.width > 0 and text.rect.height > 0:
                grid.add(text.rect.grown(-0.5), place)
        for box in self.boxes:
            grid.add(box.rect.grown(-0.5), box.key)
        for edge in self.edges:
            found: set[str] = set()
            for a, b in pairwise(edge.line):
                for rect, owner in grid.near(bounds((a, b))):
                    if not rect.crossed_by(a, b):
                        continue
                    if isinstance(owner, int):
                        text = self.texts[owner]
                        if not (text.owner in (edge.parent, edge.child) and text.kind in BODIES):
                            found.add(f"{text.kind} {text.text!r}")
                    elif owner not in (edge.parent, edge.child):
                        found.add(f"box {owner}")
            for what in sorted(found):
                yield f"the edge {edge.parent} to {edge.child} crosses {what}"

    def _outside(self) -> Iterator[str]:
        frame = Rect(0, 0, self.width, self.height)
        things = [(text.text, text.rect) for text in self.texts]
        things += [(box.key, box.rect) for box in self.boxes]
        things += [(f"{edge.parent} to {edge.child}", bounds(edge.line)) for edge in self.edges]
        for name, rect in things:
            if min(rect.left, rect.top, frame.right - rect.right, frame.bottom - rect.bottom) < 0:
                yield f"{name!r} lies outside the picture"

    def _astray(self) -> Iterator[str]:
        lines = {f"{edge.parent}/{edge.slot}": edge.line for edge in self.edges}
        segments: Grid[tuple[str, Point, Point]] = Grid()
        for key, line in lines.items():
            for a, b in pairwise(line):
                segments.add(bounds((a, b)).grown(0.1), (key, a, b))
        for owner, texts in self._derivatives.items():
            rect = union([text.rect for text in texts])
            own = min(rect.distance(a, b) for a, b in pairwise(lines[owner]))
            if own > ASTRAY:
                yield f"the label {texts[0].text!r} stands far from its line"
            nearer = {key for _, (key, a, b) in segments.near(rect.grown(own)) if rect.distance(a, b) < own - 0.5}
            for key in sorted(nearer):
                yield f"the label {texts[0].text!r} of {owner} stands nearer the line of {key}"

    def _crowded(self) -> Iterator[str]:
        """Labels that read as one formula with another text, or stand on the edge of a box."""
        grid: Grid[PlacedText | PlacedBox] = Grid()
        for text in self.texts:
            grid.add(text.rect, text)
        for box in self.boxes:
            grid.add(box.rect, box)
        for text in self.texts:
            if text.kind != "derivative":
                continue
            beside, around = text.rect.grown(BESIDE, -2.0), text.rect.grown(AROUND)
            for rect, other in set(grid.near(beside)) | set(grid.near(around)):
                if isinstance(other, PlacedBox):
                    if around.overlaps(rect):
                        yield f"the label {text.text!r} stands close to the box {other.key}"
                elif other.owner != text.owner and beside.overlaps(rect):
                    yield f"the label {text.text!r} reads as one with {other.text!r}"

    @property
    def _derivatives(self) -> dict[str, list[PlacedText]]:
        found: dict[str, list[PlacedText]] = {}
        for text in self.texts:
            if text.kind == "derivative":
                found.setdefault(text.owner, []).append(text)
        return found

    def _tiny(self) -> Iterator[str]:
        for text in self.texts:
            if text.size * PT_PER_PX < SMALLEST_PT:
                yield f"{text.text!r} is set at {text.size * PT_PER_PX:.1f} pt"


BODIES = ("operation", "parameter", "data", "constant")


def _segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _round(value: float) -> float:
    return round(value, 2) + 0.0


def _corners(rect: Rect) -> list[float]:
    return [_round(rect.left), _round(rect.top), _round(rect.right), _round(rect.bottom)]
