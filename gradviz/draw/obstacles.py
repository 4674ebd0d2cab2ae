"""What is in the way of lines and labels, and how far they keep from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

from gradviz.draw.geometry import Grid, Point, Rect, bounds, polyline

_LINE, _OWN_LINE = 4.5, 3.0
"""The least distances of a line from the name and values of a node that it passes, and of one where it ends, px."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """How far a label keeps from what is not its own, px.

    Attributes:
        beside, above: from other texts beside it, and from those above or below it.
        body: from boxes and leaves.
        line: how much farther it is from other lines than from its own.
    """

    beside: float
    above: float
    body: float
    line: float


WELL = Clearance(beside=8.0, above=3.5, body=5.0, line=2.0)
"""No neighbors are read as one formula, and no label as another line's."""

BARELY = Clearance(beside=3.5, above=3.5, body=2.0, line=-inf)
"""Nothing touches."""


class Obstacles:
    """The bodies of nodes and the texts beside them, then also the labels that are placed."""

    def __init__(self) -> None:
        self._bodies: Grid[int | None] = Grid()
        self._texts: Grid[int | None] = Grid()

    def add_body(self, rect: Rect, node: int) -> None:
        """Put in the box of an operation, or a leaf."""
        self._bodies.add(rect, node)

    def add_text(self, rect: Rect, node: int | None = None) -> None:
        """Put in a name or a value of a node, or the label of a line."""
        self._texts.add(rect, node)

    def block(self, route: tuple[Point, ...], ends: tuple[int, int]) -> bool:
        """Whether a route between two nodes passes through another body, or too close to a text."""
        for a, b in pairwise(polyline(route)):
            around = bounds((a, b))
            if any(node not in ends and rect.crossed_by(a, b) for rect, node in self._bodies.near(around)):
                return True
            for rect, node in self._texts.near(around.grown(_LINE)):
                if rect.grown(_OWN_LINE if node in ends else _LINE).crossed_by(a, b):
                    return True
        return False

    def crowd(self, rect: Rect, keep: Clearance, own: int = -1) -> bool:
        """Whether a body or a text, other than those of the own node, is nearer to a text than it may be."""
        rooms = (rect.grown(keep.body), self._bodies), (rect.grown(keep.beside, keep.above), self._texts)
        return any(node != own for room, grid in rooms for _, node in grid.near(room))
