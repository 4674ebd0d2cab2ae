"""Figure to scene: labels are typeset and measured, boxes laid out, lines routed, labels placed beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from math import ceil, hypot
from operator import itemgetter
from typing import TypeAlias

from gradviz.draw.geometry import Point, Rect, along, bounds, polyline, union
from gradviz.draw.layout import Box, Layout, Link, lay_out
from gradviz.draw.obstacles import BARELY, WELL, Obstacles
from gradviz.draw.parts import Part, Sized, label_part, measure
from gradviz.draw.place import FARTHEST, GAP, Placer, Wanted
from gradviz.draw.route import Route, Router
from gradviz.draw.scene import PlacedBox, PlacedEdge, PlacedText, Scene
from gradviz.figures.model import Figure

MARGIN = 14.0
BETWEEN, RANKS = 26.0, 44.0
_WIDER, _LONGER = 1.1, 1.35
"""By how much each attempt widens the distances: those of ranks more, as labels stand between ranks."""
_ABOVE_AND_BELOW = 0.7
"""What is left of the distance of ranks where the labels' own room is added to it."""
_STEPS = 6
_FAR = 2 * BETWEEN
"""Farther apart than this neighbors stand only so that labels fit; the last attempts are smaller than arches there."""
_MANY = 80
"""Pictures of more edges than this are given room from the start, and fewer attempts."""

_Attempt: TypeAlias = tuple[int, Scene]
"""How many labels are closer to something than they should be, and the scene."""


def compose(figure: Figure, direction: str = "down") -> Scene:
    """Return the scene of a figure.

    Args:
        figure: what to draw.
        direction: where the arguments lie, seen from their operation: "down", "up", "right" or "left".

    Raises:
        DrawError: when there is no Graphviz, or the layout takes too long.
    """
    return _Composer(figure, direction).scene()


