"""`gradviz.to_sympy`: a graph as a SymPy expression."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from gradviz.core.expr import Expr
from gradviz.core.graph import Array, Graph, Node
from gradviz.core.primitive import CONSTANT
from gradviz.core.unroll import as_graph
from gradviz.errors import GraphError, RuleError, user_location
from gradviz.namespaces.sympy import Case, Guard, plain, symbolic
from gradviz.passes.given import root_of
from gradviz.passes.whole import too_big, write_out


def to_sympy(graph: Graph | Expr, *, output: str | None = None) -> Any:
    """Return what a graph computes, as a SymPy expression of its leaves.

    A leaf that is a number becomes a real symbol of its name; an array becomes an `IndexedBase`, of
    which the expression holds the entries (``W[0, 1]``). Constants become exact numbers.

    Args:
        graph: a graph or a node.
        output: the name of the output, if there are several.

    Returns:
        An expression; of an output that is an array, an immutable array of expressions.

    Raises:
        GraphError: for a graph whose formula would be too long or too deep for SymPy, or a rule that
            symbols cannot run.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", shape=2), gv.data("x", shape=2)
        >>> gv.to_sympy(gv.maximum(1 - w @ x, 0))
        Max(0, -w[0]*x[0] - w[1]*x[1] + 1)
    """
    frozen = as_graph(graph)
    root = root_of(frozen, output)
    reason = too_big(frozen)
    if reason:
        raise GraphError(f"SymPy cannot hold it: {reason}", where=user_location(), hint="take a part of the graph")
    leaves = {leaf.id: _symbols(leaf) for leaf in frozen.leaves if leaf.op is not CONSTANT or leaf.name}
    try:
        found = plain(write_out(frozen, leaves)[root])
    except RecursionError:
        raise GraphError("SymPy cannot hold it: the formula is too deep", where=user_location()) from None
    except RuleError as error:
        where = error.where or user_location()
        raise GraphError(f"a rule does not run on symbols: {error.what}", where=where) from error
    entries = [_in_words_of_sympy(entry) for entry in found.flat]
    return entries[0] if found.shape == () else sympy.ImmutableDenseNDimArray(entries, found.shape)


def _symbols(leaf: Node) -> Array:
    """Return the symbol of a leaf, or the entries of its base."""
    name = leaf.path
    if leaf.shape == ():
        return symbolic(sympy.Symbol(name, real=True))
    base = sympy.IndexedBase(sympy.Symbol(name, real=True), shape=leaf.shape, real=True)
    found = np.empty(leaf.shape, dtype=object)
    for place in np.ndindex(leaf.shape):
        found[place] = base[place]
    return symbolic(found)


def _in_words_of_sympy(expression: Any) -> Any:
    plain = expression.replace(Guard, lambda holds, value, rest: value)
    return plain.replace(Case, lambda holds, value, rest: sympy.Piecewise((value, holds), (rest, True)))
