"""A scene: every text, box and line at its final place; as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from gradviz.draw.geometry import Point, Rect, polyline, polylines_cross
from gradviz.draw.glyphs import Typeset


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
        return polyline(self.points)


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

    def crossings(self) -> int:
        """Count how often lines cross each other."""
        lines = [(edge.line, {edge.parent, edge.child}) for edge in self.edges]
        return sum(
            ends.isdisjoint(other_ends) and polylines_cross(line, other)
            for (line, ends), (other, other_ends) in combinations(lines, 2)
        )


def _round(value: float) -> float:
    return round(value, 2) + 0.0


def _corners(rect: Rect) -> list[float]:
    return [_round(rect.left), _round(rect.top), _round(rect.right), _round(rect.bottom)]
