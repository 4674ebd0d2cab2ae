"""Worksheets: the figure with empty boxes for students, and the answer key beside it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.unroll import as_graph
from gradviz.draw.figure import figure
from gradviz.draw.geometry import Rect
from gradviz.draw.parts import label_part
from gradviz.draw.picture import Picture
from gradviz.draw.scene import PlacedText, Scene
from gradviz.errors import UsageError, check_choice
from gradviz.figures.model import Figure, FigureEdge, FigureNode, Label
from gradviz.passes.evaluate import backprop

BLANKS = {"f": "forward", "g": "backward", "edges": "derivative"}
_ROOM = "-0.000"
"""A number written by hand takes at least as much room as this one."""
_GAP = 2.0


def worksheet(
    graph: Graph | Expr,
    at: Mapping[str, Any] | None = None,
    *,
    blank: Sequence[str] = ("f", "g"),
    seed: int | None = None,
    output: str | None = None,
    **look: Any,
) -> tuple[Picture, Picture]:
    """Draw a figure with empty boxes to be filled in, and the same with the answers.

    Args:
        graph: a graph or a node, of which the output is a single number.
        at: values for leaves by name, instead of their own.
        blank: what is left out: "f" (the operations' values), "g" (the adjoints), "edges" (the derivatives).
        seed: leaves out half of them, chosen at random by this seed; all of them without one.
        output: the name of the output, if there are several.
        look: as `figure` takes it: labels, leaves, theme, direction, title.

    Returns:
        The sheet and its key, everything at the same place in both.

    Raises:
        UsageError: for something to leave out that there is not, or not in this figure.
        ValueMissingError, GraphError: as `backprop`.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
        >>> sheet, key = gv.worksheet(gv.square(w * x).named("loss"), blank=["g"])
        >>> len(sheet.scene.blanks), len(key.scene.blanks)
        (3, 0)
    """
    for one in blank:
        check_choice("blank", one, BLANKS)
    frozen = as_graph(graph)
    solved = figure(frozen, values=backprop(frozen, at, output=output), **look)
    kinds = {BLANKS[one] for one in blank}
    roomy = Picture(_roomy(solved.figure, kinds), theme=solved.theme.name, direction=solved.direction).scene
    operations = {node.key for node in solved.figure.nodes if node.kind == "operation"}
    asked = [
        place
        for place, text in enumerate(roomy.texts)
        if text.kind in kinds and (text.kind != "forward" or text.owner in operations)
    ]
    for one in blank:
        if not any(roomy.texts[place].kind == BLANKS[one] for place in asked):
            raise UsageError(f"the figure has nothing that blank {one!r} would leave out")
    if seed is not None and asked:
        asked = random.Random(seed).sample(asked, k=max(len(asked) // 2, 1))
    answered = _answered(roomy, solved.figure)
    unsolved = figure(frozen, values=False, **look).figure.description
    sheet = replace(_with_blanks(roomy, answered, frozenset(asked)), description=unsolved)
    return solved.with_scene(sheet), solved.with_scene(answered)


def _roomy(solved: Figure, kinds: set[str]) -> Figure:
    """Return the figure with room to write by hand in the place of what is asked for."""

    def node(one: FigureNode) -> FigureNode:
        forward = _widened(one.forward) if "forward" in kinds and one.kind == "operation" else one.forward
        return replace(one, forward=forward, backward=_widened(one.backward) if "backward" in kinds else one.backward)

    def edge(one: FigureEdge) -> FigureEdge:
        wide = tuple(label for label in map(_widened, one.labels) if label)
        return replace(one, labels=wide if "derivative" in kinds else one.labels)

    return replace(solved, nodes=tuple(map(node, solved.nodes)), edges=tuple(map(edge, solved.edges)))


def _widened(label: Label | None) -> Label | None:
    """Return a label that takes at least as much room as a number written by hand."""
    if label is None:
        return None
    before, equals, number = label.text.rpartition(" = ")
    if len(number) >= len(_ROOM):
        return label
    return Label(label.tex.rpartition(" = ")[0] + equals + _ROOM, before + equals + _ROOM)


def _answered(roomy: Scene, solved: Figure) -> Scene:
    """Put the true labels where the wide ones are: after the equals sign, or in the middle."""
    labels: dict[tuple[str, str], list[Label]] = {}
    for node in solved.nodes:
        labels["forward", node.key] = [node.forward] if node.forward else []
        labels["backward", node.key] = [node.backward] if node.backward else []
    for edge in solved.edges:
        labels["derivative", f"{edge.parent}/{edge.slot}"] = list(edge.labels)
    texts = []
    for text in roomy.texts:
        waiting = labels.get((text.kind, text.owner))
        if waiting:
            label = waiting.pop(0)
            part = label_part(label, text.kind)
            x = text.x if " = " in label.tex else (text.rect.left + text.rect.right - part.width) / 2
            texts.append(replace(text, tex=label.tex, text=label.text, typeset=part.typeset, x=x))
        else:
            texts.append(text)
    return replace(roomy, texts=tuple(texts), description=solved.description)


def _with_blanks(roomy: Scene, answered: Scene, asked: frozenset[int]) -> Scene:
    """Put boxes in the place of some texts; what stands before an equals sign stays."""
    texts: list[PlacedText] = []
    boxes: list[Rect] = []
    for place, (wide, text) in enumerate(zip(roomy.texts, answered.texts, strict=True)):
        if place not in asked:
            texts.append(text)
            continue
        left = wide.rect.left
        if text.kind != "derivative" and " = " in text.tex:
            tex, plain = text.tex.partition(" = ")[0] + " =", text.text.partition(" = ")[0] + " ="
            part = label_part(Label(tex, plain), text.kind)
            texts.append(replace(text, tex=tex, text=plain, typeset=part.typeset))
            left += part.width + _GAP
        boxes.append(Rect(left, wide.rect.top + _GAP / 2, wide.rect.right, wide.rect.bottom - _GAP / 2))
    return replace(answered, texts=tuple(texts), blanks=tuple(boxes))
