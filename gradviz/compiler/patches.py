"""Windows that are compared or summed, as in pooling: one array for each place in the window.

Windows as such have the places in the window as their last axes, a few elements each: the worst order to
compute in. So the copies are stacked in front, and all that is computed of them stays in this order.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import FUNCTIONS, Primitive
from gradviz.namespaces.record import Term, as_term
from gradviz.passes.rewrite import Rule, attrs_of, made_by

MOST_PLACES = 32
"""Windows of more elements are rather copied as they are."""

SMALLEST = 2048
"""Below so many elements the order does not matter."""

_COMPARED = {"max", "sum", "multiply", "greater_equal", "less_equal", "greater", "less", "equal", "add", "subtract"}


def arranged(graph: Graph, node: Node, args: list[Expr]) -> Expr | None:
    """Return windows in the order in which they are best computed with; None for others, and where they stay so."""
    if node.op.name != "windows":
        return None
    if math.prod(node.attrs["size"]) <= MOST_PLACES and _users(graph, node.id) <= _COMPARED:
        return _stacked(node, args[0])
    users = [graph.rows[user] for user, _ in graph.parents[node.id]]
    moved = [user.op.name == "transpose" and user.attrs["axes"][-1] == 0 for user in users]
    if moved and all(moved) and made_by(args[0], "transpose") is None:
        return node.op(_samples_last(args[0]), **node.attrs)
    return None


def _users(graph: Graph, index: int) -> set[str]:
    """Return the operations that a node is used by, seen through transposes."""
    found = {"output"} if index in graph.outputs.values() else set()
    for user, _ in graph.parents[index]:
        name = graph.rows[user].op.name
        found |= _users(graph, user) if name == "transpose" else {name}
    return found


def _samples_last(x: Expr) -> Expr:
    """Return an array that looks the same, but has its first axis innermost in memory."""
    last = x.ndim - 1
    copied = COPY(FUNCTIONS["transpose"](x, (*range(1, x.ndim), 0)))
    return FUNCTIONS["transpose"](copied, (last, *range(last)))


def _stacked(node: Node, x: Expr) -> Expr:
    """Return windows as a stack of slices, one for each place in the window."""
    size: tuple[int, ...] = node.attrs["size"]
    count = len(size)
    moved = made_by(x, "transpose")
    whole = x if moved is None else moved[0]
    axes: tuple[int, ...] = attrs_of(x)["axes"] if moved else tuple(range(x.ndim))
    places = node.shape[-2 * count : -count]
    slices = []
    for offset in itertools.product(*map(range, size)):
        key = [slice(None)] * whole.ndim
        steps = zip(axes[-count:], offset, places, node.attrs["stride"], node.attrs["dilation"], strict=True)
        for axis, at, length, step, apart in steps:
            key[axis] = slice(at * apart, at * apart + (length - 1) * step + 1, step)
        slices.append(whole[tuple(key)])
    stack = FUNCTIONS["stack"](slices)
    made = FUNCTIONS["reshape"](stack, (*size, *stack.shape[1:]))
    return FUNCTIONS["transpose"](made, (*(count + axis for axis in axes), *range(count)))


def _moved(handle: Expr) -> tuple[Expr, tuple[int, ...]] | None:
    """Return what a handle is a transpose of, and the order of the axes."""
    inner = made_by(handle, "transpose")
    if inner is None or math.prod(handle.shape) < SMALLEST:
        return None
    return inner[0], attrs_of(handle)["axes"]


def moved_elementwise(op: Primitive, shape: tuple[int, ...], args: list[Expr]) -> Expr | None:
    """What is computed of a transposed array is computed before it is transposed."""
    found = next((one for one in map(_moved, args) if one is not None and len(one[1]) == len(shape)), None)
    if found is None:
        return None
    whole, axes = found
    if tuple(whole.shape[axis] for axis in axes) != shape:
        return None
    back = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    handles = []
    for arg in args:
        one = _moved(arg)
        if arg.shape == shape and (one is None or one[1] != axes):
            return None  # both as large, in different orders
        if one is not None and one[1] == axes:
            handles.append(one[0])
        elif arg.ndim == 0:
            handles.append(arg)
        else:
            wide = FUNCTIONS["reshape"](arg, (*(1,) * (len(axes) - arg.ndim), *arg.shape))
            handles.append(FUNCTIONS["transpose"](wide, back))
    return FUNCTIONS["transpose"](op(*handles), axes)


def moved_reduction(name: str) -> Rule:
    """Return the rule that what is summed of a transposed array is summed before it is transposed."""

    def rule(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
        one = _moved(args[0])
        if one is None or node.attrs["keepdims"]:
            return None
        whole, axes = one
        gone = {axes[axis] for axis in node.attrs["axis"]}
        left = [axis for axis in range(whole.ndim) if axis not in gone]
        made = FUNCTIONS[name](whole, tuple(sorted(gone)))
        order = tuple(left.index(axis) for axis in axes if axis not in gone)
        return FUNCTIONS["transpose"](made, order) if made.ndim > 1 else made

    return rule


COPY = Primitive(
    name="copy", symbol="", forward=lambda xp, x: Term("copy", (as_term(x),)), vjp=lambda xp, g, f, x: (g,)
)
"""The same array, in memory as it is written."""

EQUAL = Primitive(
    name="equal",
    symbol="=",
    forward=lambda xp, a, b: xp.indicator(xp.equal(a, b)),
    partials=(lambda xp, f, a, b: 0, lambda xp, f, a, b: 0),
)
"""1[a = b], which rules of derivatives write as a product of two comparisons."""


def equality(args: list[Expr]) -> Expr | None:
    """1[a ≥ b] · 1[a ≤ b] = 1[a = b]."""
    for one, other in (args, args[::-1]):
        above, below = made_by(one, "greater_equal"), made_by(other, "less_equal")
        if above and below and [arg.id for arg in above] == [arg.id for arg in below]:
            return EQUAL(*above)
    return None
