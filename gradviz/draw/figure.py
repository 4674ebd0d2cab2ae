"""`gradviz.figure`: from a graph to a picture, by the view that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.handle import as_name
from gradviz.core.unroll import as_graph
from gradviz.draw.picture import Picture, Source
from gradviz.draw.scene import Scene
from gradviz.errors import GraphError, ValueMissingError, check_choice
from gradviz.figures.backprop import LABELS, LEAVES, backprop_figure, shown_gradients
from gradviz.figures.model import Figure
from gradviz.passes.evaluate import backprop, evaluate
from gradviz.passes.values import Values

VIEWS = {"backprop": backprop_figure}
_MOST_TRIED = 80
"""Pictures of more edges than this are laid out once; smaller ones again where lines cross."""


def figure(
    graph: Graph | Expr,
    view: str = "backprop",
    *,
    values: Values | bool | None = None,
    labels: str = "symbolic",
    leaves: str = "auto",
    theme: str = "slide",
    direction: str = "down",
    title: str = "",
    path: str | Expr = "",
) -> Picture:
    """Draw a graph.

    Args:
        graph: a graph or a node.
        view: "backprop", the slides' picture.
        values: the values to show, from `backprop` or `evaluate`. None computes what can be computed
            from the leaves' own values; False shows none.
        labels: what stands on the edges: "symbolic", "numeric", "both" or "none".
        leaves: a leaf with several uses is drawn "once", at each use ("repeat"), or as fits ("auto").
        theme: "slide", "dark", "print" or "colorblind".
        direction: where the inputs lie, seen from the output: "down", "up", "left" or "right".
        title: of the picture, for readers that cannot see it; by default the names of the outputs.
        path: a leaf (or another node), or its name: the paths to it are lit, their products stand below.

    Returns:
        A picture: ``save`` it, or let a notebook show it.

    Raises:
        UsageError: for a choice that does not exist.
        GraphError: for a path to a name that no node has.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
        >>> picture = gv.figure(gv.square(w * x).named("loss"), theme="dark")
        >>> picture.svg().startswith("<svg")
        True
    """
    made, end = as_graph(graph), as_name(path)
    check_choice("view", view, VIEWS)
    check_choice("labels", labels, LABELS)
    check_choice("leaves", leaves, LEAVES)
    if values is None or values is True:
        values = _what_can_be_computed(made, end)
    shown = values or None

    def picture(leaves: str) -> Picture:
        draw = partial(VIEWS[view], made, labels=labels, leaves=leaves, title=title)
        drawn, again = draw(shown, path=end), partial(_again, draw, direction)
        return Picture(drawn, theme=theme, direction=direction, source=Source(made, shown, end, again))

    first = picture(leaves)
    if leaves != "auto" or len(first.figure.edges) > _MOST_TRIED or not first.scene.crossings():
        return first
    second = picture("repeat")
    return second if second.scene.crossings() < first.scene.crossings() else first


def _again(draw: Callable[[Values], Figure], direction: str, values: Values) -> Scene:
    return Picture(draw(values), direction=direction).scene


def _what_can_be_computed(graph: Graph, path: str) -> Values | None:
    """Values and adjoints; values alone where no backward pass can start; None where a leaf has no value."""
    try:
        return backprop(graph, wrt=shown_gradients(graph, path))
    except ValueMissingError:
        return None
    except GraphError:
        return evaluate(graph)
