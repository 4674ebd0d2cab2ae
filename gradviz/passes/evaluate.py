"""Evaluation: every value forward, every adjoint backward, by running the rules on arrays.

At a kink a rule gives the slides' strict indicator (0 at a tie); see docs/conventions.md. Graphs of
float64 scalars take the scalar sweep, which is generated from the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradviz.core.arrays import adjoint_dtype
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Row
from gradviz.core.handle import as_keys
from gradviz.core.primitive import call_rule
from gradviz.core.unroll import as_graph
from gradviz.errors import GraphError, user_location
from gradviz.namespaces import numpy as xp
from gradviz.passes import scalar
from gradviz.passes.given import given_values, root_of, seed_of
from gradviz.passes.values import Column, EdgeValues, NodeValues, Values, read_only
from gradviz.passes.wide import is_nothing


def evaluate(graph: Graph | Expr, at: Mapping[str, Any] | None = None) -> Values:
    """Compute the value of every node.

    Args:
        graph: a graph or a node.
        at: values for leaves by name, instead of their own.

    Returns:
        The values; ``backward`` is empty.

    Raises:
        ValueMissingError: for a leaf without a value, or a value of the wrong shape.
        GraphError: for a name that no leaf has.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", 3.0)
        >>> float(gv.evaluate(x * x).output)
        9.0
    """
    frozen = as_graph(graph)
    leaves = given_values(frozen, at or {})
    return _assemble(frozen, forward_values(frozen, leaves), None, None)


def backprop(
    graph: Graph | Expr,
    at: Mapping[str, Any] | None = None,
    *,
    wrt: str | Expr | Iterable[str | Expr] | None = None,
    output: str | None = None,
    seed: Any = None,
) -> Values:
    """Compute the value of every node and the derivative of the output by every node.

    Args:
        graph: a graph or a node.
        at: values for leaves by name, instead of their own.
        wrt: the leaves gradients are wanted for, by name or as nodes; by default the parameters (the data, if there are
            no parameters).
        output: the name of the output, if there are several.
        seed: ∂/∂output to start from, of the output's shape; by default 1 for a single number.

    Raises:
        ValueMissingError, GraphError: as `evaluate`; also for an output that is no single number
            when no seed is given.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
        >>> values = gv.backprop(gv.square(w * x))
        >>> float(values.forward["output"]), float(values.grad["w"])
        (36.0, 36.0)
    """
    frozen = as_graph(graph)
    root = root_of(frozen, output)
    leaves = given_values(frozen, at or {})
    chosen = None if wrt is None else frozenset(map(frozen.find, as_keys(wrt)))
    wanted = partial(_wanted, frozen, chosen)

    if seed is None and len(frozen.outputs) == 1 and root == len(frozen) - 1:  # where the sweep starts
        swept = scalar.both(frozen, leaves)
        if swept is not None:
            everything = chosen is None and frozen.all_learned
            return _assemble(frozen, *swept, None if everything else wanted)
    forward = _forward(frozen, leaves)
    seeds = {root: seed_of(frozen, root, seed)}
    return _assemble(frozen, forward, adjoints(frozen, forward, seeds, frozen.depends_on(wanted())), wanted)


def _wanted(graph: Graph, chosen: frozenset[int] | None) -> frozenset[int]:
    return graph.learned if chosen is None else chosen


def forward_values(graph: Graph, leaves: Mapping[int, Any]) -> Column:
    """Return the value of every node for these values of the leaves."""
    swept = scalar.forward(graph, leaves)
    return swept if swept is not None else _forward(graph, leaves)


def _forward(graph: Graph, leaves: Mapping[int, Any]) -> list[Any]:
    values: list[Any] = []
    with np.errstate(all="ignore"):
        for index, (row, args) in enumerate(zip(graph.rows, graph.args, strict=True)):
            if row.op.leaf:
                value = leaves[index]
            else:
                value = _run(graph, index, row.op.forward, xp, *[values[arg] for arg in args], **row.attrs)
            values.append(read_only(value, row.dtype, row.shape))
    return values


def _run(graph: Graph, index: int, rule: Any, *args: Any, **attrs: Any) -> Any:
    """Run a rule; an error in it is reported with the node it was run for."""
    return call_rule(lambda: rule(*args, **attrs), lambda: graph.describe(index))


def adjoints(graph: Graph, values: Column, seeds: Mapping[int, Any], live: bytearray) -> list[Any]:
    """Return ∂(Σ seed · output)/∂f of every live node, None where no gradient flows to.

    Args:
        graph: the graph.
        values: of all nodes.
        seeds: by output node, of its shape.
        live: a flag a node: whether its adjoint is wanted.
    """
    found: list[Any] = [None] * len(graph)
    for root, seed in seeds.items():
        found[root] = read_only(seed, graph.rows[root].dtype, graph.rows[root].shape) if live[root] else None
    with np.errstate(all="ignore"):
        for index in range(max(seeds), -1, -1):
            g = found[index]
            slots = [slot for slot, child in enumerate(graph.args[index]) if live[child]]
            if g is None or not slots:
                continue
            for slot, added in zip(slots, contributions(graph, values, g, index, slots), strict=True):
                child = graph.args[index][slot]
                before, row = found[child], graph.rows[child]
                found[child] = (
                    added if before is None else read_only(before + added, adjoint_dtype(row.dtype), row.shape)
                )
    return found


def contributions(graph: Graph, values: Any, g: Any, parent: int, slots: Sequence[int]) -> list[Any]:
    """Return what edges of one parent add to their children's adjoints: the vector-Jacobian products with g."""
    row, args = graph.rows[parent], graph.args[parent]
    inputs = [values[arg] for arg in args]
    found = []
    with np.errstate(all="ignore"):
        if row.op.partials is not None:
            for slot in slots:
                slope = _run(graph, parent, row.op.partials[slot], xp, values[parent], *inputs, **row.attrs)
                passed = 0.0 if is_nothing(slope) else g * slope
                found.append(xp.sum_to(np.broadcast_to(passed, row.shape), graph.rows[args[slot]].shape))
        else:
            products = _run(graph, parent, row.op.vjp, xp, g, values[parent], *inputs, **row.attrs)
            found = [products[slot] if slot < len(products) else None for slot in slots]
    return [_fitted(graph, parent, slot, one) for slot, one in zip(slots, found, strict=True)]


