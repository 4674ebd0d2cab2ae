"""A derivative as a graph: the rules run on nodes, from the output down to a leaf."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.build import data
from gradviz.core.build import graph as freeze
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.handle import as_name
from gradviz.core.loop import passed_on
from gradviz.core.replay import replay
from gradviz.core.tape import private_tape
from gradviz.core.unroll import as_graph
from gradviz.errors import GraphError, user_location
from gradviz.namespaces import nodes as xp
from gradviz.passes.given import output_name, scalar_root_of
from gradviz.passes.rewrite import simplify


@private_tape()
def derivative(graph: Graph | Expr, wrt: str | Expr, *, output: str | None = None) -> Graph:
    """Return the derivative of a graph by a leaf, as a graph.

    It has the leaves and names of the graph it comes from, its output is called "∂output/∂leaf", and it
    can be drawn, checked and differentiated again. It is simplified for reading.

    Args:
        graph: a graph or a node, of which the output is a single number.
        wrt: the name of a leaf (or another node), or the node.
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
    wrt = as_name(wrt)
    root, leaf = scalar_root_of(frozen, output), frozen.find(wrt)
    handles = replay(frozen)
    found = _backward(frozen, handles, root, leaf)
    return simplify(freeze(**{f"∂{output_name(frozen, output)}/∂{wrt}": found}))


@private_tape()
def hessian_vector(graph: Graph | Expr, wrt: str | Expr, vector: Any, *, output: str | None = None) -> Graph:
    """Return the product of the Hessian by a leaf with a vector, as a graph: ∂(∂output/∂leaf · v)/∂leaf.

    The matrix itself is never formed (Pearlmutter, 1994).

    Args:
        graph: a graph or a node, of which the output is a single number.
        wrt: the name of a leaf, or the leaf.
        vector: of the leaf's shape; it becomes the data leaf "v".
        output: the name of the output, if there are several.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", [1.0, 2.0])
        >>> product = gv.hessian_vector(gv.sum(x**3), "x", [1.0, 0.0])
        >>> gv.evaluate(product).output.tolist()
        [6.0, 0.0]
    """
    wrt = as_name(wrt)
    first = derivative(graph, wrt, output=output)
    gradient = replay(first)[next(iter(first.outputs.values()))]
    name = "v"
    while name in first.paths:
        name += "'"
    along = data(name, vector, shape=gradient.shape, dtype=gradient.dtype)
    total = xp.sum(gradient * along, tuple(range(gradient.ndim)))
    product = f"{next(iter(first.outputs))}·{name}"
    along_leaf, whole = freeze(**{product: total}), as_graph(graph)
    if whole.node(whole.find(wrt)).path not in along_leaf.paths:  # the output is linear in the leaf
        return freeze(**{f"∂{product}/∂{wrt}": constant(np.zeros(gradient.shape), gradient.dtype)})
    return simplify(derivative(along_leaf, wrt))


def _backward(graph: Graph, handles: list[Expr], root: int, leaf: int) -> Expr:
    """Run the rules on nodes from a root down, and return the adjoint of a leaf."""
    live = graph.depends_on(frozenset([leaf]))
    one = constant(np.ones(graph.rows[root].shape), graph.rows[root].dtype)
    adjoints: dict[int, Expr] = {root: one} if live[root] else {}
    for index in range(root, leaf, -1):
        g = adjoints.pop(index, None)
        if g is None:
            continue
        slots = [slot for slot, child in enumerate(graph.args[index]) if live[child]]
        for slot, given in zip(slots, passed_on(graph, handles, index, g, slots, xp), strict=True):
            if given is None:
                what = f"{graph.describe(index)} has no derivative by argument {slot + 1}"
                raise GraphError(what, where=user_location())
            child, added = graph.args[index][slot], constant(given)
            before = adjoints.get(child)
            adjoints[child] = added if before is None else before + added
    row = graph.rows[leaf]
    return adjoints[leaf] if leaf in adjoints else constant(np.zeros(row.shape), row.dtype)
