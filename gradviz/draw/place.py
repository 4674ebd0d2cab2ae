"""Where labels stand: beside their own line, nearer to it than to another, touching nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from operator import itemgetter

from gradviz.draw.geometry import Grid, Point, Rect, bounds
from gradviz.draw.obstacles import BARELY, WELL, Clearance, Obstacles

GAP = 5.0
"""The distance of a label from a line, px."""

FARTHEST = 40.0
"""How far off its line a label may stand before it belongs nowhere, px."""

_TOUCHING = 2.0
_FLAT = 4.0
_ALONG = (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.8, 0.2, 0.86, 0.92)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label to be placed.

    Attributes:
        line: the place of its line among the lines.
        size: its width and height, px.
        prefer: -1 for the left or upper side of the line, 1 for the other.
    """

    line: int
    size: tuple[float, float]
    prefer: int


class Placer:
    """Finds places for labels among obstacles, lines and the labels that are placed."""

    def __init__(self, obstacles: Obstacles, lines: Sequence[tuple[Point, ...]]) -> None:
        self._obstacles = obstacles
        self._lines = lines
        self._segments: Grid[tuple[int, Point, Point]] = Grid()
        for place, line in enumerate(lines):
            for a, b in pairwise(line):
                self._segments.add(bounds((a, b)).grown(0.1), (place, a, b))

    def place_all(self, labels: Sequence[Wanted]) -> tuple[dict[int, Rect], int] | None:
        """Return rectangles by line, and how many of them are closer to something than they should be.

        None where a label touches something wherever it stands.
        """
        found: dict[int, Rect] = {}
        close = 0
        for label in labels:
            rect = self.place(label, WELL)
            if rect is None:
                close += 1
                rect = self.place(label, BARELY)
            if rect is None:
                return None
            found[label.line] = rect
        return found, close

    def place(self, label: Wanted, keep: Clearance, farther: float = 0.0) -> Rect | None:
        """Take a free rectangle beside a label's line, as near its middle as there is one, or return None.

        Args:
            label: the label.
            keep: the distances to keep.
            farther: how much farther off than usual it may stand, px.
        """
        size, prefer = label.size, label.prefer
        points = _along(self._lines[label.line])
        middle = [_beside(*points[0][1:], size, prefer, flat=flat, gap=GAP) for flat in (False, True)]
        if taken := self.take(min(middle, key=lambda rect: _away(rect, points[0][1], size)), label.line, keep):
            return taken  # most labels find their place at once
        for gap in (GAP, GAP + 7.0, *((GAP + 20.0, GAP + farther) if farther else ())):
            for rect in _candidates(points, size, prefer, gap, FARTHEST + farther):
                if self.take(rect, label.line, keep):
                    return rect
        return None

    def take(self, rect: Rect, line: int, keep: Clearance) -> Rect | None:
        """Take a rectangle for the label of a line if it is free, else return None."""
        if self._obstacles.crowd(rect, keep) or not self._is_at(rect, line, keep.line):
            return None
        self._obstacles.add_text(rect)
        return rect

    def _is_at(self, rect: Rect, line: int, nearer: float) -> bool:
        """Whether no line touches a rectangle, and its own one is nearest by so much."""
        own = min(rect.distance(a, b) for a, b in pairwise(self._lines[line]))
        least = max(_TOUCHING, own + nearer)
        room = rect.grown(least)
        return own >= _TOUCHING and all(
            other == line or rect.distance(a, b) >= least for _, (other, a, b) in self._segments.near(room)
        )


def _along(line: tuple[Point, ...]) -> list[tuple[float, Point, Point]]:
    """Return places along a line: how far each is from the middle, the point, and the direction there."""
    pieces = [(a, b, hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(line)]
    whole = sum(length for _, _, length in pieces)
    found = []
    for t in _ALONG:
        wanted = whole * t
        for a, b, length in pieces:
            if wanted <= length or b is line[-1]:
                share = wanted / length if length else 0.0
                dx, dy = b[0] - a[0], b[1] - a[1]
                found.append((abs(t - 0.5), (a[0] + dx * share, a[1] + dy * share), (dx, dy)))
                break
            wanted -= length
    return found


def _candidates(
    points: Sequence[tuple[float, Point, Point]], size: tuple[float, float], prefer: int, gap: float, farthest: float
) -> list[Rect]:
    """Return places for a label, the best first: near its line and the line's middle, on the preferred side."""
    found: list[tuple[float, int, Rect]] = []
    for off, point, slope in points:
        for side in (prefer, -prefer):
            for flat in (False, True):
                rect = _beside(point, slope, size, side, flat=flat, gap=gap)
                away = _away(rect, point, size)
                if away <= farthest:
                    found.append((away + 50.0 * off + (0.0 if side == prefer else 4.0), len(found), rect))
    return [rect for _, _, rect in sorted(found, key=itemgetter(0, 1))]


def _away(rect: Rect, point: Point, size: tuple[float, float]) -> float:
    """How far a rectangle stands off a point; above or below it counts as a little farther than beside it."""
    across = abs((rect.left + rect.right) / 2 - point[0]) - size[0] / 2
    return across if across > 0 else abs((rect.top + rect.bottom) / 2 - point[1]) - size[1] / 2 + _FLAT


def _beside(point: Point, slope: Point, size: tuple[float, float], side: int, *, flat: bool, gap: float) -> Rect:
    """Return the rectangle that stands at a gap from a line: left or right of it, or above or below if flat."""
    (x, y), (dx, dy), (width, height) = point, slope, size
    if flat:
        reach = abs(dy / (dx or 1e-9)) * width / 2
        top = y - reach - gap - height if side < 0 else y + reach + gap
        return Rect(x - width / 2, top, x + width / 2, top + height)
    reach = abs(dx / (dy or 1e-9)) * height / 2
    left = x - reach - gap - width if side < 0 else x + reach + gap
    return Rect(left, y - height / 2, left + width, y + height / 2)
