"""The whole formula of a graph, by SymPy: written out and differentiated along one direction at a time.

That swells with the graph, so it is for small ones, and within a time limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import call_rule
from gradviz.namespaces import sympy as xp
from gradviz.passes.limit import TimeIsUpError, time_limit
from gradviz.passes.regions import DIGITS, OnBorderError, Region, value_at
from gradviz.passes.zero import why_given_up

MOST_TERMS = 4_000
"""A formula that takes more symbols and operations than this to write out is not tried."""
MOST_DEEP = 60
"""Nor one that nests deeper: SymPy recurses."""


def too_big(graph: Graph) -> str:
    """Say why a graph's formula is too big to write out, or return ""."""
    terms: list[float] = []
    depth: list[int] = []
    for row, args in zip(graph.rows, graph.args, strict=True):
        entries = max(1, math.prod(row.shape))
        sizes = [1.0] if row.op.elementwise else [math.prod(graph.rows[arg].shape) / entries for arg in args]
        reads = max(1.0, *sizes) if sizes else 1.0
        terms.append(1 + reads * sum(terms[arg] for arg in args))
        depth.append(1 + max((depth[arg] for arg in args), default=0))
    if max(depth) > MOST_DEEP:
        return f"the formula nests {max(depth)} deep"
    most = sum(terms[index] * max(1, math.prod(graph.rows[index].shape)) for index in graph.outputs.values())
    return f"the formula has about {most:.0e} terms" if most > MOST_TERMS else ""


def write_out(graph: Graph, leaves: Mapping[int, Any]) -> list[Any]:
    """Return every node's formula, as arrays of expressions.

    Args:
        graph: the graph.
        leaves: expressions for the leaves; the others are the constants that they are.
    """
    found: list[Any] = []
    for index, (row, args) in enumerate(zip(graph.rows, graph.args, strict=True)):
        if row.op.leaf:
            made = xp.symbolic(leaves[index] if index in leaves else graph.constants[index])
        else:
            attrs, inputs, rule = xp.exact_attrs(row.attrs), [found[arg] for arg in args], row.op.forward
            made = xp.symbolic(call_rule(lambda rule=rule, inputs=inputs, attrs=attrs: rule(xp, *inputs, **attrs)))  # type: ignore[misc]  # bound now
        found.append(made)
    return found


def slopes_by_sympy(
    graph: Graph,
    values: Mapping[int, Any],
    directions: Mapping[int, Array],
    seeds: Mapping[int, Array],
    seconds: float,
) -> tuple[dict[int, float], str]:
    """Return the output's derivative along a direction of each leaf, as SymPy works it out.

    Args:
        graph: the graph.
        values: of the leaves.
        directions: by leaf.
        seeds: what the outputs are multiplied with before they are summed, by node.
        seconds: the time limit for all of it.

    Returns:
        The derivatives found, by leaf, and why there are not more ("" if there are all).
    """
    reason = too_big(graph)
    if reason:
        return {}, reason
    found: dict[int, float] = {}
    try:
        with time_limit(seconds), np.errstate(all="ignore"):  # NumPy asks the processor what SymPy's numbers left there
            for leaf, direction in directions.items():
                found[leaf] = _slope(graph, values, leaf, direction, seeds)
    except TimeIsUpError:
        reason = f"SymPy was stopped after {seconds:g} s"
    except OnBorderError as error:
        reason = f"the point is at a kink, where {error.border} = 0"
    except Exception as error:  # what SymPy raises for a formula is not foreseeable
        reason = why_given_up(error)
    return found, reason


def _slope(graph: Graph, values: Mapping[int, Any], leaf: int, direction: Array, seeds: Mapping[int, Array]) -> float:
    t = sympy.Symbol("t", real=True)
    line = {index: xp.symbolic(_number(value)) for index, value in values.items()}
    line[leaf] = xp.symbolic(line[leaf] + xp.symbolic(_number(direction)) * t)
    formulas = write_out(graph, line)
    total = sympy.Add(*(entry for node, seed in seeds.items() for entry in xp.plain(formulas[node] * seed).flat))
    point = {t: sympy.Integer(0)}
    slope = sympy.diff(Region(point).smooth(total), t)
    return float(value_at(slope, {t: sympy.Float(0, DIGITS)}))


_number = np.frompyfunc(lambda value: sympy.Float(float(value), DIGITS), 1, 1)
