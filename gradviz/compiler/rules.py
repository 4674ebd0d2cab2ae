"""Rules that make a graph quicker to run: each returns a handle of the same value, or None.

They stand beside those of `gradviz.passes.rewrite`, which make it shorter to read.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.compiler.einsum import as_product
from gradviz.compiler.joins import scaled, stacked, sum_of_parts
from gradviz.compiler.patches import SMALLEST, equality, moved_elementwise, moved_reduction
from gradviz.compiler.products import is_view, matmul, one_product
from gradviz.core.apply import constant
from gradviz.core.arrays import uniform_value
from gradviz.core.expr import Expr
from gradviz.core.graph import Node
from gradviz.core.primitive import FUNCTIONS
from gradviz.passes.rewrite import Rule, attrs_of, is_indicator, is_number, known_value, made_by

FEWEST_SUMMED = 4
SMALLEST_SUMMED = 1024
"""Sums of fewer terms, or of smaller arrays, gain nothing by being products."""

MOST_CLASSES = 256
"""A larger identity matrix would cost more memory than it saves time."""


_MAX_MOVED, _SUM_MOVED = moved_reduction("max"), moved_reduction("sum")


def _reshape(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """A shape of another shape is that shape."""
    inner = made_by(args[0], "reshape")
    return FUNCTIONS["reshape"](inner[0], node.shape) if inner else None


def _transpose(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """Axes moved twice are moved once, and vectors have none to move."""
    inner = made_by(args[0], "transpose")
    if inner is None:
        return None
    first = attrs_of(args[0])["axes"]
    order = tuple(first[axis] for axis in node.attrs["axes"])
    return inner[0] if order == tuple(range(len(order))) else FUNCTIONS["transpose"](inner[0], order)


def _elementwise(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """What is repeated only to fit the other argument fits by itself; what is transposed, is so afterwards."""
    for moved in (moved_elementwise(node.op, node.shape, args), _of_numbers(node, args)):
        if moved is not None:
            return moved
    for place in (0, 1):
        spread, other = args[place], args[1 - place]
        inner = _number(spread) if (whole := made_by(spread, "broadcast_to")) is None else whole[0]
        if inner is not None and inner is not spread and np.broadcast_shapes(inner.shape, other.shape) == node.shape:
            return node.op(inner, other) if place == 0 else node.op(other, inner)
        known = uniform_value(values[place]) if values[place] is not None and spread.size > 1 else None
        if known is not None and other.shape == node.shape:
            number = constant(known, spread.dtype)
            return node.op(number, other) if place == 0 else node.op(other, number)
    return None


def _of_numbers(node: Node, args: list[Expr]) -> Expr | None:
    """What is computed of single numbers gets its axes afterwards."""
    numbers = [_number(arg) for arg in args]
    if not node.shape or None in numbers:
        return None
    return FUNCTIONS["reshape"](node.op(*numbers), node.shape)


def _number(x: Expr) -> Expr | None:
    """Return what has no axes, also where it was given some of length 1."""
    inner = made_by(x, "reshape")
    found = inner[0] if inner else x
    return None if found.ndim else found


def _broadcast_to(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """A number is repeated without being given axes before."""
    number = _number(args[0])
    return None if number is None or number is args[0] else FUNCTIONS["broadcast_to"](number, node.shape)


def _multiply(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """Numbers of a product are multiplied beforehand, and smaller arrays before larger ones."""
    for shorter in (equality(args), scaled(args[0], values[1]), scaled(args[1], values[0]), _small_first(node, args)):
        if shorter is not None:
            return shorter
    for place in (0, 1):
        number, inner = values[place], _with_number(args[1 - place])
        if number is None or np.ndim(number) or inner is None or inner[0].shape != node.shape:
            continue
        x, known, times = inner
        with np.errstate(all="ignore"):
            factor = number * known if times else number / known
        if factor and np.isfinite(factor):
            return FUNCTIONS["multiply"](x, constant(factor, node.dtype))
    return _elementwise(node, args, values)


def _with_number(made: Expr) -> tuple[Expr, Any, bool] | None:
    """Return what a number multiplies or divides, the number, and whether it multiplies."""
    for name, places in (("multiply", (0, 1)), ("divide", (1,))):
        inner = made_by(made, name) or []
        for place in places[: len(inner)]:
            known = known_value(inner[place])  # a leaf's value is where it starts, and may change
            if known is not None and np.ndim(known) == 0:
                return inner[1 - place], known, name == "multiply"
    return None


def _add(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    whole = sum_of_parts(node, args, values)
    return _elementwise(node, args, values) if whole is None else whole


def _small_first(node: Node, args: list[Expr]) -> Expr | None:
    size = math.prod(node.shape)
    for place in (0, 1):
        small, inner = args[place], made_by(args[1 - place], "multiply")
        if inner is None or size < SMALLEST or math.prod(small.shape) * 2 > size:
            continue
        for side in (0, 1):
            if inner[1 - side].shape == node.shape and 1 < math.prod(inner[side].shape) * 2 <= size:
                return inner[1 - side] * (small * inner[side])
    return None


def _max(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """A maximum over axes that stay with length 1 is a maximum without them."""
    if not node.attrs["keepdims"]:
        return _MAX_MOVED(node, args, values)
    return FUNCTIONS["reshape"](FUNCTIONS["max"](args[0], node.attrs["axis"]), node.shape)


def _sum(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """A sum of sums is one sum; a sum over time of products of matrices is one product."""
    axis, keepdims = node.attrs["axis"], node.attrs["keepdims"]
    if keepdims or all(args[0].shape[one] == 1 for one in axis):
        whole = args[0] if not keepdims else FUNCTIONS["sum"](args[0], axis)
        return FUNCTIONS["reshape"](whole, node.shape)
    moved = _SUM_MOVED(node, args, values)
    if moved is not None:
        return moved
    inner = made_by(args[0], "sum")
    if inner and not attrs_of(args[0])["keepdims"]:
        gone = attrs_of(args[0])["axis"]
        left = [one for one in range(inner[0].ndim) if one not in gone]
        return FUNCTIONS["sum"](inner[0], tuple(sorted((*gone, *(left[one] for one in axis)))))
    factors = made_by(args[0], "matmul")
    if factors and axis == (0,) and all(one.ndim == 3 and one.shape[0] == args[0].shape[0] for one in factors):
        (rows, columns), depth = args[0].shape[1:], factors[1].shape[1]
        if 2 * rows * columns >= (rows + columns) * depth:  # else the products are smaller than their factors
            return one_product(*factors)
    return _by_ones(args[0], axis, node.shape)


def _by_ones(x: Expr, axis: tuple[int, ...], shape: tuple[int, ...]) -> Expr | None:
    """A sum over the first or the last axes is a product with ones, which is three times as fast."""
    count = math.prod(x.shape[one] for one in axis)
    size = math.prod(x.shape)
    if shape == () or count < FEWEST_SUMMED or size < SMALLEST_SUMMED or x.dtype.kind != "f" or is_view(x):
        return None
    ones = constant(np.ones(count), x.dtype)
    if axis == tuple(range(len(axis))):
        made = FUNCTIONS["matmul"](ones, FUNCTIONS["reshape"](x, (count, size // count)))
    elif axis == tuple(range(x.ndim - len(axis), x.ndim)):
        made = FUNCTIONS["matmul"](FUNCTIONS["reshape"](x, (size // count, count)), ones)
    else:
        return None
    return FUNCTIONS["reshape"](made, shape)


def _where(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """A choice by what does not hold is the other choice by what holds."""
    parts = made_by(args[0], "subtract")
    if not parts or not is_number(known_value(parts[0]), 1) or not is_indicator(parts[1]):
        return None
    return FUNCTIONS["where"](parts[1], args[2], args[1])


def _einsum(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    return as_product(node.attrs["subscripts"], args)


def _one_hot(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """The rows of an identity matrix."""
    count = node.attrs["count"]
    if count > MOST_CLASSES:
        return None
    return FUNCTIONS["take"](constant(np.eye(count), node.dtype), args[0], axis=0)


def _softmax(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    axis = node.attrs["axis"]
    z = FUNCTIONS["exp"](args[0] - FUNCTIONS["max"](args[0], axis, True))
    return z / FUNCTIONS["sum"](z, axis, True)


def _log_softmax(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    axis = node.attrs["axis"]
    shifted = args[0] - FUNCTIONS["max"](args[0], axis, True)
    return shifted - FUNCTIONS["log"](FUNCTIONS["sum"](FUNCTIONS["exp"](shifted), axis, True))


def _sigmoid(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """σ(x) = 1/(1 + exp(-x)), which small values keep their digits in; where exp(-x) is infinite, 0 is right."""
    one = constant(1, node.dtype)
    return one / (one + FUNCTIONS["exp"](-args[0]))


def _log(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """The logarithms of σ(x), 1 - σ(x) and softmax need none of them: they become 0 long before these are infinite."""
    inner = made_by(args[0], "softmax")
    if inner:
        return FUNCTIONS["log_softmax"](inner[0], attrs_of(args[0])["axis"])
    rest = made_by(args[0], "subtract")
    return _log_sigmoid(rest[1], -1) if rest and is_number(known_value(rest[0]), 1) else _log_sigmoid(args[0], 1)


def _log1p(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    minus = made_by(args[0], "negative")
    return _log_sigmoid(minus[0], -1) if minus else None


def _log_sigmoid(made: Expr, sign: int) -> Expr | None:
    inner = made_by(made, "sigmoid")
    return FUNCTIONS["logsigmoid"](inner[0] if sign > 0 else -inner[0]) if inner else None


STABLE: dict[str, Rule] = {"log": _log, "log1p": _log1p}
"""Rules that are applied before gradients are taken, which are then finite as well."""

RULES: dict[str, Rule] = {
    "add": _add,
    "broadcast_to": _broadcast_to,
    "stack": stacked,
    "subtract": _elementwise,
    "multiply": _multiply,
    "divide": _elementwise,
    "maximum": _elementwise,
    "minimum": _elementwise,
    "einsum": _einsum,
    "matmul": matmul,
    "one_hot": _one_hot,
    "reshape": _reshape,
    "transpose": _transpose,
    "max": _max,
    "where": _where,
    "greater": _elementwise,
    "greater_equal": _elementwise,
    "less": _elementwise,
    "less_equal": _elementwise,
    "equal": _elementwise,
    "sum": _sum,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "sigmoid": _sigmoid,
}