def _fitted(graph: Graph, parent: int, slot: int, given: Any) -> Any:
    """Return a rule's answer for an argument as a value of that argument's shape and dtype."""
    child = graph.rows[graph.args[parent][slot]]
    if given is None:
        raise GraphError(f"{graph.describe(parent)} has no derivative by argument {slot + 1}", where=user_location())
    if np.shape(given) not in (child.shape, ()):
        raise GraphError(
            f"the rule of {graph.describe(parent)} gives shape {np.shape(given)} for argument {slot + 1}, "
            f"which has {child.shape}",
            where=user_location(),
        )
    return read_only(given, adjoint_dtype(child.dtype), child.shape)


def local_derivative(graph: Graph, values: Any, parent: int, slot: int) -> Any:
    """Return the derivative of a node by one of its arguments, in the form that `Values.local` has."""
    row, args = graph.rows[parent], graph.args[parent]
    child = graph.rows[args[slot]]
    if row.op.partials is not None:
        with np.errstate(all="ignore"):
            inputs = [values[arg] for arg in args]
            slope = _run(graph, parent, row.op.partials[slot], xp, values[parent], *inputs, **row.attrs)
        return read_only(slope, adjoint_dtype(row.dtype), row.shape)
    ones = np.eye(_size(row), dtype=adjoint_dtype(row.dtype)).reshape(_size(row), *row.shape)
    rows = [contributions(graph, values, one, parent, [slot])[0] for one in ones]
    shape = child.shape if row.shape == () else (*row.shape, *child.shape)
    return read_only(np.reshape(rows, shape) if rows else np.empty(shape), adjoint_dtype(row.dtype), shape)


def _size(row: Row) -> int:
    return int(np.prod(row.shape, dtype=int))


def partial_values(graph: Graph, forward: Mapping[int, Any], backward: Mapping[int, Any]) -> Values:
    """Return values of which only some are known by now, for a picture of a moment of backpropagation."""
    known = [forward.get(index) for index in range(len(graph))]
    return _assemble(graph, known, [backward.get(index) for index in range(len(graph))], None)


def _assemble(
    graph: Graph, forward: Column, backward: Column | None, wanted: Callable[[], frozenset[int]] | None
) -> Values:
    adjoint = NodeValues(graph, [None] * len(graph) if backward is None else backward, wanted, "the adjoint")
    values = NodeValues(graph, forward, None, "the value")
    return Values(
        graph=graph,
        forward=values,
        backward=adjoint,
        # no closures, which could not be pickled
        local=EdgeValues(graph, partial(local_derivative, graph, values), None),
        contribution=EdgeValues(graph, partial(_contribution, graph, values, adjoint), adjoint),
    )


def _contribution(graph: Graph, forward: NodeValues, backward: NodeValues, parent: int, slot: int) -> Any:
    return contributions(graph, forward, backward[parent], parent, [slot])[0]
