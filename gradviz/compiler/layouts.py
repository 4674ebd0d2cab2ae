"""In which order the axes of values stand in memory: the one in which they are used next.

A transpose that is to be moved is computed where it is wanted. What has short rows and is reduced along them
(the scores of attention) stands in memory column after column: NumPy adds and compares columns many at once, but
begins anew at every row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from gradviz.compiler.instructions import Place
from gradviz.core.build import frozen
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import CONSTANT, FUNCTIONS
from gradviz.core.replay import rebuild, replay
from gradviz.passes.rewrite import made_by

Order = tuple[int, ...]
"""Axes, from those whose elements are farthest from each other to those whose elements are neighbors."""

FEWEST_AXES = 3
"""Matrices are read as they lie or transposed, which is the same to BLAS."""
LONGEST_ROW, FEWEST_ROWS = 256, 64
"""Rows that are longer, or fewer, are as quickly reduced one by one."""
FEWEST_MOVED = 4096
"""Fewer elements are in the processor's nearest cache at once."""


def laid_out(graph: Graph) -> Graph:
    """Return a graph of the same outputs in which values with short rows can stand column after column.

    Sums of their rows are sums, no longer products with ones, for which they would have to be moved.
    """
    sums = {index for group in _with_short_rows(graph) for index in group.sums}
    if not sums:
        return graph

    def build(node: Node, args: list[Expr]) -> Expr:
        rows = made_by(args[0], "reshape") if node.id in sums else None
        if rows is None:
            return rebuild(node, args)
        return FUNCTIONS["reshape"](FUNCTIONS["sum"](rows[0], rows[0].ndim - 1), node.shape)

    handles = replay(graph, build, rename=False)
    return frozen({name: handles[index] for name, index in graph.outputs.items()})


def orders(graph: Graph) -> Mapping[int, Order]:
    """Return the order of the axes of those values that should not stand in their own."""
    found: dict[int, Order] = {}
    for index in range(len(graph)):
        order = _wanted(graph, index)
        if order is not None:
            found[index] = order
    for group in _with_short_rows(graph):
        last = len(graph.rows[next(iter(group.values))].shape) - 1
        found |= dict.fromkeys(group.values, (last, *range(last)))
    return found


def order_of(place: Place, ndim: int) -> Order | None:
    """Return in which order the first axes of an array stand in memory; None if in their own."""
    assert place.sample is not None
    strides = place.sample.strides[:ndim]
    order = sorted(range(ndim), key=lambda axis: -strides[axis])
    return None if order == sorted(order) else tuple(order)


def inverse(order: Order) -> Order:
    """Return the axes by which what stands in an order is in its own again."""
    return tuple(order.index(axis) for axis in range(len(order)))


def order_between(place: Place) -> Order | None:
    """Return the order in which an array is copied first, to be copied again from there; None for none.

    A copy runs along the last axis. Where its elements are farther apart than those of other axes, a processor fetches
    a line of memory for each, and has lost it before the next element of that line is wanted. So elements that are
    neighbors are brought together first, row by row; then only rows and columns change places, within reach.
    """
    assert place.sample is not None
    shape, strides = place.shape, place.sample.strides
    if math.prod(shape) < FEWEST_MOVED or len(shape) < FEWEST_AXES:
        return None
    *others, last = (axis for axis, length in enumerate(shape) if length > 1)
    near = min(others, key=lambda axis: strides[axis], default=last)
    if not any(strides[near] < strides[axis] < strides[last] for axis in others):
        return None
    return (*(axis for axis in range(len(shape)) if axis != near), near)


def _wanted(graph: Graph, index: int) -> Order | None:
    """Return the order in which a value is wanted by the one that uses it, if that would have to move it."""
    row, users = graph.rows[index], graph.parents[index]
    product = row.op.name == "matmul"
    if len(row.shape) < FEWEST_AXES or len(users) != 1 or index in graph.outputs.values():
        return None
    moved = graph.rows[users[0][0]]
    if not (product or row.op.elementwise) or moved.op.name != "transpose":
        return None
    order: Order = moved.attrs["axes"]
    if product and order[-1] < len(order) - 2:  # matmul writes rows or columns that are together
        return None
    readers = [graph.rows[reader].op for reader, _ in graph.parents[users[0][0]]]
    return order if any(op.name == "reshape" or op.elementwise for op in readers) else None


class _Group:
    """Values of one shape that depend on each other position by position.

    Attributes:
        values: their ids.
        sums: the products with ones that are sums of their rows.
        apart: whether they can stand in an order of their own: products and what is computed of them, which
            nobody reads in the order of the axes.
    """

    def __init__(self, graph: Graph, start: int) -> None:
        self._graph = graph
        self._shape = graph.rows[start].shape
        self.values: set[int] = set()
        self.sums: set[int] = set()
        waiting = [start]
        self.apart = True
        while waiting and self.apart:
            index = waiting.pop()
            if index not in self.values:
                self.values.add(index)
                waiting += self._neighbors(index)

    def _neighbors(self, index: int) -> Iterator[int]:
        graph = self._graph
        row = graph.rows[index]
        self.apart &= index not in graph.outputs.values() and (row.op.elementwise or row.op.name == "matmul")
        if row.op.elementwise:
            yield from (arg for arg in graph.args[index] if graph.rows[arg].shape == self._shape)
        for user, _ in graph.parents[index]:
            if graph.rows[user].op.elementwise:
                yield user
                self.apart &= graph.rows[user].shape == self._shape
            elif not self._is_product(user):
                self.apart &= self._is_reduction(user) or self._is_rows(user)

    def _is_product(self, index: int) -> bool:
        """Whether a value is read by a product, as it is or transposed."""
        graph = self._graph
        if graph.rows[index].op.name == "transpose":
            return all(graph.rows[user].op.name == "matmul" for user, _ in graph.parents[index])
        return graph.rows[index].op.name == "matmul"

    def _is_reduction(self, index: int) -> bool:
        row = self._graph.rows[index]
        return row.op.name in ("max", "sum") and row.attrs["axis"] == (len(self._shape) - 1,)

    def _is_rows(self, index: int) -> bool:
        """Whether a node puts rows one below another, to multiply them with ones."""
        graph = self._graph
        if graph.rows[index].op.name != "reshape" or graph.rows[index].shape[1:] != self._shape[-1:]:
            return False
        users = {user for user, _ in graph.parents[index]}
        self.sums |= users
        return all(graph.args[user][0] == index and self._is_by_ones(user) for user in users)

    def _is_by_ones(self, index: int) -> bool:
        graph = self._graph
        if graph.rows[index].op.name != "matmul":
            return False
        ones = graph.args[index][1]
        return (
            graph.rows[ones].op is CONSTANT
            and graph.rows[ones].shape == self._shape[-1:]
            and bool(np.all(np.asarray(graph.constants[ones]) == 1))
        )


def _with_short_rows(graph: Graph) -> Iterator[_Group]:
    """Yield the values that are better reduced many rows at once."""
    seen: set[int] = set()
    for index, row in enumerate(graph.rows):
        if row.op.name != "max":
            continue
        start = graph.args[index][0]
        shape = graph.rows[start].shape
        short = len(shape) >= FEWEST_AXES and row.attrs["axis"] == (len(shape) - 1,)
        if short and shape[-1] <= LONGEST_ROW and math.prod(shape[:-1]) >= FEWEST_ROWS and start not in seen:
            group = _Group(graph, start)
            seen |= group.values
            if group.apart:
                yield group
