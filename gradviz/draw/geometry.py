"""Rectangles, polylines and a grid to find neighbors in. Lengths in px; y grows downward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[float, float]
Owner = TypeVar("Owner")

_PIECES = 12
"""Of the polyline along one Bézier curve."""
_CELL = 80.0
"""The side of a cell of a grid."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Its width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Its height."""
        return self.bottom - self.top

    def moved(self, x: float, y: float) -> Rect:
        """Return it displaced."""
        return Rect(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def grown(self, by: float, upright: float | None = None) -> Rect:
        """Return it with a margin on every side, perhaps another one above and below."""
        up = by if upright is None else upright
        return Rect(self.left - by, self.top - up, self.right + by, self.bottom + up)

    def overlaps(self, other: Rect) -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def crossed_by(self, a: Point, b: Point) -> bool:
        """Whether the segment from a to b passes through it (Liang and Barsky's clipping)."""
        first, last = 0.0, 1.0
        dx, dy = b[0] - a[0], b[1] - a[1]
        for step, distance in (
            (-dx, a[0] - self.left),
            (dx, self.right - a[0]),
            (-dy, a[1] - self.top),
            (dy, self.bottom - a[1]),
        ):
            if step == 0:
                if distance <= 0:
                    return False
                continue
            t = distance / step
            if step < 0:
                first = max(first, t)
            else:
                last = min(last, t)
            if first >= last:
                return False
        return True

    def distance(self, a: Point, b: Point) -> float:
        """How far it is from the segment from a to b; 0 where that passes through it."""
        if self.crossed_by(a, b):
            return 0.0
        corners = [(x, y) for x in (self.left, self.right) for y in (self.top, self.bottom)]
        return min(self._off(a), self._off(b), *(_off(corner, a, b) for corner in corners))

    def _off(self, point: Point) -> float:
        x, y = point
        return hypot(max(self.left - x, 0.0, x - self.right), max(self.top - y, 0.0, y - self.bottom))


def _off(point: Point, a: Point, b: Point) -> float:
    """How far a point is from a segment."""
    (x, y), (dx, dy) = (point[0] - a[0], point[1] - a[1]), (b[0] - a[0], b[1] - a[1])
    share = max(0.0, min(1.0, (x * dx + y * dy) / ((dx * dx + dy * dy) or 1.0)))
    return hypot(x - share * dx, y - share * dy)


def polylines_cross(line: tuple[Point, ...], other: tuple[Point, ...]) -> bool:
    """Whether a segment of one polyline and a segment of the other cross between their ends."""
    if not bounds(line).grown(0.1).overlaps(bounds(other)):
        return False
    first, second = np.array(line), np.array(other)
    before, after = _sides(first, second), _sides(second, first).T
    return bool(np.any((before[:, :-1] * before[:, 1:] < 0) & (after[:-1] * after[1:] < 0)))


def _sides(line: NDArray[Any], points: NDArray[Any]) -> NDArray[Any]:
    """Return on which side of each segment of a polyline each point lies, by its sign."""
    (x, y), (dx, dy) = line[:-1].T[:, :, None], np.diff(line, axis=0).T[:, :, None]
    sides: NDArray[Any] = dx * (points[:, 1] - y) - dy * (points[:, 0] - x)
    return sides


def union(rects: list[Rect]) -> Rect:
    """Return the smallest rectangle around several."""
    return Rect(
        min(rect.left for rect in rects),
        min(rect.top for rect in rects),
        max(rect.right for rect in rects),
        max(rect.bottom for rect in rects),
    )


def bounds(points: tuple[Point, ...]) -> Rect:
    """Return the smallest rectangle around points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Rect(min(xs), min(ys), max(xs), max(ys))


def bezier(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return a polyline along a chain of cubic Bézier curves (3n + 1 control points)."""
    found = [points[0]]
    for start in range(0, len(points) - 3, 3):
        p, q, r, s = points[start : start + 4]
        for step in range(1, _PIECES + 1):
            t = step / _PIECES
            u = 1 - t
            a, b, c, d = u**3, 3 * u * u * t, 3 * u * t * t, t**3
            found.append((a * p[0] + b * q[0] + c * r[0] + d * s[0], a * p[1] + b * q[1] + c * r[1] + d * s[1]))
    return tuple(found)


def polyline(route: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return a polyline along a route: a straight line's two ends, or a chain of cubic Bézier curves."""
    return route if len(route) == 2 else bezier(route)


def along(line: tuple[Point, ...], steps: int = 8) -> tuple[Point, ...]:
    """Return points along a polyline, so many on every piece of it."""
    shares = [step / steps for step in range(steps + 1)]
    return tuple(
        (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairwise(line) for share in shares
    )


class Grid(Generic[Owner]):
    """Rectangles with an owner, found by place: so that placing n labels does not compare n² pairs."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[tuple[Rect, Owner]]] = {}

    def add(self, rect: Rect, owner: Owner) -> None:
        """Put a rectangle in."""
        for key in self._keys(rect):
            self._cells.setdefault(key, []).append((rect, owner))

    def near(self, rect: Rect) -> Iterator[tuple[Rect, Owner]]:
        """Yield what overlaps the rectangle (some of it perhaps twice)."""
        for key in self._keys(rect):
            for found in self._cells.get(key, ()):
                if found[0].overlaps(rect):
                    yield found

    def _keys(self, rect: Rect) -> Iterator[tuple[int, int]]:
        for column in range(int(rect.left // _CELL), int(rect.right // _CELL) + 1):
            for row in range(int(rect.top // _CELL), int(rect.bottom // _CELL) + 1):
                yield column, row
