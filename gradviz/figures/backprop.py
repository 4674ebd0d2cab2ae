"""The backprop view: the slides' main picture, root on top, derivatives on the edges, f and g beside the nodes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradviz.core.format import array_tex, array_text, shape_tex
from gradviz.core.graph import Edge, Graph, Node
from gradviz.core.names import name_to_tex
from gradviz.core.plain import tex_to_text
from gradviz.core.primitive import CONSTANT, call_rule
from gradviz.figures.model import Figure, FigureEdge, FigureNode, Kind, Label
from gradviz.namespaces.brackets import summands
from gradviz.namespaces.record import as_term, recorder, symbol
from gradviz.namespaces.tex import as_written
from gradviz.passes.labels import Labeler, breadth_first, node_numbers
from gradviz.passes.paths import count_paths, derivative_tex, node_tex, write_paths
from gradviz.passes.values import Values

LABELS = ("symbolic", "numeric", "both", "none")
LEAVES = ("auto", "once", "repeat")
MOST_SHARED = 3
"""A leaf used at more places than this is repeated at each, so that edges stay short."""

_NO_NAME = re.compile(r"output\d*")
"""What `gv.graph` calls an output that has no name."""
_DOT = r"(\cdot)"
_NOT_COMPUTED = (r"\cdot", "not computed")
_MOST_DESCRIBED = 40
_LONGEST_CAPTION = 60
_LARGEST_JACOBIAN = 100_000
"""A Jacobian of more elements is not computed for its norm: its shape stands alone."""
_MOST_CAPTIONS = 3
"""More paths than this are counted below the picture, not written out."""


def backprop_figure(
    graph: Graph,
    values: Values | None = None,
    *,
    labels: str = "symbolic",
    leaves: str = "auto",
    title: str = "",
    path: str = "",
) -> Figure:
    """Make the backprop figure of a graph.

    Args:
        graph: the graph.
        values: from `evaluate` or `backprop`; without them no numbers are shown.
        labels: "symbolic", "numeric", "both" or "none": what stands on the edges.
        leaves: "once", "repeat" (at each use), or "auto": repeated when used at many places.
        title: of the picture; by default the names of its outputs.
        path: the name of a leaf: the paths that lead to it are lit, and their products stand below.
    """
    return _BackpropView(graph, values, labels, leaves, path).figure(title)


def shown_gradients(graph: Graph, path: str) -> list[str] | None:
    """Return the names of what a figure shows gradients of: what learns, and where lit paths end; None without them."""
    return [*(graph.node(index).path for index in graph.learned), path] if path else None


class _BackpropView:
    def __init__(self, graph: Graph, values: Values | None, labels: str, leaves: str, path: str) -> None:
        self._graph = graph
        self._values = values
        self._labels = labels
        self._leaves = leaves
        self._order = list(breadth_first(graph))
        self._numbers = node_numbers(graph)
        self._labeler = Labeler(graph, self._numbers)
        self._outputs = {
            index: name for name, index in reversed(list(graph.outputs.items())) if not _NO_NAME.fullmatch(name)
        }
        self._inside = dict(_written_inside(graph))
        self._end = graph.find(path) if path else None
        self._live = graph.depends_on(graph.learned if self._end is None else graph.learned | {self._end})
        self._reached = graph.depends_on(frozenset() if self._end is None else frozenset([self._end]))

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
        description = self._description(nodes, name)
        captions = tuple(self._captions()) if self._end is not None else ()
        return Figure(tuple(nodes), tuple(edges), title=name, description=description, captions=captions)

    def _captions(self) -> Iterator[Label]:
        """Write the product along each path to the end under the picture, or how many paths there are."""
        assert self._end is not None
        for root in dict.fromkeys(self._graph.outputs.values()):
            for tex in self._derivation(root, self._end):
                yield Label(tex, tex_to_text(tex))

    def _derivation(self, root: int, end: int) -> Iterator[str]:
        whole = derivative_tex(self._tex(root), self._tex(end))
        values = self._values if self._values is not None and self._values.backward else None
        count = count_paths(self._graph, root, end)
        paths = write_paths(self._graph, root, end, self._labeler, values) if count <= _MOST_CAPTIONS else ()
        if not paths:
            yield rf"{whole}:\ \text{{the sum over {count:,} paths}}" if count else f"{whole} = 0"
            return
        terms = summands([path.product for path in paths])
        number = ""
        if values is not None and self._labels in ("numeric", "both") and len(self._graph.outputs) == 1:
            number = f" = {array_tex(sum(np.asarray(path.value) for path in paths))}"
        line = f"{whole} = {' + '.join(terms)}{number}"
        if len(terms) == 1 or len(tex_to_text(line)) <= _LONGEST_CAPTION:
            yield line
            return
        yield f"{whole} = {terms[0]}"
        yield from (rf"+\;{term}" for term in terms[1:])
        if number:
            yield number

    def _tex(self, index: int) -> str:
        return node_tex(self._graph, self._labeler, index)

    def _repeated(self, index: int) -> bool:
        if not self._graph.rows[index].op.leaf or self._leaves == "once":
            return False
        uses = len(self._uses(index))
        return uses > 1 and (self._leaves == "repeat" or uses > MOST_SHARED)

    def _uses(self, index: int) -> list[Edge]:
        """Return the edges that lead to a node in the picture."""
        return [(parent, slot) for parent, slot in self._graph.parents[index] if self._inside.get(parent) != slot]

    def _keys(self, index: int) -> list[str]:
        if not self._repeated(index):
            return [f"n{index}"] if self._uses(index) or index in self._graph.outputs.values() else []
        uses = sorted(self._uses(index), key=lambda use: (self._numbers[use[0]], use[1]))
        return [f"n{index}.{parent}.{slot}" for parent, slot in uses]

    def _operation(self, node: Node) -> FigureNode:
        number = self._numbers[node.id]
        body = self._symbol(node)
        return FigureNode(
            key=f"n{node.id}",
            kind="operation",
            body=Label(body, tex_to_text(body)),
            node=node.id,
            name=self._name(node),
            forward=_line(f"f_{{{number}}} = ", f"f{number} = ", self._forward(node.id)),
            backward=_line(f"g_{{{number}}} = ", f"g{number} = ", self._backward(node.id)),
            live=bool(self._live[node.id]),
        )

    def _symbol(self, node: Node) -> str:
        inside = self._inside.get(node.id)
        if inside is None:
            return node.op.symbol_for(node.attrs, tuple(self._graph.rows[arg].shape for arg in node.args))
        args = [symbol(_DOT)] * len(node.args)
        args[inside] = as_term(float(self._graph.constants[node.args[inside]]))
        return as_written(call_rule(lambda: as_term(node.op.forward(recorder, *args, **node.attrs))))

    def _name(self, node: Node) -> Label | None:
        """A node's own name, else the one that it has as an output: `gv.graph(mean=…)`."""
        if node.name:
            return Label(node.tex, node.name)
        name = self._outputs.get(node.id)
        return Label(name_to_tex(name), name) if name else None

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
        )

    def _forward(self, index: int) -> Label | None:
        if self._values is None:
            return None
        return _number(self._values.forward.get(index), f"f{index}")

    def _backward(self, index: int) -> Label | None:
        if self._values is None or not self._values.backward or not self._live[index]:
            return None
        return _number(self._values.backward.get(index), f"g{index}")

    def _edges(self, node: Node) -> Iterator[FigureEdge]:
        for slot, child in enumerate(node.args):
            if self._inside.get(node.id) == slot:
                continue
            live = bool(self._live[child])
            yield FigureEdge(
                parent=f"n{node.id}",
                child=f"n{child}.{node.id}.{slot}" if self._repeated(child) else f"n{child}",
                slot=slot,
                labels=tuple(self._edge_labels(node.id, slot)) if live else (),
                live=live,
                lit=bool(self._reached[child]),
            )

    def _edge_labels(self, parent: int, slot: int) -> Iterator[Label]:
        if self._labels in ("symbolic", "both"):
            tex = self._labeler.derivative(parent, slot)
            yield Label(tex, tex_to_text(tex))
        if self._labels in ("numeric", "both") and self._values is not None:
            number = self._slope(self._values, parent, slot)
            if self._labels == "numeric" or number.tex != tex:
                yield number

    def _slope(self, values: Values, parent: int, slot: int) -> Label:
        row, child = self._graph.rows[parent], self._graph.rows[self._graph.args[parent][slot]]
        shape = row.shape + child.shape
        if not row.op.elementwise and row.shape and math.prod(shape) > _LARGEST_JACOBIAN:
            tex = shape_tex(shape)
            return Label(tex, tex_to_text(tex))
        return _number(values.local.get((parent, slot)), f"d{parent}/{slot}")

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


def _written_inside(graph: Graph) -> Iterator[Edge]:
    """Yield the edges to bare numbers that the box of their operation shows, as an exponent; one for each box."""
    if not any(row.op.inside for row in graph.distinct_rows):
        return
    for index, (row, args) in enumerate(zip(graph.rows, graph.args, strict=True)):
        bare = [slot for slot in row.op.inside if _is_bare_number(graph, args[slot])]
        if len(bare) == 1:
            yield index, bare[0]


def _is_bare_number(graph: Graph, index: int) -> bool:
    return graph.rows[index].op is CONSTANT and graph.rows[index].shape == () and index not in graph.texts


def _line(tex: str, text: str, value: Label | None) -> Label | None:
    return value and Label(tex + value.tex, text + value.text, value.shows)


def _number(value: Any, shows: str) -> Label:
    tex, text = _NOT_COMPUTED if value is None else (array_tex(value), array_text(value))
    return Label(tex, text, shows)
