"""Random values, or small random graphs, with numbers that are easy by hand: what exercises are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradviz.core.build import graph as freeze
from gradviz.core.build import param
from gradviz.core.expr import Expr
from gradviz.core.format import array_text
from gradviz.core.graph import Graph
from gradviz.core.primitive import CONSTANT
from gradviz.errors import UsageError
from gradviz.namespaces import numpy as xp
from gradviz.ops.elementwise import maximum, square
from gradviz.passes.evaluate import backprop

_TRIES = 300
_NUMBERS = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
_EASY_LENGTH = 3
"""A number of at most this many characters is easy: -12, 0.5."""


def easy_points(graph: Graph | None, count: int, seed: int) -> Iterator[tuple[Graph, dict[str, Any]]]:
    """Yield graphs with values of their leaves, of which many are tried.

    Those values are taken that make the numbers of the whole graph short, no two alike, and no point at a kink.

    Args:
        graph: a graph, of which the output is a single number; None for small random graphs of sums, products,
            squares and maxima.
        count: how many.
        seed: of the values and the graphs.

    Raises:
        UsageError: for none of them, or more than there are.
        GraphError: for an output that is no single number.

    Example:
        >>> import gradviz as gv
        >>> ((graph, at),) = easy_points(gv.graph(gv.square(gv.param("x", 0.5))), 1, seed=0)
        >>> at["x"].item() in (-3, -2, -1, 1, 2, 3)
        True
    """
    if count < 1:
        raise UsageError(f"{count} exercises are none")
    source = np.random.default_rng(seed)
    taken: set[Any] = set()
    for _ in range(count):
        made = graph or _random_graph(source)
        yield made, _easy_values(made, source, taken)


def _easy_values(graph: Graph, source: np.random.Generator, taken: set[Any]) -> dict[str, Any]:
    """Return values of the leaves for which the graph's numbers are short."""
    leaves = [leaf for leaf in graph.leaves if leaf.op is not CONSTANT and leaf.dtype.kind == "f"]
    best: tuple[float, dict[str, Any], Any] | None = None
    for _ in range(_TRIES):
        at = {leaf.path: source.choice(_NUMBERS, size=leaf.shape) for leaf in leaves}
        key = (tuple(row.op.name for row in graph.rows), *(np.asarray(value).tobytes() for value in at.values()))
        if key in taken:
            continue
        effort = _effort(graph, at)
        if best is None or effort < best[0]:
            best = effort, at, key
        if effort == 0:
            break
    if best is None:
        raise UsageError("there are no more different exercises", hint="ask for fewer")
    taken.add(best[2])
    return best[1]


def _effort(graph: Graph, at: dict[str, Any]) -> float:
    """How hard the numbers are to write, or how dull: 0 if all are short and no adjoint is 0; infinite at a kink."""
    values = backprop(graph, at)
    effort = 0.0
    for index, row in enumerate(graph.rows):
        inputs = [values.forward[arg] for arg in graph.args[index]]
        if row.op.kink is not None and np.any(row.op.kink(xp, *inputs, **row.attrs) == 0):
            return float("inf")
        for known in (values.forward, values.backward):
            for number in np.ravel(known[index]) if index in known else ():
                effort += max(len(array_text(number)) - _EASY_LENGTH, 0)
    return effort + sum(not np.any(values.backward[index]) for index in values.backward)


def _random_graph(source: np.random.Generator) -> Graph:
    """Make a small graph in which every leaf is used."""
    leaves: list[Expr] = [param(name, 1.0) for name in ("x", "y", "z")[: int(source.integers(2, 4))]]
    unused = list(leaves)
    for _ in range(int(source.integers(0, 3))):  # what is made of one node keeps the number of unused ones
        place = int(source.integers(len(unused)))
        unused[place] = _one(source, unused[place], leaves)
    while len(unused) > 1:
        first = unused.pop(int(source.integers(len(unused))))
        second = unused.pop(int(source.integers(len(unused))))
        unused.append(_two(source, first, second))
    return freeze(out=unused[0].named("out") if unused[0].name is None else unused[0] + 0.0)


def _one(source: np.random.Generator, x: Expr, leaves: Sequence[Expr]) -> Expr:
    other = leaves[int(source.integers(len(leaves)))]
    makers: list[Callable[[], Expr]] = [
        lambda: square(x),
        lambda: x + other,
        lambda: x * other,
        lambda: maximum(x, 0.0),
    ]
    return makers[int(source.integers(4))]()


def _two(source: np.random.Generator, a: Expr, b: Expr) -> Expr:
    makers: list[Callable[[], Expr]] = [lambda: a + b, lambda: a - b, lambda: a * b, lambda: maximum(a, b)]
    return makers[int(source.integers(4))]()
