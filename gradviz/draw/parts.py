"""The parts of a node at their places around its anchor: the body in its box, the name, the values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gradviz.draw.geometry import Point, Rect
from gradviz.draw.glyphs import Typeset
from gradviz.draw.scene import PlacedText
from gradviz.draw.typeset import typeset
from gradviz.figures.model import FigureNode, Label

SIZES = {
    "operation": 20.0,
    "parameter": 21.0,
    "data": 21.0,
    "constant": 19.0,
    "name": 16.0,
    "forward": 15.0,
    "backward": 15.0,
    "derivative": 16.0,
    "caption": 18.0,
}
"""The length of an em, px, by the kind of text."""

_BOX_PADDING = (10.0, 8.0)
_SMALLEST_BOX = 19.0
_LEAF_PADDING = (4.0, 4.0)
_SIDE_GAP = 7.0
_LINE_GAP = 4.0
_BASELINE = 0.24
"""How far below its middle the baseline of a name stands, em; the same for all names, so that they align."""


@dataclass(frozen=True, slots=True)
class Part:
    """A typeset label with its kind and size."""

    kind: str
    label: Label
    size: float
    typeset: Typeset

    @property
    def width(self) -> float:
        """Its width, px."""
        return self.typeset.width * self.size

    @property
    def ascent(self) -> float:
        """How far it reaches above its baseline, px."""
        return self.typeset.ascent * self.size

    @property
    def descent(self) -> float:
        """How far it reaches below its baseline, px."""
        return self.typeset.descent * self.size

    @property
    def height(self) -> float:
        """Its height, px."""
        return self.ascent + self.descent

    def placed(self, owner: str, x: float, y: float, live: bool = True) -> PlacedText:
        """Return it with its baseline beginning at a place."""
        label = self.label
        return PlacedText(self.kind, owner, label.tex, label.text, x, y, self.size, self.typeset, live, label.shows)

    def rect(self, x: float, y: float) -> Rect:
        """Return the rectangle that it fills with its baseline beginning there."""
        return Rect(x, y - self.ascent, x + self.width, y + self.descent)


@dataclass(frozen=True, slots=True)
class Sized:
    """A node's parts around its anchor, px.

    Attributes:
        core: half the width and height of the box or the leaf's text, where lines end.
        left, right, half_height: how far all of it reaches.
        parts: every part with the start of its baseline.
    """

    core: tuple[float, float]
    left: float
    right: float
    half_height: float
    parts: tuple[tuple[Part, Point], ...]

    def annotations(self) -> Iterator[tuple[Part, Rect]]:
        """Yield the parts beside the body, with the rectangles they fill."""
        for part, (x, y) in self.parts[1:]:
            yield part, part.rect(x, y)


def label_part(label: Label, kind: str = "derivative") -> Part:
    """Typeset a label."""
    return Part(kind, label, SIZES[kind], typeset(label.tex, label.text))


def measure(node: FigureNode, direction: str) -> Sized:
    """Typeset a node's labels and put them around its anchor.

    In a vertical picture an operation's name stands left of its box and the values right of it; in a
    horizontal one above and below. A leaf's values stand below it, above it where lines come from below.
    """
    vertical = direction in ("down", "up")
    body = label_part(_bold(node) if node.kind == "parameter" else node.body, node.kind)
    if node.kind == "operation":
        core = (
            max(body.width / 2 + _BOX_PADDING[0], _SMALLEST_BOX),
            max(body.height / 2 + _BOX_PADDING[1], _SMALLEST_BOX),
        )
    else:
        core = (body.width / 2 + _LEAF_PADDING[0], max(body.height / 2, 8.0) + _LEAF_PADDING[1])
    parts: list[tuple[Part, Point]] = [(body, (-body.width / 2, (body.ascent - body.descent) / 2))]
    lines = [
        label_part(label, kind)
        for kind, label in (("forward", node.forward), ("backward", node.backward))
        if label is not None
    ]
    beside = vertical and node.kind == "operation"
    if node.name is not None:
        name = label_part(node.name, "name")
        if beside:
            parts.append((name, (-core[0] - _SIDE_GAP - name.width, name.size * _BASELINE)))
        else:
            parts.append((name, (-name.width / 2, -core[1] - 5.0 - name.descent)))
    if beside:
        parts.extend(_stacked(lines, core[0] + _SIDE_GAP + 1.0, -_height(lines) / 2, centered=False))
    elif direction == "up":
        parts.extend(_stacked(lines, 0.0, -core[1] - 2.0 - _height(lines), centered=True))
    else:
        parts.extend(_stacked(lines, 0.0, core[1] + 2.0, centered=True))
    rects = [part.rect(x, y) for part, (x, y) in parts]
    reach = max([core[1], *(-rect.top for rect in rects), *(rect.bottom for rect in rects)])
    return Sized(
        core=core,
        left=max([core[0], *(-rect.left for rect in rects)]),
        right=max([core[0], *(rect.right for rect in rects)]),
        half_height=reach,
        parts=tuple(parts),
    )


def _bold(node: FigureNode) -> Label:
    tex = node.body.tex
    if r"\mathbf" in tex or r"\boldsymbol" in tex:
        return node.body
    words = re.sub(r"\\(?:mathrm|operatorname)\{", r"\\mathbf{", tex)
    return Label(rf"\boldsymbol{{{words}}}", node.body.text)


def _height(lines: list[Part]) -> float:
    return sum(line.height for line in lines) + _LINE_GAP * max(len(lines) - 1, 0)


def _stacked(lines: list[Part], x: float, top: float, *, centered: bool) -> Iterator[tuple[Part, Point]]:
    for line in lines:
        yield line, (x - line.width / 2 if centered else x, top + line.ascent)
        top += line.height + _LINE_GAP