class _Composer:
    def __init__(self, figure: Figure, direction: str) -> None:
        self._figure = figure
        self._direction = direction
        self._vertical = direction in ("down", "up")
        self._sized = [measure(node, direction) for node in figure.nodes]
        index = {node.key: place for place, node in enumerate(figure.nodes)}
        self._ends = [(index[edge.parent], index[edge.child]) for edge in figure.edges]
        self._router = Router(self._ends, self._sized, vertical=self._vertical)
        self._labels = [[label_part(label) for label in edge.labels] for edge in figure.edges]
        self._rooms = [_block(parts) for parts in self._labels]

    def scene(self) -> Scene:
        """Return the first scene in which every label stands well; where there is none, the best of all."""
        found = []
        for close, scene in self._attempts():
            found.append((close, scene))
            if not close:
                break
        return min(found, key=itemgetter(0))[1]

    def _attempts(self) -> Iterator[_Attempt]:
        many = len(self._figure.edges) > _MANY
        none = True
        for between, ranks in self._distances(many):
            for compact in (True, False) if self._has_values_below and not many else (False,):
                layout = self._lay_out(between, ranks, compact=compact)
                for attempt in self._attempts_on(layout, compact=compact, arches=between < _FAR and not many):
                    none = False
                    yield attempt
        if none or not many:
            layout = self._lay_out(BETWEEN, RANKS * _ABOVE_AND_BELOW, reserve=True)
            yield from self._attempts_on(layout, arches=not many)
            yield self._reserved(layout)

    def _distances(self, many: bool) -> Iterator[tuple[float, float]]:
        """Yield what neighbors and ranks are apart, attempt by attempt: last, as far that labels fit between lines."""
        for step in range(1, 3) if many else range(_STEPS):
            yield BETWEEN * _WIDER**step, RANKS * _LONGER**step
        if not many:
            widest = max((width for width, _ in self._rooms), default=0.0)
            for share in (0.5, 1.0):
                for step in (2, 4):
                    yield BETWEEN + widest * share, RANKS * _LONGER**step

    @cached_property
    def _has_values_below(self) -> bool:
        return any(node.kind != "operation" and (node.forward or node.backward) for node in self._figure.nodes)

    def _lay_out(self, between: float, ranks: float, *, reserve: bool = False, compact: bool = False) -> Layout:
        """Place the boxes; compact ones do not count the values below a leaf, which has nothing under it."""
        boxes = [
            Box(
                left=s.left,
                right=s.right,
                half_height=s.core[1] if compact and node.kind != "operation" else s.half_height,
                port_width=2 * s.core[0] if self._vertical else s.left + s.right,
            )
            for node, s in zip(self._figure.nodes, self._sized, strict=True)
        ]
        rooms = [(w + 2 * GAP, h + GAP) if reserve and w else (0.0, 0.0) for w, h in self._rooms]
        links = [Link(*ends, room) for ends, room in zip(self._ends, rooms, strict=True)]
        return lay_out(boxes, links, self._direction, between, ranks)

    def _attempts_on(self, layout: Layout, *, arches: bool, compact: bool = False) -> Iterator[_Attempt]:
        """Draw with straight lines where they are free, the others arched, then not; yield what fits."""
        obstacles = self._obstacles(layout.anchors)
        if compact and self._collide(layout.anchors, obstacles):
            return
        plain = self._router.routes(layout, obstacles)
        arched = self._router.arched(plain, layout, obstacles) if arches else plain
        for routes in (arched, plain) if arched != plain else (plain,):
            if attempt := self._attempt(layout, routes, compact=compact):
                yield attempt

    def _attempt(self, layout: Layout, routes: Sequence[Route], *, compact: bool) -> _Attempt | None:
        """Draw with these routes; None where something overlaps or a label finds no place."""
        obstacles = self._obstacles(layout.anchors)
        if compact and any(obstacles.block(route, ends) for route, ends in zip(routes, self._ends, strict=True)):
            return None
        lines = [polyline(route) for route in routes]
        placed = Placer(obstacles, lines).place_all(self._wanted(layout.anchors))
        return None if placed is None else (placed[1], self._scene(layout.anchors, routes, placed[0]))

    def _reserved(self, layout: Layout) -> _Attempt:
        """Draw Graphviz's lines, with every label in the room reserved for it: seldom crowded, but never straight."""
        routes = [self._router.extended(line, layout) for line in range(len(self._ends))]
        lines = [polyline(route) for route in routes]
        placer = Placer(self._obstacles(layout.anchors), lines)
        wanted = self._wanted(layout.anchors)
        reserved = {label.line: _around(layout.labels[label.line], label.size) for label in wanted}
        astray = {
            line
            for line, rect in reserved.items()
            if all(rect.distance(a, b) > FARTHEST for a, b in pairwise(lines[line]))
        }
        rects = {line: rect for line, rect in reserved.items() if line not in astray and placer.take(rect, line, WELL)}
        close = 0
        for label in wanted:
            line = label.line
            if line in rects:
                continue
            rect = placer.place(label, WELL)
            if rect is None:
                close += 1
                rect = (
                    (None if line in astray else placer.take(reserved[line], line, BARELY))
                    or placer.place(label, BARELY)
                    or placer.place(label, BARELY, farther=FARTHEST)
                    or reserved[line]
                )
            rects[line] = rect
        return close, self._scene(layout.anchors, routes, rects)

    def _wanted(self, anchors: Sequence[Point]) -> list[Wanted]:
        return [
            Wanted(place, room, self._side(place, anchors))
            for place, room in enumerate(self._rooms)
            if self._labels[place]
        ]

    def _obstacles(self, anchors: Sequence[Point]) -> Obstacles:
        found = Obstacles()
        for place, (sized, (x, y)) in enumerate(zip(self._sized, anchors, strict=True)):
            found.add_body(_core((x, y), sized), place)
            for _, rect in sized.annotations():
                found.add_text(rect.moved(x, y), place)
        return found

    def _collide(self, anchors: Sequence[Point], obstacles: Obstacles) -> bool:
        """Whether a node's texts crowd another node, as they may when the layout was not told of them."""
        return any(
            obstacles.crowd(rect.moved(x, y), WELL, own=place)
            for place, (sized, (x, y)) in enumerate(zip(self._sized, anchors, strict=True))
            for _, rect in sized.annotations()
        )

    def _side(self, place: int, anchors: Sequence[Point]) -> int:
        parent, child = self._ends[place]
        axis = 0 if self._vertical else 1
        lean = anchors[child][axis] - anchors[parent][axis]
        if abs(lean) < 1:
            return 1 if self._figure.edges[place].slot else -1
        return -1 if lean < 0 else 1

    def _scene(self, anchors: Sequence[Point], routes: Sequence[Route], rects: Mapping[int, Rect]) -> Scene:
        texts = [*self._node_texts(anchors), *self._edge_texts(rects, routes)]
        boxes = [
            PlacedBox(node.key, _core(anchor, sized), node.live)
            for node, sized, anchor in zip(self._figure.nodes, self._sized, anchors, strict=True)
            if node.kind == "operation"
        ]
        edges = [
            PlacedEdge(edge.parent, edge.child, edge.slot, route, edge.live, edge.lit)
            for edge, route in zip(self._figure.edges, routes, strict=True)
        ]
        extent = union(
            [text.rect for text in texts] + [box.rect for box in boxes] + [bounds(edge.line) for edge in edges]
        )
        captions = self._captions(extent)
        texts += captions
        extent = union([extent, *(text.rect for text in captions)])
        dx, dy = MARGIN - extent.left, MARGIN - extent.top
        scene = Scene(
            width=extent.width,
            height=extent.height,
            title=self._figure.title,
            description=self._figure.description,
            texts=tuple(texts),
            boxes=tuple(boxes),
            edges=tuple(edges),
        )
        width, height = ceil(extent.width + 2 * MARGIN), ceil(extent.height + 2 * MARGIN)
        return scene.moved(dx, dy, float(width), float(height))  # whole pixels, so that the paper fills the last ones

    def _node_texts(self, anchors: Sequence[Point]) -> Iterator[PlacedText]:
        for node, sized, (x, y) in zip(self._figure.nodes, self._sized, anchors, strict=True):
            for part, (px, py) in sized.parts:
                yield part.placed(node.key, x + px, y + py, node.live)

    def _edge_texts(self, rects: Mapping[int, Rect], routes: Sequence[Route]) -> Iterator[PlacedText]:
        for place, rect in sorted(rects.items(), key=itemgetter(0)):
            edge, parts, route = self._figure.edges[place], self._labels[place], routes[place]
            y = rect.top
            share = _leaning(rect, polyline(route)) if len(parts) > 1 else 0.5
            for part in parts:
                x = rect.left + (rect.width - part.width) * share
                yield part.placed(f"{edge.parent}/{edge.slot}", x, y + part.ascent, edge.live)
                y += part.height + _LINE_GAP

    def _captions(self, extent: Rect) -> list[PlacedText]:
        y = extent.bottom + 18.0
        found = []
        for label in self._figure.captions:
            part = label_part(label, "caption")
            x = (extent.left + extent.right - part.width) / 2
            found.append(part.placed("", x, y + part.ascent))
            y += part.height + 8.0
        return found


_LINE_GAP = 3.0


def _block(parts: list[Part]) -> tuple[float, float]:
    if not parts:
        return 0.0, 0.0
    return max(part.width for part in parts), sum(part.height for part in parts) + _LINE_GAP * (len(parts) - 1)


def _core(anchor: Point, sized: Sized) -> Rect:
    (x, y), (half_width, half_height) = anchor, sized.core
    return Rect(x - half_width, y - half_height, x + half_width, y + half_height)


def _around(center: Point, size: tuple[float, float]) -> Rect:
    (x, y), (width, height) = center, size
    return Rect(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _leaning(rect: Rect, line: tuple[Point, ...]) -> float:
    """How lines of unequal length stand in a label: 1.0 to the right, 0.0 to the left, toward the line; else 0.5."""
    middle = ((rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2)
    x, _ = min(along(line), key=lambda point: hypot(point[0] - middle[0], point[1] - middle[1]))
    return 1.0 if x >= rect.right else 0.0 if x <= rect.left else 0.5
