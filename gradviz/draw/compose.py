"""Figure to scene: labels are typeset and measured, boxes laid out, lines routed, labels placed beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from math import ceil, hypot

from gradviz.draw.geometry import Grid, Point, Rect, along, bezier, bounds, union
from gradviz.draw.layout import Box, Layout, Link, lay_out
from gradviz.draw.parts import Part, Sized, label_part, measure
from gradviz.draw.place import FARTHEST, GAP, Placer, attach, bowed, crosses
from gradviz.draw.scene import PlacedBox, PlacedEdge, PlacedText, Scene
from gradviz.figures.model import Figure, FigureEdge

MARGIN = 14.0
BETWEEN, RANKS = 26.0, 44.0
_LOOSER = 1.22
_ATTEMPTS = 6
_MANY = 80
"""Pictures of more edges than this are given room from the start, and fewer attempts."""
_BOW = 16.0
_ALL_BUT_STRAIGHT = 3.0


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
        self._index = {node.key: place for place, node in enumerate(figure.nodes)}
        self._labels = [[label_part(label) for label in edge.labels] for edge in figure.edges]
        self._rooms = [_block(parts) for parts in self._labels]

    def scene(self) -> Scene:
        many = len(self._figure.edges) > _MANY
        for attempt in range(1, 3) if many else range(_ATTEMPTS):
            for compact in (True, False) if self._has_values_below and not many else (False,):
                found = self._attempt(_LOOSER**attempt, compact)
                if found is not None:
                    return found
        return self._reserved()

    @cached_property
    def _has_values_below(self) -> bool:
        return any(node.kind != "operation" and (node.forward or node.backward) for node in self._figure.nodes)

    def _ends(self, edge: FigureEdge) -> tuple[int, int]:
        return self._index[edge.parent], self._index[edge.child]

    def _lay_out(self, looser: float, *, reserve: bool, compact: bool) -> Layout:
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
        links = [Link(*self._ends(edge), room) for edge, room in zip(self._figure.edges, rooms, strict=True)]
        return lay_out(boxes, links, self._direction, BETWEEN * looser, RANKS * (0.4 if reserve else looser))

    def _attempt(self, looser: float, compact: bool) -> Scene | None:
        """Draw with straight lines where they are free; None where something overlaps or a label finds no place."""
        layout = self._lay_out(looser, reserve=False, compact=compact)
        obstacles = self._obstacles(layout.anchors)
        if compact and self._collide(layout.anchors, obstacles):
            return None
        routes = [self._route(place, layout, obstacles) for place in range(len(self._figure.edges))]
        if compact and any(
            crosses(route, obstacles, self._ends(edge)) for route, edge in zip(routes, self._figure.edges, strict=True)
        ):
            return None
        lines = [bezier(route) if len(route) > 2 else route for route in routes]
        placer = Placer(obstacles, lines)
        rects: list[Rect | None] = []
        for place, edge in enumerate(self._figure.edges):
            if not self._labels[place]:
                rects.append(None)
                continue
            rect = placer.place(lines[place], self._rooms[place], self._side(place, edge, layout.anchors))
            if rect is None:
                return None
            rects.append(rect)
        return self._scene(layout.anchors, routes, rects)

    def _reserved(self) -> Scene:
        """Let Graphviz reserve the room of every label: never crowded, at the price of length."""
        layout = self._lay_out(1.0, reserve=True, compact=False)
        routes = [self._extended(place, layout) for place in range(len(self._figure.edges))]
        placer = Placer(self._obstacles(layout.anchors), [bezier(route) for route in routes])
        rects: list[Rect | None] = []
        for place, (width, height) in enumerate(self._rooms):
            center = layout.labels.get(place)
            if center is None:
                rects.append(None)
                continue
            x, y = center
            reserved = Rect(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            side = self._side(place, self._figure.edges[place], layout.anchors)
            line = bezier(routes[place])
            near = any(reserved.grown(FARTHEST).crossed_by(a, b) for a, b in pairwise(line))
            rects.append(
                (near and placer.take(reserved))
                or placer.place(line, (width, height), side)
                or placer.place(line, (width, height), side, farther=FARTHEST)
                or reserved
            )
        return self._scene(layout.anchors, routes, rects)

    def _obstacles(self, anchors: Sequence[Point]) -> Grid[object]:
        grid: Grid[object] = Grid()
        for place, (sized, (x, y)) in enumerate(zip(self._sized, anchors, strict=True)):
            half_width, half_height = sized.core
            grid.add(Rect(x - half_width, y - half_height, x + half_width, y + half_height), place)
            for part, rect in sized.annotations():
                grid.add(rect.moved(x, y).grown(1.5), (place, part.kind))
        return grid

    def _collide(self, anchors: Sequence[Point], obstacles: Grid[object]) -> bool:
        """Whether a node's texts touch another node, as they may when the layout was not told of them."""
        for place, (sized, (x, y)) in enumerate(zip(self._sized, anchors, strict=True)):
            for _, rect in sized.annotations():
                room = rect.moved(x, y).grown(5.0)
                for other, owner in obstacles.near(room):
                    of = owner[0] if isinstance(owner, tuple) else owner
                    if of != place and room.overlaps(other):
                        return True
        return False

    def _side(self, place: int, edge: FigureEdge, anchors: Sequence[Point]) -> int:
        parent, child = self._ends(edge)
        axis = 0 if self._vertical else 1
        lean = anchors[child][axis] - anchors[parent][axis]
        if abs(lean) < 1:
            return 1 if edge.slot else -1
        return -1 if lean < 0 else 1

    def _route(self, place: int, layout: Layout, obstacles: Grid[object]) -> tuple[Point, ...]:
        edge = self._figure.edges[place]
        parent, child = self._ends(edge)
        a, b = layout.anchors[parent], layout.anchors[child]
        start = attach(a, self._sized[parent].core, b, self._vertical)
        end = attach(b, self._sized[child].core, a, self._vertical)
        start, end = self._aligned(start, end)
        same = self._parallel[edge.parent, edge.child]
        if len(same) > 1:
            share = same.index(place) - (len(same) - 1) / 2
            straight = bowed(start, end, -share * 2 * _BOW)
        else:
            straight = (start, end)
        return straight if not crosses(straight, obstacles, (parent, child)) else self._extended(place, layout)

    def _aligned(self, start: Point, end: Point) -> tuple[Point, Point]:
        """Make a line that is all but straight along the picture's direction straight."""
        axis = 0 if self._vertical else 1
        if abs(start[axis] - end[axis]) > _ALL_BUT_STRAIGHT:
            return start, end
        middle = (start[axis] + end[axis]) / 2
        return ((middle, start[1]), (middle, end[1])) if axis == 0 else ((start[0], middle), (end[0], middle))

    @cached_property
    def _parallel(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for place, edge in enumerate(self._figure.edges):
            found.setdefault((edge.parent, edge.child), []).append(place)
        return found

    def _extended(self, place: int, layout: Layout) -> tuple[Point, ...]:
        """Return Graphviz's route, lengthened at both ends from the box that it knows to the core in it."""
        parent, child = self._ends(self._figure.edges[place])
        route = layout.routes[place]
        start = self._core_end(layout.anchors[parent], self._sized[parent], route[0])
        end = self._core_end(layout.anchors[child], self._sized[child], route[-1])
        return (*_straight(start, route[0]), *route[1:], *_straight(route[-1], end)[1:])

    def _core_end(self, anchor: Point, sized: Sized, toward: Point) -> Point:
        if self._vertical:
            return anchor[0], anchor[1] + (sized.core[1] if toward[1] > anchor[1] else -sized.core[1])
        return anchor[0] + (sized.core[0] if toward[0] > anchor[0] else -sized.core[0]), anchor[1]

    def _scene(
        self, anchors: Sequence[Point], routes: Sequence[tuple[Point, ...]], rects: Sequence[Rect | None]
    ) -> Scene:
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
                yield _placed(part, node.key, x + px, y + py, node.live)

    def _edge_texts(self, rects: Sequence[Rect | None], routes: Sequence[tuple[Point, ...]]) -> Iterator[PlacedText]:
        for edge, parts, rect, route in zip(self._figure.edges, self._labels, rects, routes, strict=True):
            if rect is None:
                continue
            y = rect.top
            share = _leaning(rect, bezier(route) if len(route) > 2 else route) if len(parts) > 1 else 0.5
            for part in parts:
                x = rect.left + (rect.width - part.width) * share
                yield _placed(part, f"{edge.parent}/{edge.slot}", x, y + part.ascent, edge.live)
                y += part.height + _LINE_GAP

    def _captions(self, extent: Rect) -> list[PlacedText]:
        y = extent.bottom + 18.0
        found = []
        for label in self._figure.captions:
            part = label_part(label, "caption")
            x = (extent.left + extent.right - part.width) / 2
            found.append(_placed(part, "", x, y + part.ascent, True))
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


def _leaning(rect: Rect, line: tuple[Point, ...]) -> float:
    """How lines of unequal length stand in a label: 1.0 to the right, 0.0 to the left, toward the line; else 0.5."""
    middle = ((rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2)
    x, _ = min(along(line), key=lambda point: hypot(point[0] - middle[0], point[1] - middle[1]))
    return 1.0 if x >= rect.right else 0.0 if x <= rect.left else 0.5


def _straight(a: Point, b: Point) -> tuple[Point, ...]:
    third = ((b[0] - a[0]) / 3, (b[1] - a[1]) / 3)
    return a, (a[0] + third[0], a[1] + third[1]), (b[0] - third[0], b[1] - third[1]), b


def _placed(part: Part, owner: str, x: float, y: float, live: bool) -> PlacedText:
    label = part.label
    return PlacedText(part.kind, owner, label.tex, label.text, x, y, part.size, part.typeset, live, label.shows)
