"""The backprop view: the slides' main picture, root on top, derivatives on the edges, f and g beside the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradviz.core.format import array_tex, array_text
from gradviz.core.graph import Graph, Node
from gradviz.core.plain import tex_to_text
from gradviz.figures.model import Figure, FigureEdge, FigureNode, Kind, Label
from gradviz.passes.labels import Labeler, breadth_first, node_numbers
from gradviz.passes.values import Values

LABELS = ("symbolic", "numeric", "both", "none")
LEAVES = ("auto", "once", "repeat")
MOST_SHARED = 3
"""A leaf used at more places than this is repeated at each, so that edges stay short."""

NOT_COMPUTED = Label(r"\cdot", "not computed")
_MOST_DESCRIBED = 40


def backprop_figure(
    graph: Graph, values: Values | None = None, *, labels: str = "symbolic", leaves: str = "auto", title: str = ""
) -> Figure:
    """Make the backprop figure of a graph.

    Args:
        graph: the graph.
        values: from `evaluate` or `backprop`; without them no numbers are shown.
        labels: "symbolic", "numeric", "both" or "none": what stands on the edges.
        leaves: "once", "repeat" (at each use), or "auto": repeated when used at many places.
        title: of the picture; by default the names of its outputs.
    """
    return _BackpropView(graph, values, labels, leaves).figure(title)


class _BackpropView:
    def __init__(self, graph: Graph, values: Values | None, labels: str, leaves: str) -> None:
        self._graph = graph
        self._values = values
        self._labels = labels
        self._leaves = leaves
        self._order = list(breadth_first(graph))
        self._numbers = node_numbers(graph)
        self._live = graph.depends_on(graph.learned)
        self._labeler = Labeler(graph, self._numbers)

    def figure(self, title: str) -> Figure:
        nodes: list[FigureNode] = []
        edges: list[FigureEdge] = []
        for index in self._order:
            node = self._graph.node(index)
            if node.op.leaf:
                nodes.extend(self._leaf(node, key) for key in self._keys(index))
            else:
                nodes.append(self._operation(node))
                edges.extend(self._edges(node))
        name = title or ", ".join(self._graph.outputs)
        return Figure(tuple(nodes), tuple(edges), title=name, description=self._description(nodes, name))

    def _repeated(self, index: int) -> bool:
        if not self._graph.rows[index].op.leaf or self._leaves == "once":
            return False
        uses = len(self._graph.parents[index])
        return uses > 1 and (self._leaves == "repeat" or uses > MOST_SHARED)

    def _keys(self, index: int) -> list[str]:
        if not self._repeated(index):
            return [f"n{index}"]
        uses = sorted(self._graph.parents[index], key=lambda use: (self._numbers[use[0]], use[1]))
        return [f"n{index}.{parent}.{slot}" for parent, slot in uses]

    def _operation(self, node: Node) -> FigureNode:
        number = self._numbers[node.id]
        shapes = tuple(self._graph.rows[arg].shape for arg in node.args)
        symbol = node.op.symbol_for(node.attrs, shapes)
        return FigureNode(
            key=f"n{node.id}",
            kind="operation",
            body=Label(symbol, tex_to_text(symbol)),
            node=node.id,
            name=Label(node.tex, node.name) if node.name else None,
            forward=self._line(f"f_{{{number}}} = ", f"f{number} = ", self._forward(node.id)),
            backward=self._line(f"g_{{{number}}} = ", f"g{number} = ", self._backward(node.id)),
            live=bool(self._live[node.id]),
            scope=node.scope,
        )

    def _leaf(self, node: Node, key: str) -> FigureNode:
        kind: Kind = node.op.name  # type: ignore[assignment]
        if kind == "constant" and not node.name:
            body = Label(array_tex(node.value), array_text(node.value))
        else:
            body = Label(node.tex, node.name)
        shown = bool(node.name) and key == self._keys(node.id)[0]  # of a repeated leaf, the first has the values
        return FigureNode(
            key=key,
            kind=kind,
            body=body,
            node=node.id,
            forward=self._forward(node.id) if shown else None,
            backward=self._backward(node.id) if shown and self._live[node.id] else None,
            live=bool(self._live[node.id]),
            scope=node.scope,
        )

    def _line(self, tex: str, text: str, value: Label | None) -> Label | None:
        return value and Label(tex + value.tex, text + value.text)

    def _forward(self, index: int) -> Label | None:
        if self._values is None:
            return None
        value = self._values.forward.get(index)
        return NOT_COMPUTED if value is None else _number(value)

    def _backward(self, index: int) -> Label | None:
        if self._values is None or not len(self._values.backward) or not self._live[index]:
            return None
        value = self._values.backward.get(index)
        return NOT_COMPUTED if value is None else _number(value)

    def _edges(self, node: Node) -> Iterator[FigureEdge]:
        for slot, child in enumerate(node.args):
            live = bool(self._live[child])
            yield FigureEdge(
                parent=f"n{node.id}",
                child=f"n{child}.{node.id}.{slot}" if self._repeated(child) else f"n{child}",
                slot=slot,
                labels=tuple(self._edge_labels(node.id, slot)) if live else (),
                live=live,
            )

    def _edge_labels(self, parent: int, slot: int) -> Iterator[Label]:
        if self._labels in ("symbolic", "both"):
            tex = self._labeler.derivative(parent, slot)
            yield Label(tex, tex_to_text(tex))
        if self._labels in ("numeric", "both") and self._values is not None:
            number = _number(self._values.local[parent, slot])
            if self._labels == "numeric" or number.tex != tex:
                yield number

    def _description(self, nodes: list[FigureNode], title: str) -> str:
        """Say in words what the picture shows, for a reader that cannot see it."""
        operations = sum(node.kind == "operation" for node in nodes)
        lines = [f"Computation graph of {title}: {operations} operations, {len(nodes) - operations} leaves."]
        for node in nodes[:_MOST_DESCRIBED]:
            parts = [part.text for part in (node.name, node.body, node.forward, node.backward) if part]
            lines.append(f"{node.kind} {', '.join(parts)}.")
        if len(nodes) > _MOST_DESCRIBED:
            lines.append(f"And {len(nodes) - _MOST_DESCRIBED} more.")
        return " ".join(lines)


def _number(value: Any) -> Label:
    return Label(array_tex(value), array_text(value))
