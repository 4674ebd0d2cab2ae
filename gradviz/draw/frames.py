"""Frames: one picture for each step of backpropagation, in which nothing moves but what changes.

The finished picture is laid out once. A frame is that scene without the numbers that are not there yet,
with the edge of its step lit and its formula below, in a place that is kept free in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.plain import tex_to_text
from gradviz.core.unroll import as_graph
from gradviz.draw.figure import figure
from gradviz.draw.parts import Part, label_part
from gradviz.draw.picture import Picture
from gradviz.draw.raster import to_pdf
from gradviz.draw.scene import PlacedText, Scene
from gradviz.errors import check_choice
from gradviz.figures.model import Label
from gradviz.passes.evaluate import backprop
from gradviz.passes.steps import Step, steps
from gradviz.passes.walk import Walk

BY = ("step", "phase")
_GAP = 18.0
_MARGIN = 12.0
_WAY_BACK = {"seed", "backward", "sum"}


def frames(
    graph: Graph | Expr,
    at: Mapping[str, Any] | None = None,
    *,
    by: str = "step",
    learning_rate: float = 0.1,
    output: str | None = None,
    **look: Any,
) -> tuple[Picture, ...]:
    """Draw backpropagation as a sequence of pictures, for the slides of a lecture.

    Args:
        graph: a graph or a node, of which the output is a single number.
        at: values for leaves by name, instead of their own.
        by: "step" for a picture a step, with its formula below; "phase" for the start, the values, the
            adjoints.
        learning_rate: η of the update.
        output: the name of the output, if there are several.
        look: as `figure` takes it: labels, leaves, theme, direction, title.

    Returns:
        The pictures, all of one size, everything at the same place in each.

    Raises:
        UsageError: for another way to divide it into pictures.
        ValueMissingError, GraphError: as `backprop`.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
        >>> pictures = gv.frames(gv.square(w * x).named("loss"))
        >>> len(pictures), len({(one.scene.width, one.scene.height) for one in pictures})
        (8, 1)
    """
    check_choice("by", by, BY)
    frozen = as_graph(graph)
    done = steps(frozen, at, learning_rate=learning_rate, output=output)
    whole = figure(frozen, values=backprop(frozen, at, output=output), **look)
    places = _by_phase(done) if by == "phase" else range(len(done) + 1)
    return tuple(_Frames(frozen, whole, done, at or {}, captions=by != "phase").draw(places))


def frames_pdf(pictures: Sequence[Picture]) -> bytes:
    """Return pictures as the pages of one vector PDF (needs ``gradviz[pdf]``)."""
    return to_pdf([(picture.svg(), picture.scene.width, picture.scene.height) for picture in pictures])


def _by_phase(done: Sequence[Step]) -> list[int]:
    """Return the start, the end of the way forward, and the end of the way back."""
    forward = sum(step.phase == "forward" for step in done)
    back = sum(step.phase in _WAY_BACK for step in done)
    return [0, forward, forward + back]


class _Frames:
    def __init__(
        self, graph: Graph, whole: Picture, done: Sequence[Step], at: Mapping[str, Any], captions: bool
    ) -> None:
        self._whole = whole
        self._walk = Walk(graph, done, at)
        self._nodes = {node.key: node.node for node in whole.figure.nodes}
        self._complete = {step.node: place for place, step in enumerate(done, 1) if step.phase in _WAY_BACK}
        self._captions = [_caption(step) for step in done] if captions else []

    def draw(self, places: Sequence[int]) -> Iterator[Picture]:
        base = self._whole.scene
        width = max([base.width, *(part.width + 2 * _MARGIN for part in self._captions)])
        below = max((part.ascent for part in self._captions), default=0.0)
        below += max((part.descent for part in self._captions), default=0.0)
        height = base.height + (below + _GAP if self._captions else 0.0)
        shift = (width - base.width) / 2
        wide = base.moved(shift, 0.0, float(round(width + 0.5)), float(round(height + 0.5)))
        for place in places:
            self._walk.move(place)
            yield self._whole.with_scene(self._frame(wide, place, base.height))

    def _frame(self, scene: Scene, place: int, bottom: float) -> Scene:
        texts = [text for text in scene.texts if self._is_known(text, place)]
        if place and self._captions:
            part = self._captions[place - 1]
            x = (scene.width - part.width) / 2
            y = bottom + max(one.ascent for one in self._captions)  # one baseline for all
            texts.append(part.placed("", x, y))
        edges = tuple(
            replace(edge, lit=bool(self._captions) and (self._nodes[edge.parent], edge.slot) == self._walk.edge)
            for edge in scene.edges
        )
        return replace(scene, texts=tuple(texts), edges=edges)

    def _is_known(self, text: PlacedText, place: int) -> bool:
        if text.kind == "forward":
            return self._nodes[text.owner] in self._walk.forward
        if text.kind == "backward":
            return self._complete.get(self._nodes[text.owner], 0) <= place
        return True


def _caption(step: Step) -> Part:
    return label_part(Label(step.line, tex_to_text(step.line)), "caption")
