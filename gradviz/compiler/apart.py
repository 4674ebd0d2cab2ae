"""Products of rows over time: rows that are moved for another product, too, are multiplied where they stand then."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, NamedTuple

from gradviz.compiler.joins import JOINS, taken
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import FUNCTIONS
from gradviz.passes.rewrite import attrs_of, made_by

_ROWS_FIRST = (1, 0, 2)
"""Matrices over time become rows over time."""


class _Rows(NamedTuple):
    """Some of the rows of matrices over time.

    Attributes:
        base: an array whose first axis is time and whose second one is joined along.
        start, stop: which entries of that axis; all for stop None.
    """

    base: Expr
    start: int = 0
    stop: int | None = None

    @property
    def moved(self) -> Expr:
        """The rows, of all times one after another."""
        steps, entries, *_, columns = self.base.shape
        rows = math.prod(self.base.shape[1:-1])
        matrices = FUNCTIONS["reshape"](self.base, (steps, rows, columns))
        made = FUNCTIONS["reshape"](FUNCTIONS["transpose"](matrices, _ROWS_FIRST), (rows, steps * columns))
        each = rows // entries
        return made if self.stop is None else made[self.start * each : self.stop * each]


def rows_apart(graph: Graph, node: Node, args: list[Expr]) -> Expr | None:
    """Multiply rows by themselves that stand ready for another product: nobody need join and move them again.

    The adjoints of gates are multiplied with the state, for the gradient of one matrix, and together with other
    adjoints with what was given, for that of another one.

    Args:
        graph: where the node is.
        node: what may be a product of rows that were joined.
        args: its arguments, built anew.
    """
    if node.op.name != "matmul" or len(node.shape) != 2:
        return None
    ready = _ready(graph, node.args[0])
    join = _join(made_by, args[0]) if any(ready) else None
    parts = None if join is None or not _joins_rows(args[0], join) else made_by(join, _name(join))
    if join is None or parts is None or len(parts) != len(ready):
        return None
    pieces: list[_Rows] = []
    found = [_taken(part) if is_ready else None for part, is_ready in zip(parts, ready, strict=True)]
    for stand, group in groupby(range(len(parts)), key=lambda number: found[number] is not None):
        numbers = list(group)
        first, *more = (parts[number] for number in numbers)
        if stand:
            pieces += _together(one for number in numbers if (one := found[number]))
        elif more or first.ndim < 3:
            pieces.append(_Rows(FUNCTIONS[_name(join)]([first, *more], 1)))
        else:
            pieces.append(_Rows(first))
    if all(one is None for one in found):
        return None
    return FUNCTIONS["concatenate"]([FUNCTIONS["matmul"](one.moved, args[1]) for one in pieces], 0)


def _join(made: Callable[[Any, str], Any], left: Any) -> Any:
    """Return the join whose rows were moved to be multiplied; None if there is none."""
    for name in ("reshape", "transpose"):
        inner = made(left, name)
        if inner is None:
            return None
        left = inner[0]
    inner = made(left, "reshape")
    left = inner[0] if inner else left
    return left if any(made(left, name) for name in JOINS) else None


def _joins_rows(left: Expr, join: Expr) -> bool:
    """Whether what is multiplied are the rows of a join of matrices over time, those of all times one after another."""
    (moved,) = made_by(left, "reshape") or [left]
    order, axis = (attrs_of(one).get(name) for one, name in ((moved, "axes"), (join, "axis")))
    return order == _ROWS_FIRST and axis == 1 and join.ndim > 2 and moved.shape[0] == left.shape[0]


def _name(join: Expr) -> str:
    return join.tape.rows[join.id].op.name


def _ready(graph: Graph, index: int) -> list[bool]:
    """Return which of the parts that are joined are taken of something that is moved as a whole, too."""

    def made(index: int, name: str) -> tuple[int, ...] | None:
        return graph.args[index] if graph.rows[index].op.name == name else None

    join = _join(made, index)
    found = []
    for part in () if join is None else graph.args[join]:
        base = made(part, "getitem")
        users = set() if base is None else {graph.rows[user].op.name for user, _ in graph.parents[base[0]]}
        found.append(not users.isdisjoint(("reshape", "transpose")))
    return found


def _taken(part: Expr) -> _Rows | None:
    """Return of which array a part is, if it was taken along the second axis."""
    base, span = taken(part) or (part, None)
    return None if span is None or span.axis != 1 else _Rows(base, span.start, span.stop)


def _together(parts: Iterable[_Rows]) -> list[_Rows]:
    """Return parts of arrays, those as one that are next to each other."""
    found: list[_Rows] = []
    for one in parts:
        last = found[-1] if found else None
        if last is not None and last.base.id == one.base.id and last.stop == one.start:
            found[-1] = last._replace(stop=one.stop)
        else:
            found.append(one)
    return found
