"""Where the lines run: straight where that is free, in one bend past what stands beside their ends, or by Graphviz."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import hypot
from operator import le

from gradviz.draw.geometry import Point, polyline, polylines_cross
from gradviz.draw.layout import Layout
from gradviz.draw.obstacles import Obstacles
from gradviz.draw.parts import Sized

Route = tuple[Point, ...]
"""A straight line's two ends, or the control points of a chain of cubic Bézier curves."""

_BOW = 16.0
_ALL_BUT_STRAIGHT = 3.0
_LEAN = 0.62
_EASINGS = ((False, True), (True, False), (True, True))
"""Whether a curve of a vertical picture leaves, and whether it arrives, upright."""
_ARCHES = (20.0, 40.0, 60.0, 80.0, 110.0, 140.0, 180.0, 240.0, 320.0)
"""How far the control points of an arch stand beside the straight line, px: one after the other is tried."""
_SHAPES = ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0))
"""How much of that on the first half and on the second."""
_FLATTER = 0.4
"""How steep such a curve is at its other end, of the line from end to end."""


class Router:
    """Finds the routes of a picture's lines, given by the nodes at their two ends."""

    def __init__(self, ends: Sequence[tuple[int, int]], sized: Sequence[Sized], *, vertical: bool) -> None:
        self._ends = ends
        self._sized = sized
        self._vertical = vertical
        self._parallel: dict[tuple[int, int], list[int]] = {}
        for line, pair in enumerate(ends):
            self._parallel.setdefault(pair, []).append(line)

    def routes(self, layout: Layout, obstacles: Obstacles) -> list[Route]:
        """Return a route for each line: straight or bent where that is free, else Graphviz's.

        Lines are bent in a horizontal picture, where the values beside a node are in the way of those that leave
        it steeply. Then all lines of that node are, so that they do not cross each other. In a vertical picture a
        line that is blocked is tried as a curve that passes above or below what is in its way.
        """
        lines = range(len(self._ends))
        straight = self._free(lines, self._straight, layout.anchors, obstacles)
        bent = {}
        if not self._vertical:
            bent = self._free(lines, self._bent, layout.anchors, obstacles)
        else:
            for easing in _EASINGS:
                blocked = [line for line in lines if line not in straight]
                straight |= self._free(blocked, partial(self._eased, easing), layout.anchors, obstacles)
        bending = {self._ends[line][0] for line in bent if line not in straight}
        found = []
        for line, (parent, _) in enumerate(self._ends):
            first, second = (bent, straight) if parent in bending else (straight, bent)
            found.append(first.get(line) or second.get(line) or self.extended(line, layout))
        return found

    def arched(self, routes: Sequence[Route], layout: Layout, obstacles: Obstacles) -> list[Route]:
        """Return the routes with arches in place of Graphviz's, which wind and climb, wherever one is free."""
        found = [*routes]
        for line, route in enumerate(routes):
            if route == self.extended(line, layout):
                found[line] = self._arch(line, layout.anchors, obstacles, found) or route
        return found

    def extended(self, line: int, layout: Layout) -> Route:
        """Return Graphviz's route, lengthened at both ends from the box that it knows to the core in it."""
        parent, child = self._ends[line]
        route = layout.routes[line]
        start = self._core_end(layout.anchors[parent], self._sized[parent], route[0])
        end = self._core_end(layout.anchors[child], self._sized[child], route[-1])
        return (*_thirds(start, route[0]), *route[1:], *_thirds(route[-1], end)[1:])

    def _free(
        self,
        lines: Iterable[int],
        make: Callable[[int, Sequence[Point]], Route],
        anchors: Sequence[Point],
        obstacles: Obstacles,
    ) -> dict[int, Route]:
        """Make a route for each of these lines, and return those that nothing is in the way of."""
        routes = {line: make(line, anchors) for line in lines}
        return {line: route for line, route in routes.items() if not obstacles.block(route, self._ends[line])}

    def _straight(self, line: int, anchors: Sequence[Point]) -> Route:
        parent, child = self._ends[line]
        start = self._attached(parent, anchors[parent], anchors[child])
        end = self._attached(child, anchors[child], anchors[parent])
        start, end = self._aligned(start, end)
        bow = self._share(line) * 2 * _BOW
        return _bowed(start, end, -bow) if bow or len(self._parallel[parent, child]) > 1 else (start, end)

    def _eased(self, easing: tuple[bool, bool], line: int, anchors: Sequence[Point]) -> Route:
        """Return a curve of a vertical picture that turns once at most, upright at one of its ends or both."""
        parent, child = self._ends[line]
        leaves, arrives = easing
        (x, y), (right, bottom) = (
            self._core_end(anchors[node], self._sized[node], anchors[other])
            if upright
            else self._attached(node, anchors[node], anchors[other])
            for upright, node, other in ((leaves, parent, child), (arrives, child, parent))
        )
        dx, dy = (right - x) / 2, (bottom - y) / 2
        out = (x, y + dy) if leaves else (x + dx, y + dy * _FLATTER)
        back = (right, bottom - dy) if arrives else (right - dx, bottom - dy * _FLATTER)
        return (x, y), out, back, (right, bottom)

    def _arch(self, line: int, anchors: Sequence[Point], obstacles: Obstacles, routes: Sequence[Route]) -> Route | None:
        """Return the flattest free arch that crosses no more lines than the route there is; None if there is none."""
        others = {other: polyline(route) for other, route in enumerate(routes) if other != line}
        ends = {*self._ends[line]}

        def crossed(route: Route) -> tuple[int, int]:
            found = _crossed(polyline(route), others)
            return len(found), sum(ends.isdisjoint(self._ends[other]) for other in found)

        most = crossed(routes[line])
        for reach in _ARCHES:
            for out, back in _SHAPES:
                for side in (-reach, reach):
                    route = self._arched(line, anchors, side * out, side * back)
                    free = not obstacles.block(route, self._ends[line])
                    if free and all(map(le, crossed(route), most)):
                        return route
        return None

    def _arched(self, line: int, anchors: Sequence[Point], out: float, back: float) -> Route:
        """Return a curve that swings out sideways, so far on its first half and on its second, and never climbs."""
        parent, child = self._ends[line]
        (x, y), (right, bottom) = anchors[parent], anchors[child]
        dx, dy = (right - x) / 3, (bottom - y) / 3
        sideways = (1, 0) if self._vertical else (0, 1)
        first, second = (
            (px + by * sideways[0], py + by * sideways[1])
            for (px, py), by in (((x + dx, y + dy), out), ((right - dx, bottom - dy), back))
        )
        start = self._attached(parent, anchors[parent], first)
        end = self._attached(child, anchors[child], second)
        return start, first, second, end

    def _bent(self, line: int, anchors: Sequence[Point]) -> Route:
        """Return a curve of a horizontal picture that turns only where it has passed the values of its ends."""
        parent, child = self._ends[line]
        start = self._core_end(anchors[parent], self._sized[parent], anchors[child])
        end = self._core_end(anchors[child], self._sized[child], anchors[parent])
        bow = self._share(line) * 2 * _BOW
        out = self._outer_end(parent, anchors[parent], anchors[child])
        back = self._outer_end(child, anchors[child], anchors[parent])
        middle = (out[0] + back[0]) / 2
        return *_thirds(start, out), (middle, out[1] + bow), (middle, back[1] + bow), *_thirds(back, end)

    def _share(self, line: int) -> float:
        """Which of several lines between the same two nodes it is, counted from their middle."""
        same = self._parallel[self._ends[line]]
        return same.index(line) - (len(same) - 1) / 2

    def _attached(self, node: int, anchor: Point, toward: Point) -> Point:
        """Return the point of a core's side, facing along the direction of the picture, where a straight line ends.

        The ends of several lines spread over the side, each a little toward its other end.
        """
        (x, y), (half_width, half_height) = anchor, self._sized[node].core
        dx, dy = toward[0] - x, toward[1] - y
        if self._vertical:
            lean = max(-_LEAN, min(_LEAN, dx / (abs(dy) + 1e-9) * 0.55))
            return x + lean * half_width, y + (half_height if dy > 0 else -half_height)
        lean = max(-_LEAN, min(_LEAN, dy / (abs(dx) + 1e-9) * 0.55))
        return x + (half_width if dx > 0 else -half_width), y + lean * half_height

    def _core_end(self, anchor: Point, sized: Sized, toward: Point) -> Point:
        """Return the middle of a core's side, where a curve ends."""
        if self._vertical:
            return anchor[0], anchor[1] + (sized.core[1] if toward[1] > anchor[1] else -sized.core[1])
        return anchor[0] + (sized.core[0] if toward[0] > anchor[0] else -sized.core[0]), anchor[1]

    def _outer_end(self, node: int, anchor: Point, toward: Point) -> Point:
        """Return how far a node with its values reaches toward another one, in a horizontal picture."""
        sized = self._sized[node]
        return anchor[0] + (sized.right if toward[0] > anchor[0] else -sized.left), anchor[1]

    def _aligned(self, start: Point, end: Point) -> tuple[Point, Point]:
        """Make a line that is all but straight along the picture's direction straight."""
        axis = 0 if self._vertical else 1
        if abs(start[axis] - end[axis]) > _ALL_BUT_STRAIGHT:
            return start, end
        middle = (start[axis] + end[axis]) / 2
        return ((middle, start[1]), (middle, end[1])) if axis == 0 else ((start[0], middle), (end[0], middle))


def _crossed(line: tuple[Point, ...], others: Mapping[int, tuple[Point, ...]]) -> list[int]:
    """Return which lines a line crosses."""
    return [place for place, other in others.items() if polylines_cross(line, other)]


def _bowed(a: Point, b: Point, by: float) -> Route:
    """Return a curve from a to b that bows sideways (for several edges between the same two nodes)."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = hypot(dx, dy) or 1.0
    nx, ny = -dy / length * by, dx / length * by
    return (
        a,
        (a[0] + dx * 0.3 + nx, a[1] + dy * 0.3 + ny),
        (a[0] + dx * 0.7 + nx, a[1] + dy * 0.7 + ny),
        b,
    )


def _thirds(a: Point, b: Point) -> Route:
    """Return a straight line as a cubic Bézier curve."""
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b
