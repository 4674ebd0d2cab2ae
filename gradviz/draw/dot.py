"""A figure as Graphviz's DOT, for users who want to style it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradviz.draw.layout import DIRECTIONS
from gradviz.draw.theme import Theme
from gradviz.figures.model import Figure, FigureNode

if TYPE_CHECKING:
    from graphviz import Digraph


def to_graphviz(figure: Figure, theme: Theme, direction: str = "down") -> Digraph:
    """Return a `graphviz.Digraph` with the figure's nodes, edges, labels (as plain text) and colors."""
    from graphviz import Digraph, escape

    graph = Digraph(
        comment=" ".join(figure.title.split()),
        graph_attr={"rankdir": DIRECTIONS[direction], "ordering": "out", "bgcolor": theme.paper},
        node_attr={"shape": "plaintext", "fontcolor": theme.ink},
        edge_attr={"arrowhead": "none", "fontcolor": theme.derivative, "color": theme.line},
    )
    for node in figure.nodes:
        graph.node(node.key, label=escape(_lines(node)), **_style(node, theme))
    for edge in figure.edges:
        style = {} if edge.live else {"color": theme.faint_line}
        label = "\n".join(_visible(label.text) for label in edge.labels)
        graph.edge(edge.parent, edge.child, label=escape(label) if label else "", **style)
    return graph


def _lines(node: FigureNode) -> str:
    head = _visible(node.body.text)
    if node.name:
        head = f"{_visible(node.name.text)}: {head}"
    values = [_visible(label.text) for label in (node.forward, node.backward) if label]
    return "\n".join([head, *values])


def _visible(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:400]


def _style(node: FigureNode, theme: Theme) -> dict[str, str]:
    if node.kind == "operation":
        return {"shape": "box", "style": "rounded,filled", "fillcolor": theme.box, "color": theme.border}
    return {"fontcolor": theme.color(node.kind)}
