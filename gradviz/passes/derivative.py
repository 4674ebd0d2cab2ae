"""A derivative as a graph: the rules run on nodes, from the output down to a leaf."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.build import data
from gradviz.core.build import graph as freeze
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.replay import replay
from gradviz.core.tape import private_tape
from gradviz.core.unroll import as_graph
from gradviz.errors import GradvizError, GraphError, error_location, user_location
from gradviz.namespaces import nodes as xp
from gradviz.passes.given import scalar_root_of
from gradviz.passes.rewrite import simplify


@private_tape()
def derivative(graph: Graph | Expr, wrt: str, *, output: str | None = None) -> Graph:
    """Return the derivative of a graph by a leaf, as a graph.

    It has the leaves and names of the graph it comes from, its output is called "∂output/∂leaf", and it
    can be drawn, checked and differentiated again. It is simplified for reading.

    Args:
        graph: a graph or a node, of which the output is a single number.
        wrt: the name of a leaf (or another node).
        output: the name of the output, if there are several.

    Raises:
        GraphError: for a name that no node has, an output that is an array, or a rule that nodes cannot run.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", 3.0)
        >>> second = gv.derivative(gv.derivative(gv.graph(y=x * x * x), "x"), "x")
        >>> float(gv.evaluate(second).output)
        18.0
    """
    frozen = as_graph(graph)
    root, leaf = scalar_root_of(frozen, output, "sum it, or index it"), frozen.find(wrt)
    handles = replay(frozen)
    found = _backward(frozen, handles, root, leaf)
    name = next(key for key, index in frozen.outputs.items() if index == root)
    return simplify(freeze(**{f"∂{name}/∂{wrt}": found}))


@private_tape()
def hessian_vector(graph: Graph | Expr, wrt: str, vector: Any, *, output: str | None = None) -> Graph:
    """Return the product of the Hessian by a leaf with a vector, as a graph: ∂(∂output/∂leaf · v)/∂leaf.

    The matrix itself is never formed (Pearlmutter, 1994).

    Args:
        graph: a graph or a node, of which the output is a single number.
        wrt: the name of a leaf.
        vector: of the leaf's shape; it becomes the data leaf "v".
        output: the name of the output, if there are several.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", [1.0, 2.0])
        >>> product = gv.hessian_vector(gv.sum(x**3), "x", [1.0, 0.0])
        >>> gv.evaluate(product).output.tolist()
        [6.0, 0.0]
    """
    first = derivative(graph, wrt, output=output)
    gradient = replay(first)[next(iter(first.outputs.values()))]
    name = "v"
    while name in first.paths:
        name += "'"
    along = data(name, vector, shape=gradient.shape, dtype=gradient.dtype)
    total = xp.sum(gradient * along, tuple(range(gradient.ndim)))
    return simplify(derivative(freeze(**{f"{next(iter(first.outputs))}·{name}": total}), wrt))


def _backward(graph: Graph, handles: list[Expr], root: int, leaf: int) -> Expr:
    """Run the rules on nodes from a root down, and return the adjoint of a leaf."""
    live = graph.depends_on(frozenset([leaf]))
    one = constant(np.ones(graph.rows[root].shape), graph.rows[root].dtype)
    adjoints: dict[int, Expr] = {root: one} if live[root] else {}
    for index in range(root, leaf, -1):
        g = adjoints.pop(index, None)
        if g is None:
            continue
        for slot, added in _passed_on(graph, handles, index, g, live):
            child = graph.args[index][slot]
            before = adjoints.get(child)
            adjoints[child] = added if before is None else before + added
    row = graph.rows[leaf]
    return adjoints[leaf] if leaf in adjoints else constant(np.zeros(row.shape), row.dtype)


def _passed_on(graph: Graph, handles: list[Expr], parent: int, g: Expr, live: bytearray) -> list[tuple[int, Expr]]:
    """Return what the live edges of a node add to the adjoints of its arguments."""
    row, args = graph.rows[parent], graph.args[parent]
    given = [handles[arg] for arg in args]
    slots = [slot for slot, child in enumerate(args) if live[child]]
    try:
        if row.op.partials is not None:
            found = {
                slot: xp.sum_to(g * row.op.partials[slot](xp, handles[parent], *given, **row.attrs), given[slot].shape)
                for slot in slots
            }
        else:
            assert row.op.vjp is not None
            products = row.op.vjp(xp, g, handles[parent], *given, **row.attrs)
            found = {slot: products[slot] for slot in slots if slot < len(products)}
    except GradvizError:
        raise
    except Exception as error:
        raise GraphError(
            f"the rule of {graph.describe(parent)} cannot be run on nodes: {type(error).__name__}: {error}",
            where=error_location(error) or user_location(),
        ) from error
    for slot in slots:
        if found.get(slot) is None:
            raise GraphError(
                f"{graph.describe(parent)} has no derivative by argument {slot + 1}", where=user_location()
            )
    return [(slot, constant(found[slot])) for slot in slots]
