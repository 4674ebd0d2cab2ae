"""Where the lines run and the labels on them stand: beside their line, touching nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from operator import itemgetter

from gradviz.draw.geometry import Grid, Point, Rect, bezier, bounds

GAP = 5.0
"""The distance of a label from a line, px."""

FARTHEST = 40.0
"""How far off its line a label may stand before it belongs nowhere, px."""

_FLAT = 4.0
_ALONG = (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.8, 0.2, 0.86)


def attach(center: Point, half: tuple[float, float], toward: Point, vertical: bool) -> Point:
    """Return the point of a core's side, facing along the direction of the picture, where a line ends.

    The ends of several lines spread over the side, each a little toward its other end.
    """
    (x, y), (half_width, half_height) = center, half
    dx, dy = toward[0] - x, toward[1] - y
    if vertical:
        lean = max(-0.62, min(0.62, dx / (abs(dy) + 1e-9) * 0.55))
        return x + lean * half_width, y + (half_height if dy > 0 else -half_height)
    lean = max(-0.62, min(0.62, dy / (abs(dx) + 1e-9) * 0.55))
    return x + (half_width if dx > 0 else -half_width), y + lean * half_height


def bowed(a: Point, b: Point, by: float) -> tuple[Point, ...]:
    """Return a curve from a to b that bows sideways (for several edges between the same two nodes)."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    nx, ny = -dy / length * by, dx / length * by
    return (
        a,
        (a[0] + dx * 0.3 + nx, a[1] + dy * 0.3 + ny),
        (a[0] + dx * 0.7 + nx, a[1] + dy * 0.7 + ny),
        b,
    )


def crosses(points: Sequence[Point], grid: Grid[object], own: tuple[object, ...]) -> bool:
    """Whether a route passes through something that is not its own."""
    line = bezier(tuple(points)) if len(points) > 2 else tuple(points)
    for a, b in pairwise(line):
        for rect, owner in grid.near(bounds((a, b))):
            if owner not in own and rect.crossed_by(a, b):
                return True
    return False


class Placer:
    """Finds places for labels among obstacles, which grow by every label that is placed."""

    def __init__(self, obstacles: Grid[object], lines: Sequence[tuple[Point, ...]]) -> None:
        self._obstacles = obstacles
        self._segments: Grid[tuple[Point, Point]] = Grid()
        for line in lines:
            for a, b in pairwise(line):
                self._segments.add(bounds((a, b)).grown(0.1), (a, b))

    def place(
        self, line: tuple[Point, ...], size: tuple[float, float], prefer: int, farther: float = 0.0
    ) -> Rect | None:
        """Return a free rectangle beside a line, as near its middle as there is one, or None.

        Args:
            line: the polyline that the label belongs to.
            size: width and height, px.
            prefer: -1 for the left or upper side, 1 for the other.
            farther: how much farther off than usual it may stand, px.
        """
        points = _along(line)
        middle = [_beside(*points[0][1:], size, prefer, flat=flat, gap=GAP) for flat in (False, True)]
        if taken := self.take(min(middle, key=lambda rect: _away(rect, points[0][1], size))):
            return taken  # most labels find their place at once
        for gap in (GAP, GAP + 7.0, *((GAP + 20.0, GAP + farther) if farther else ())):
            for rect in _candidates(points, size, prefer, gap, FARTHEST + farther):
                if self.take(rect):
                    return rect
        return None

    def take(self, rect: Rect) -> Rect | None:
        """Take a rectangle for a label if it is free, else return None."""
        if not self._free(rect):
            return None
        self._obstacles.add(rect.grown(1.5), "label")
        return rect

    def _free(self, rect: Rect) -> bool:
        room = rect.grown(2.0)
        if any(room.overlaps(other) for other, _ in self._obstacles.near(room)):
            return False
        return not any(room.crossed_by(*segment) for _, segment in self._segments.near(room))


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
