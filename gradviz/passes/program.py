"""A graph as a program: what every node and every edge computes, recorded from the primitives' own rules.

Nothing is planned and nothing printed here. Terms speak of the value of node i as ``f[i]`` and of the
adjoint of the parent of an edge as ``g``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradviz.core.graph import Edge, Graph
from gradviz.core.primitive import call_rule
from gradviz.namespaces.record import Term, as_term, recorder, symbol

ADJOINT = "g"


@dataclass(frozen=True)
class Program:
    """A recorded graph.

    Attributes:
        values: what each operation computes.
        passed: what each edge adds to the adjoint of its child.
        partials: of the edges of elementwise operations, the partial derivative.
    """

    values: Mapping[int, Term]
    passed: Mapping[Edge, Term]
    partials: Mapping[Edge, Term]


def value_symbol(graph: Graph, index: int) -> Term:
    """Return what stands for the value of a node."""
    return symbol(f"f[{index}]", graph.rows[index].shape)


def record(graph: Graph, edges: Mapping[Edge, int]) -> Program:
    """Record a graph.

    Args:
        graph: the graph.
        edges: the edges to go back along, with their children.

    Raises:
        RuleError: for a user's rule that does what only arrays allow.

    Example:
        >>> import gradviz as gv
        >>> graph = gv.graph(y=gv.tanh(gv.param("x", 0.5)))
        >>> program = record(graph, {(1, 0): 0})
        >>> program.values[1], program.partials[1, 0]
        (tanh(symbol('f[0]')), subtract(number(1), power(symbol('f[1]'), number(2))))
    """
    values = {index: _value(graph, index) for index, row in enumerate(graph.rows) if not row.op.leaf}
    partials = {edge: _partial(graph, *edge) for edge in edges if graph.rows[edge[0]].op.elementwise}
    passed = {edge: _passed(graph, edge, child, partials.get(edge)) for edge, child in edges.items()}
    return Program(values, passed, partials)


def _value(graph: Graph, index: int) -> Term:
    row, args = graph.rows[index], [value_symbol(graph, arg) for arg in graph.args[index]]
    return call_rule(lambda: as_term(row.op.forward(recorder, *args, **row.attrs)))


def _partial(graph: Graph, parent: int, slot: int) -> Term:
    row, args = graph.rows[parent], [value_symbol(graph, arg) for arg in graph.args[parent]]
    assert row.op.partials is not None
    rule, value = row.op.partials[slot], value_symbol(graph, parent)
    return call_rule(lambda: as_term(rule(recorder, value, *args, **row.attrs)))


def _passed(graph: Graph, edge: Edge, child: int, partial: Term | None) -> Term:
    parent, slot = edge
    row, args = graph.rows[parent], [value_symbol(graph, arg) for arg in graph.args[parent]]
    adjoint = symbol(ADJOINT, row.shape)
    if partial is not None:
        whole = adjoint * partial
        shape = graph.rows[child].shape
        return whole if shape == row.shape else Term("sum_to", (whole,), (shape,))
    rule, value = row.op.vjp, value_symbol(graph, parent)
    assert rule is not None
    return call_rule(lambda: as_term(rule(recorder, adjoint, value, *args, **row.attrs)[slot]))
